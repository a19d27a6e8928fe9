"""Paths between two codes, by name; every kind starts and ends exactly on what it was given."""

from collections.abc import Callable

import numpy as np

Kind = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
KINDS: dict[str, Kind] = {}
# Below this angle to parallel or antiparallel (radians) a great circle is ill-defined in float32.
_SMALLEST_ANGLE = 1e-3


def register(name: str) -> Callable[[Kind], Kind]:
    """Enter a kind of path under `name`."""

    def enter(kind: Kind) -> Kind:
        if name in KINDS:
            raise ValueError(f"path {name!r} is registered twice")
        KINDS[name] = kind
        return kind

    return enter


def _ends(a: np.ndarray, b: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"a path needs two codes of one shape (D,), not {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a path cannot start or end at NaN or infinity")
    if steps < 2:
        raise ValueError(f"a path needs at least 2 steps, its two ends, not {steps}")
    return a, b


@register("linear")
def lerp(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Straight path from `a` to `b` at constant speed; (D,), (D,) -> (steps, D) float32.

    Endpoints are exact.  ValueError for fewer than 2 steps, shapes that differ, NaN or infinity.
    """
    a, b = _ends(a, b, steps)
    t = np.linspace(0, 1, steps)[:, None]
    path = ((1 - t) * a + t * b).astype(np.float32)
    path[0], path[-1] = a, b
    return path


@register("spherical")
def slerp(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Great-circle path from `a` to `b`; (D,), (D,) -> (steps, D) float32.

    The direction turns on the great circle at constant speed while the norm goes linearly from |a| to |b|.
    Endpoints are exact; nearly parallel, antiparallel and zero vectors fall back to `lerp`.  ValueError as there.
    For ends of one norm this is White 2016, arXiv:1609.04468; his weights let the norm bulge where they differ.
    """
    a, b = _ends(a, b, steps)
    norms = np.linalg.norm(np.stack([a, b]).astype(np.float64), axis=1)
    if not norms.all():
        return lerp(a, b, steps)
    from_, to = a / norms[0], b / norms[1]
    # Unlike the cosine's inverse this stays accurate for small and for nearly straight angles.
    angle = 2 * np.arctan2(np.linalg.norm(from_ - to), np.linalg.norm(from_ + to))
    if min(angle, np.pi - angle) < _SMALLEST_ANGLE:
        return lerp(a, b, steps)
    t = np.linspace(0, 1, steps)[:, None]
    direction = (np.sin((1 - t) * angle) * from_ + np.sin(t * angle) * to) / np.sin(angle)
    path = (direction * ((1 - t) * norms[0] + t * norms[1])).astype(np.float32)
    path[0], path[-1] = a, b
    return path


def walk(kind: str, a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """A path of that kind; (D,), (D,) -> (steps, D) float32.  ValueError lists the known kinds."""
    if kind not in KINDS:
        raise ValueError(f"unknown path {kind!r}; choose from {', '.join(sorted(KINDS))}")
    return KINDS[kind](a, b, steps)


def through(kind: str, stops: np.ndarray, steps: int) -> np.ndarray:
    """A path of that kind from stop to stop; (S, D) -> (steps, D) float32.

    Every stop is one of its points; legs get equal numbers of steps, the first ones one more where it does not divide.
    ValueError for fewer than 2 stops or fewer steps than stops, else as `walk`.
    """
    legs = len(stops) - 1
    if legs < 1:
        raise ValueError(f"a path needs at least 2 stops, not {len(stops)}")
    if steps <= legs:
        raise ValueError(f"a path through {len(stops)} stops needs at least as many steps, not {steps}")
    counts = [(steps - 1) // legs + (n < (steps - 1) % legs) for n in range(legs)]
    parts = [walk(kind, stops[n], stops[n + 1], count + 1)[(n > 0) :] for n, count in enumerate(counts)]
    return np.concatenate(parts)


def length(path: np.ndarray) -> float:
    """Euclidean length of the polyline; (steps, D) -> latent units."""
    return float(np.linalg.norm(np.diff(np.asarray(path, np.float64), axis=0), axis=1).sum())
