"""Which points of a map lie within a drawn shape."""

import numpy as np

MOST_CORNERS = 5000


def inside(polygon: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which of (N, 2) points lie in the polygon (M, 2), by the even-odd rule; (N,) bool.

    ValueError for fewer than 3 or more than `MOST_CORNERS` corners, or ones that are not finite.
    """
    polygon = np.asarray(polygon, np.float64)
    if polygon.ndim != 2 or polygon.shape[1] != 2 or not 3 <= len(polygon) <= MOST_CORNERS:
        raise ValueError(f"a shape has 3 to {MOST_CORNERS} corners of two numbers, not {polygon.shape}")
    if not np.isfinite(polygon).all():
        raise ValueError("a shape's corners must be finite")
    found = np.zeros(len(points), bool)
    near = np.flatnonzero(((points >= polygon.min(0)) & (points <= polygon.max(0))).all(1))
    x, y = points[near].T.astype(np.float64)
    odd = np.zeros(len(near), bool)
    for (xi, yi), (xj, yj) in zip(polygon, np.roll(polygon, 1, 0), strict=True):
        if yi != yj:
            odd ^= ((yi > y) != (yj > y)) & (x < (xj - xi) * (y - yi) / (yj - yi) + xi)
    found[near] = odd
    return found
