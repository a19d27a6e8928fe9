"""Places between codes: means of the nearest ones, by inverse distance, the same whatever the batch."""

from functools import cached_property

import numpy as np

from latent.neighbours import in_metric, nearest_with_distances

# Codes that a place between them is a mean of.
_BLEND = 15
# Up to this many places at once, all distances in one thread are found sooner than a thread pool starts.
_FEW = 64


class Nearest:
    """The rows nearest to a place: of equal rows the first, ties by value, and nothing that depends on the batch."""

    def __init__(self, rows: np.ndarray, metric: str = "euclidean"):
        self.metric = metric
        view = np.ascontiguousarray(in_metric(rows, metric), np.float64)
        self.rows, self.first = np.unique(view, axis=0, return_index=True)
        self.count = min(_BLEND + 1, len(self.rows))

    @cached_property
    def _tree(self):
        from scipy.spatial import KDTree

        return KDTree(self.rows)

    def _candidates(self, view: np.ndarray) -> np.ndarray:
        if self.rows.shape[1] <= 3:
            return self._tree.query(view, self.count, p=1 if self.metric == "manhattan" else 2)[1]
        if len(view) > _FEW:
            # Rows that are unit vectors already need no other metric than Euclidean.
            metric = "manhattan" if self.metric == "manhattan" else "euclidean"
            return nearest_with_distances(self.rows, self.count, view, metric=metric)[0]
        from scipy.spatial.distance import cdist

        pairs = cdist(view, self.rows, "cityblock" if self.metric == "manhattan" else "sqeuclidean")
        return pairs.argpartition(self.count - 1, axis=1)[:, : self.count]

    def __call__(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(M, D) -> indices and distances (M, k), nearest first."""
        view = np.ascontiguousarray(in_metric(queries, self.metric), np.float64)
        rows = self._candidates(view).reshape(len(view), self.count)
        apart = np.abs(self.rows[rows] - view[:, None])
        distances = apart.sum(2) if self.metric == "manhattan" else np.sqrt((apart**2).sum(2))
        order = np.lexsort((rows, distances))
        return self.first[np.take_along_axis(rows, order, 1)], np.take_along_axis(distances, order, 1)


def blend(nearest: Nearest, queries: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Means of the nearest rows' values; (M, D), (N, E) -> (M, E) float32.

    Weights are (1/d - 1/R)², R the distance of the nearest row that has none.  (Franke & Little 1977, after
    Shepard 1968)
    """
    rows, distances = nearest(queries)
    if nearest.count == 1:
        return values[rows[:, 0]]
    near, reach = distances[:, :-1], distances[:, -1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = (reach / near - 1) ** 2
    hit = near[:, 0] == 0
    weights[hit] = np.eye(1, near.shape[1])
    weights[~hit & (weights.sum(1) == 0)] = 1.0  # all equally far
    weights /= weights.sum(1, keepdims=True)
    blended = (weights[:, :, None] * values[rows[:, :-1]]).sum(1).astype(np.float32)
    blended[hit] = values[rows[hit, 0]]
    return blended
