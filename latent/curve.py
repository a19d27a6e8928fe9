"""Curves as rows of codes: straight and great-circle ones, their length, and frames laid along them.

Everything takes one curve (steps, D) or a batch of them (P, steps, D), and a batch comes out as its curves one by one.
"""

import numpy as np

# Below this angle to parallel or antiparallel (radians) a great circle is ill-defined in float32.
_SMALLEST_ANGLE = 1e-3


def check_ends(a: np.ndarray, b: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The two ends as float32; ValueError for shapes other than (D,) or (P, D), NaN or infinity, or 1 step."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if a.ndim not in (1, 2) or a.shape != b.shape:
        raise ValueError(f"a path needs two codes of one shape, (D,) or (P, D), not {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a path cannot start or end at NaN or infinity")
    if steps < 2:
        raise ValueError(f"a path needs at least 2 steps, its two ends, not {steps}")
    return a, b


def _closed(path: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The path as float32, on exactly these ends."""
    path = path.astype(np.float32)
    path[..., 0, :], path[..., -1, :] = a, b
    return path


def lerp(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Straight path from `a` to `b` at constant speed; (..., D), (..., D) -> (..., steps, D) float32.

    Endpoints are exact.  ValueError as `check_ends`.
    """
    a, b = check_ends(a, b, steps)
    t = np.linspace(0, 1, steps)[:, None]
    return _closed((1 - t) * a[..., None, :] + t * b[..., None, :], a, b)


def slerp(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Great-circle path from `a` to `b`; (..., D), (..., D) -> (..., steps, D) float32.

    The direction turns on the great circle at constant speed while the norm goes linearly from |a| to |b|.
    Endpoints are exact; nearly parallel, antiparallel and zero vectors fall back to `lerp`.  ValueError as there.
    For ends of one norm this is White 2016, arXiv:1609.04468; his weights let the norm bulge where they differ.
    """
    a, b = check_ends(a, b, steps)
    from_, to = a.astype(np.float64), b.astype(np.float64)
    norm_a, norm_b = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (from_, to))
    from_, to = from_ / np.where(norm_a == 0, 1, norm_a), to / np.where(norm_b == 0, 1, norm_b)
    # Unlike the cosine's inverse this stays accurate for small and for nearly straight angles.
    apart, together = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (from_ - to, from_ + to))
    angle = 2 * np.arctan2(apart, together)
    turns = (norm_a > 0) & (norm_b > 0) & (np.minimum(angle, np.pi - angle) >= _SMALLEST_ANGLE)
    angle = np.where(turns, angle, 1.0)[..., None, :]
    t = np.linspace(0, 1, steps)[:, None]
    direction = np.sin((1 - t) * angle) * from_[..., None, :] + np.sin(t * angle) * to[..., None, :]
    round_ = direction / np.sin(angle) * ((1 - t) * norm_a[..., None, :] + t * norm_b[..., None, :])
    return np.where(turns[..., None, :], _closed(round_, a, b), lerp(a, b, steps))


def length(path: np.ndarray) -> float | np.ndarray:
    """Euclidean length of the polyline in latent units; (..., steps, D) -> (...)."""
    return np.linalg.norm(np.diff(np.asarray(path, np.float64), axis=-2), axis=-1).sum(-1)


def along(polyline: np.ndarray, lengths: np.ndarray, steps: int) -> np.ndarray:
    """Frames at equal shares of `lengths` along one polyline; (n, D), (n - 1,) -> (steps, D) float32.

    `lengths` >= 0 is how long each piece is taken to be; where all are 0 the pieces count the same.  Ends are exact.
    """
    return at(polyline, shares(lengths), np.linspace(0, 1, steps))


def shares(lengths: np.ndarray) -> np.ndarray:
    """Where each point stands along the whole, from 0 to 1 and strictly rising; (n - 1,) lengths >= 0 -> (n,)."""
    lengths = np.asarray(lengths, np.float64)
    total = lengths.sum()
    # A trace of each piece's number keeps pieces of no length apart.
    lengths = lengths / total + 1e-9 if total > 0 else np.ones(len(lengths))
    marks = np.concatenate([[0.0], np.cumsum(lengths)])
    return marks / marks[-1]


def at(polyline: np.ndarray, marks: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Points of a polyline whose points (n, D) stand at `marks` (n,), rising; (m,) -> (m, D) float32."""
    right = np.clip(np.searchsorted(marks, where, side="right"), 1, len(marks) - 1)
    t = np.clip((where - marks[right - 1]) / (marks[right] - marks[right - 1]), 0, 1)[:, None]
    return ((1 - t) * polyline[right - 1] + t * polyline[right]).astype(np.float32)
