"""Which points of a map lie within a drawn shape, and which is nearest to a place."""

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


class Index:
    """Points of a map (N, 2), to be asked for the one nearest to a place."""

    def __init__(self, points: np.ndarray):
        from scipy.spatial import KDTree

        # Unbalanced it is built three times as fast, and asked for one place at a time.
        self._tree = KDTree(points, balanced_tree=False, compact_nodes=False)

    def nearest(self, place: np.ndarray, reach: float) -> int | None:
        """The number of the point nearest to a place (2,), None where none is within `reach`."""
        distance, number = self._tree.query(place, distance_upper_bound=np.nextafter(reach, np.inf))
        return int(number) if np.isfinite(distance) else None
