"""A mixture of Gaussians fitted to codes: the stand-in for a prior that follows clusters.

How many components it has is the codes' own affair: the Bayesian information criterion (Schwarz 1978) decides, first
among `COUNTS`, then a step at a time from the best of them.  BLAS is held to one thread: on matrices this small more of
them only wait for each other (a fit takes up to a hundred times as long beside other work), and one gives the same
draws whatever the number of cores.
"""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from latent.jobs import Cancellation, Cancelled, Progress
from latent.neighbours import BLAS_TURN
from latent.store import Store, digest

VERSION = 1  # raised whenever the fit is made in another way
COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 26, 30)  # components
ROWS = 10_000  # codes that are fitted; of more, a sample is drawn
# Beyond so many dimensions a component's axes are those of all codes: its covariance would have more values than codes.
FULL_DIMENSIONS = 32
_TOLERANCE = 1e-2  # nats a code and step: a finer one takes four times as long and seldom changes the count
_PATIENCE = 2  # of COUNTS may in turn be no better than the best before the search ends
_FLOOR = 1e-4  # of the codes' mean variance, added to each component's: duplicates are no component
_COLUMNS = ("weights", "means", "roots", "counts", "bic", "rows")


@dataclass(frozen=True, eq=False)
class Mixture:
    """`weights` (K,), `means` (K, D), `roots` (K, D, D): the symmetric square roots of the covariances; float64.

    `bic` (n,) is the criterion at `counts` (n,) components, the least the best; `rows` codes were fitted of `count`.
    """

    weights: np.ndarray
    means: np.ndarray
    roots: np.ndarray
    counts: np.ndarray
    bic: np.ndarray
    rows: int
    count: int

    @property
    def components(self) -> int:
        return len(self.weights)

    def place(self, uniform: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """The draws that uniform numbers (n,) and deviations (n, D) of N(0, I) stand for; (n, D) float64."""
        component = np.searchsorted(np.cumsum(self.weights), uniform * self.weights.sum(), side="right")
        component = component.clip(max=self.components - 1)
        out = self.means[component]
        for k in range(self.components):
            mine = component == k
            out[mine] += noise[mine] @ self.roots[k]
        return out

    def sentence(self) -> str:
        """What it is, for people."""
        of = f"{self.rows:,} of {self.count:,}" if self.rows < self.count else f"{self.count:,}"
        plural = "s" if self.components > 1 else ""
        return f"a mixture of {self.components} Gaussian{plural} (count by BIC) fitted to {of} codes"


def root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root of a covariance (D, D), which unlike Cholesky's bears dimensions that do not vary.

    It is continuous in the covariance, where eigenvectors alone may turn or change sign by a rounding.
    """
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    with BLAS_TURN, threadpool_limits(1, "blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a fit stopped at its most steps: BIC judges what came of it
        yield


def fit(
    codes: np.ndarray,
    *,
    seed: int = 0,
    counts: Sequence[int] = COUNTS,
    rows: int = ROWS,
    progress: Progress = lambda share, message: None,
    cancelled: Cancellation = lambda: False,
) -> Mixture:
    """The mixture of Gaussians whose BIC over codes (N, D) is least, among `counts` and the steps from the best there.

    Of more than `rows` codes so many are drawn by `seed`.  There are never more components than leave D + 1 different
    codes to each.
    Components have full covariances, beyond 32 dimensions diagonal ones in the codes' principal axes.  Codes that are
    all the same are one component without extent.  ValueError for no codes or codes that are not finite; `Cancelled`
    where it was asked to stop.
    """
    from sklearn.mixture import GaussianMixture

    count, rng = len(codes), np.random.default_rng(seed)
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or not count or not np.isfinite(codes).all():
        raise ValueError(f"a mixture is fitted to one or more finite codes (N, D), not to shape {codes.shape}")
    if not counts or min(counts) < 1 or rows < 1:
        raise ValueError("a mixture needs at least 1 component and 1 row")
    if count > rows:
        codes = codes[np.sort(rng.choice(count, rows, replace=False))]
    centre, dimensions = codes.mean(0), codes.shape[1]
    scale = np.sqrt(codes.var(0).mean())
    if not scale:
        one, none = np.ones(1, np.int64), np.zeros((1, dimensions, dimensions))
        return Mixture(np.ones(1), centre[None], none, one, np.zeros(1), len(codes), count)
    full, axes = dimensions <= FULL_DIMENSIONS, np.eye(dimensions)
    scaled = (codes - centre) / scale
    if not full:
        axes = np.linalg.eigh(scaled.T @ scaled)[1]
        scaled = scaled @ axes
    most = max(1, len(np.unique(scaled, axis=0)) // (dimensions + 1))
    coarse = sorted({min(k, most) for k in counts})
    found: dict[int, tuple[float, GaussianMixture]] = {}

    def criterion(k: int) -> float:
        if cancelled():
            raise Cancelled
        progress(min(len(found) / (len(coarse) + 2), 1), f"a mixture of {k} Gaussian{'s' if k > 1 else ''}")
        with _one_thread():
            fitted = GaussianMixture(
                k, covariance_type="full" if full else "diag", reg_covar=_FLOOR, tol=_TOLERANCE, max_iter=50,
                random_state=seed,
            ).fit(scaled)  # fmt: skip
            found[k] = fitted.bic(scaled), fitted
        return found[k][0]

    def best() -> int:
        return min(found, key=lambda k: found[k][0])

    for n, k in enumerate(coarse):
        criterion(k)
        if n - coarse.index(best()) >= _PATIENCE:
            break
    while steps := [k for k in (best() - 1, best() + 1) if k not in found and 1 <= k <= coarse[-1]]:
        criterion(steps[0])
    chosen = found[best()][1]
    if full:
        roots = np.stack([root(c - _FLOOR * np.eye(dimensions)) for c in chosen.covariances_])
    else:
        roots = np.stack([(axes * np.sqrt((c - _FLOOR).clip(0))) @ axes.T for c in chosen.covariances_])
    roots *= scale
    tried = np.array(sorted(found), np.int64)
    criteria = np.array([found[k][0] for k in sorted(found)])
    means = centre + scale * chosen.means_ @ axes.T
    return Mixture(chosen.weights_, means, roots, tried, criteria, len(codes), count)


def kept_fit(
    codes: np.ndarray,
    store: Store | None,
    *,
    progress: Progress = lambda share, message: None,
    cancelled: Cancellation = lambda: False,
) -> Mixture:
    """`fit` of those codes, from the disk where it was made before; a disk that takes nothing is no failure."""
    if store is None:
        return fit(codes, progress=progress, cancelled=cancelled)
    key = {"version": VERSION, "codes": digest({"codes": codes})}
    held = store.get("mixture", key)
    if held is None:
        found = fit(codes, progress=progress, cancelled=cancelled)
        with contextlib.suppress(OSError):
            store.put("mixture", key, {name: np.asarray(getattr(found, name)) for name in _COLUMNS})
        return found
    return Mixture(*(held[name] for name in _COLUMNS[:-1]), int(held["rows"]), len(codes))
