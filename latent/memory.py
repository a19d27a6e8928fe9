"""Whether samples are remembered training images: the nearest ones, and whether they are nearer than they should be.

Nearer than held-out images are, that is, which come from where the training images come from.  A blurred picture is
nearer to everything in pixel space, so a model that blurs looks as if it remembered: compare its samples with held-out
images that went through the same decoder.  In latent space compare the codes that both are encoded to: those drawn from
a prior vary in dimensions that the encoder leaves unused.
"""

from dataclasses import dataclass

import numpy as np

# Rows of each side whose distances are held at once: 32 MB of them.
_QUERIES, _OTHERS = 2048, 4096
# Rounding in float32 may put one row before another; of so many more than asked for, distances are measured again.
_SPARE = 4


@dataclass(frozen=True)
class Copying:
    """Distances of samples to their nearest training images beside those of held-out images.

    `share` is that of samples below the held-out images' median distance, ties by half; `expected` is what samples of
    the data's own distribution have.  `z` is Mann and Whitney's U in standard deviations: far below 0, samples are
    nearer to training images than held-out images are (copied), far above 0, further (not learnt).  `p_value` is the
    chance of a U as low where neither is.  `samples` and `held_out` are counts; `against` says what the held-out
    images are, as they are or decoded.
    """

    share: float
    z: float
    p_value: float
    samples: int
    held_out: int
    against: str = "held-out images"
    expected: float = 0.5

    @property
    def flagged(self) -> bool:
        """Whether more samples lie close to training images than chance allows: z below -3."""
        return self.z < -3

    def sentence(self) -> str:
        """All of it in one sentence, for people."""
        verdict = "nearer" if self.flagged else "no nearer"
        return (
            f"{self.share:.0%} of {self.samples:,} samples lie closer to a training image than the median of "
            f"{self.held_out:,} {self.against} does (expected: {self.expected:.0%}; z = {self.z:.1f}): "
            f"{verdict} than {self.against} are."
        ).replace("%", " %")


def _flat(rows: np.ndarray) -> np.ndarray:
    """Images (N, C, H, W) or codes (N, D) as (N, D), still as they are stored."""
    rows = np.asarray(rows)
    if rows.ndim < 2 or not len(rows):
        raise ValueError(f"one or more images (N, C, H, W) or codes (N, D) are needed, not shape {rows.shape}")
    if rows.dtype != np.uint8 and not np.isfinite(rows).all():
        raise ValueError("codes or images hold NaN or infinity")
    return rows.reshape(len(rows), -1)


def _unit(rows: np.ndarray) -> np.ndarray:
    """float32, uint8 as [0, 1]."""
    return rows.astype(np.float32) / np.float32(255) if rows.dtype == np.uint8 else rows.astype(np.float32)


def nearest_training(samples: np.ndarray, training: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest training rows of each sample, nearest first: indices (N, k) int64 and distances (N, k) float64.

    Images (N, C, H, W) are compared in pixel space, codes (N, D) in latent space; Euclidean, uint8 counted from 0 to 1.
    Candidates come from float32 products, a block at a time, and their distances are then measured by subtraction: a
    copy is at exactly 0.  ValueError unless both are of one shape and type, finite, and 1 <= k <= training rows.
    """
    if np.shape(samples)[1:] != np.shape(training)[1:] or (samples.dtype == np.uint8) != (training.dtype == np.uint8):
        what = f"{samples.dtype} {samples.shape} and {training.dtype} {training.shape}"
        raise ValueError(f"samples and training rows must be alike, not {what}")
    if not 1 <= k <= len(training):
        raise ValueError(f"{k} nearest were asked for, and there are {len(training)} training rows")
    samples, training = _flat(samples), _flat(training)
    middle = _unit(training).mean(0, dtype=np.float64).astype(np.float32)  # near the origin, products round less
    queries, keep = _unit(samples) - middle, min(k + _SPARE, len(training))
    rows = np.zeros((len(samples), 0), np.int64)
    squares = np.zeros((len(samples), 0), np.float32)
    for first in range(0, len(training), _OTHERS):
        others = _unit(training[first : first + _OTHERS]) - middle
        norms, turned, most = (others**2).sum(1), -2 * others.T, min(keep, len(others))
        near = np.empty((len(samples), most), np.int64)
        apart = np.empty((len(samples), most), np.float32)
        for start in range(0, len(samples), _QUERIES):
            part = slice(start, start + _QUERIES)
            block = queries[part] @ turned  # without the sample's own square, the same for all its distances
            block += norms
            near[part] = np.argpartition(block, most - 1, axis=1)[:, :most]
            apart[part] = np.take_along_axis(block, near[part], 1)
        rows, squares = np.hstack([rows, near + first]), np.hstack([squares, apart])
        if rows.shape[1] > keep:
            best = np.argpartition(squares, keep - 1, axis=1)[:, :keep]
            rows, squares = (np.take_along_axis(a, best, 1) for a in (rows, squares))
    return _measured(samples, training, rows, k)


def _measured(samples: np.ndarray, training: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each sample's candidates the k nearest by exact distances, nearest first, equal ones by index."""
    scale = 255.0 if samples.dtype == np.uint8 else 1.0
    rows = np.sort(rows, axis=1)
    distances = np.stack(
        [np.sqrt(((samples - training[column].astype(np.float64)) ** 2).sum(1)) / scale for column in rows.T], axis=1
    )
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(rows, order, 1), np.take_along_axis(distances, order, 1)


def compare(of_samples: np.ndarray, of_held_out: np.ndarray, *, against: str = Copying.against) -> Copying:
    """The memory check of nearest-training distances, (N,) of samples and (M,) of held-out rows.

    Mann and Whitney's U over all pairs, its deviation corrected for ties, as the test for data copying over the whole
    space and not cell by cell.  Where all distances are the same, z is 0.  ValueError where there are none or they are
    not finite.  (Meehan et al. 2020, arXiv:2004.05675)
    """
    from scipy.stats import mannwhitneyu, norm

    a, b = np.asarray(of_samples, np.float64), np.asarray(of_held_out, np.float64)
    if a.ndim != 1 or b.ndim != 1 or not a.size or not b.size or not np.isfinite([a.sum(), b.sum()]).all():
        raise ValueError(f"distances must be finite, (N,) and (M,), not of shapes {a.shape} and {b.shape}")
    middle = np.median(b)
    share = float((a < middle).mean() + (a == middle).mean() / 2)
    pairs, total = a.size * b.size, a.size + b.size
    ties = np.unique(np.concatenate([a, b]), return_counts=True)[1].astype(np.float64)
    spread = np.sqrt(pairs / 12 * (total + 1 - (ties**3 - ties).sum() / (total * (total - 1))))
    z = float((mannwhitneyu(a, b).statistic - pairs / 2) / spread) if spread > 0 else 0.0
    return Copying(share, z, float(norm.cdf(z)), a.size, b.size, against)


def copying(
    samples: np.ndarray, held_out: np.ndarray, training: np.ndarray, *, against: str = Copying.against
) -> Copying:
    """The memory check of images (N, C, H, W), or of codes (N, D): `compare` of `nearest_training`'s distances.

    ValueError as there.
    """
    return compare(*(nearest_training(rows, training)[1][:, 0] for rows in (samples, held_out)), against=against)
