"""How far what a decoder is sampled from lies from what it was trained on: prior against aggregate posterior.

Images decoded from a prior that the encoder left alone are of no use however good the decoder is.  The gap is measured
by a two-sample test, which comes with what no gap at all would show, and seen a dimension at a time.
"""

from dataclasses import dataclass

import numpy as np

from latent import sample
from latent.space import LatentSpace

ROWS = 1000  # codes of each set that are compared: their kernel matrix grows with the square
PERMUTATIONS = 500
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)  # bandwidths, in medians of all distances


@dataclass(frozen=True, eq=False)
class Gap:
    """`mmd2`, the unbiased squared maximum mean discrepancy of two sets of `rows` codes, and what chance gives.

    `null` (permutations,) are its values with the codes dealt out anew, `null_95` their 95 % quantile, `p_value` the
    share of dealings, this one among them, that lie as far apart.  `median` is the median distance of all pairs.
    """

    mmd2: float
    p_value: float
    null_95: float
    null: np.ndarray
    median: float
    rows: tuple[int, int]

    @property
    def significant(self) -> bool:
        """Whether two sets of one distribution would lie so far apart less than once in 20 times."""
        return self.p_value < 0.05

    def sentence(self) -> str:
        """All of it in one sentence, for people."""
        verdict = "more than chance" if self.significant else "no more than chance"
        return (
            f"MMD² {self.mmd2:.4f}, {verdict} (95 % of dealings of the same codes stay below {self.null_95:.4f}; "
            f"p {'=' if self.p_value > 1 / (len(self.null) + 1) else '≤'} {self.p_value:.3f}, "
            f"{self.rows[0]:,} against {self.rows[1]:,} codes)"
        )


def _some(codes: np.ndarray, rows: int, rng: np.random.Generator) -> np.ndarray:
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or not np.isfinite(codes).all():
        raise ValueError(f"a gap is measured between finite codes (N, D), not shape {codes.shape} or NaN or infinity")
    if len(codes) < 2:
        raise ValueError(f"a gap needs at least 2 codes of each kind, not {len(codes)}")
    return codes if len(codes) <= rows else codes[np.sort(rng.choice(len(codes), rows, replace=False))]


def _squared_distances(codes: np.ndarray) -> np.ndarray:
    squares = (codes**2).sum(1)
    apart = (squares[:, None] + squares - 2 * codes @ codes.T).clip(0)
    np.fill_diagonal(apart, 0)
    return apart


def measure(a: np.ndarray, b: np.ndarray, seed: int, *, rows: int = ROWS, permutations: int = PERMUTATIONS) -> Gap:
    """MMD² between codes a (N, D) and b (M, D) with its permutation null; of more than `rows` so many are drawn.

    The kernel is the sum of exp(-d² / 2s²) over bandwidths s of 1/4, 1/2, 1, 2 and 4 times the median distance d of all
    pairs that differ.  Codes that are all the same have a gap of 0, and p = 1.  ValueError for fewer than 2 codes of a
    kind, dimensions that differ, NaN or infinity.  (Gretton et al. 2012, JMLR 13:723, eq. 3 and section 2.3)
    """
    if rows < 2 or permutations < 1:
        raise ValueError(f"a gap needs 2 or more rows and 1 or more permutations, not {rows} and {permutations}")
    rng = np.random.default_rng(seed)
    a, b = _some(a, rows, rng), _some(b, rows, rng)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"codes of {a.shape[1]} and of {b.shape[1]} dimensions have no gap between them")
    both = np.concatenate([a, b])
    apart = _squared_distances(both - both.mean(0))
    pairs = apart[np.triu_indices(len(both), 1)]
    differing = pairs[pairs > 1e-12 * max(pairs.max(), np.finfo(float).tiny)]
    if not len(differing):
        return Gap(0.0, 1.0, 0.0, np.zeros(permutations), 0.0, (len(a), len(b)))
    median = float(np.sqrt(np.median(differing)))
    kernel = sum(np.exp(apart / (-2 * (scale * median) ** 2)) for scale in SCALES)
    np.fill_diagonal(kernel, 0)  # the unbiased estimate leaves a code's kernel with itself out
    first = np.zeros((permutations + 1, len(both)))
    first[0, : len(a)] = 1
    first[1:] = rng.permuted(np.broadcast_to(first[0], (permutations, len(both))), axis=1)
    within_a = ((first @ kernel) * first).sum(1)
    with_all = first @ kernel.sum(1)
    across = with_all - within_a
    within_b = kernel.sum() - 2 * with_all + within_a
    n, m = len(a), len(b)
    found = within_a / (n * (n - 1)) + within_b / (m * (m - 1)) - 2 * across / (n * m)
    mmd2, null = found[0], found[1:]
    p_value = (1 + (null >= mmd2 - 1e-12).sum()) / (permutations + 1)
    return Gap(float(mmd2), float(p_value), float(np.quantile(null, 0.95)), null, median, (n, m))


def of_prior(space: LatentSpace, seed: int, *, rows: int = ROWS, permutations: int = PERMUTATIONS) -> Gap:
    """The gap between draws of N(0, I) and of the aggregate posterior.

    ValueError for a model without a prior, and for fewer than 2 rows.
    """
    if len(space) < 2:
        raise ValueError(f"a gap needs at least 2 codes of each kind, not {len(space)}")
    # Two seeds: a sampler turns the same seed into the same deviations, and the sets must be independent.
    drawn = [
        sample.sample(space, rows, 2 * seed + n, kind=k).codes for n, k in enumerate((sample.PRIOR, sample.AGGREGATE))
    ]
    return measure(*drawn, seed, rows=rows, permutations=permutations)


@dataclass(frozen=True, eq=False)
class Histograms:
    """Of each dimension of some codes, beside N(0, 1): densities over bins between `edges` (B + 1,).

    `density` (D, B) counts all codes, so that it sums to 1 - `outside` (D,), the share beyond the edges; `normal` (B,)
    is N(0, 1)'s mean density in each bin.
    """

    edges: np.ndarray
    density: np.ndarray
    normal: np.ndarray
    outside: np.ndarray


def histograms(codes: np.ndarray, *, bins: int = 40, limit: float = 4.0) -> Histograms:
    """Histograms of codes (N, D) over equal bins from -limit to limit, one a dimension.

    ValueError for no codes, NaN or infinity, fewer than 1 bin or a limit of 0 or less.
    """
    from scipy.special import ndtr

    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or not len(codes) or not np.isfinite(codes).all():
        raise ValueError(f"histograms are of one or more finite codes (N, D), not of shape {codes.shape}")
    if bins < 1 or not 0 < limit < float("inf"):
        raise ValueError(f"histograms need at least 1 bin and a limit above 0, not {bins} and {limit:g}")
    edges = np.linspace(-limit, limit, bins + 1)
    counts = np.stack([np.histogram(column, edges)[0] for column in codes.T])
    width = 2 * limit / bins
    return Histograms(
        edges, counts / (len(codes) * width), np.diff(ndtr(edges)) / width, 1 - counts.sum(1) / len(codes)
    )
