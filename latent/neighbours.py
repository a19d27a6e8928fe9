"""Exact nearest neighbours among codes, in any of the metrics that a map can be made by.

Cosine and correlation distance are half the squared Euclidean distance of normalised rows, so they are searched
as that: scikit-learn's own way takes ten times as long.
"""

import threading

import numpy as np

# While it searches or fits, scikit-learn holds BLAS to one thread, for the whole process: of two at once the first to
# end would let the other's BLAS have threads inside its own, which OpenBLAS warns of and may hang on.
BLAS_TURN = threading.Lock()

METRICS = ("euclidean", "cosine", "manhattan", "correlation")
# In fewer dimensions a tree is faster than all pairs; in 16 it takes six times as long.
_TREE_DIMENSIONS = 5


def nearest(codes: np.ndarray, k: int, queries: np.ndarray | None = None) -> np.ndarray:
    """Indices of the k nearest rows, nearest first; (N, D) -> (N, k), a row never its own neighbour.

    With `queries` (M, D): the rows nearest to each of those, (M, k).  ValueError where there are not k of them.
    """
    return nearest_with_distances(codes, k, queries)[0]


def nearest_with_distances(
    codes: np.ndarray, k: int, queries: np.ndarray | None = None, *, metric: str = "euclidean"
) -> tuple[np.ndarray, np.ndarray]:
    """As `nearest`, with the distances in that metric beside the indices, (N, k) float64."""
    from sklearn.neighbors import NearestNeighbors

    others = len(codes) - (queries is None)
    if not 1 <= k <= others:
        raise ValueError(f"{k} neighbours were asked for, and there are {others} other rows")
    view, queries = in_metric(codes, metric), None if queries is None else in_metric(queries, metric)
    tree = view.shape[1] <= _TREE_DIMENSIONS
    search = NearestNeighbors(
        n_neighbors=k,
        algorithm="kd_tree" if tree else "brute",
        metric="manhattan" if metric == "manhattan" else "euclidean",
    ).fit(view)
    # Without queries scikit-learn leaves each row out by its index, so duplicates of it stay in.
    with BLAS_TURN:
        distances, rows = search.kneighbors(queries)
    return rows, distances**2 / 2 if metric in ("cosine", "correlation") else distances


def check_metric(metric: str, dimensions: int) -> None:
    """ValueError for an unknown metric, or one that says nothing about codes of so few dimensions."""
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; choose from {', '.join(METRICS)}")
    least = {"cosine": 2, "correlation": 3}.get(metric, 1)
    if dimensions < least:
        raise ValueError(f"{metric} needs codes of {least} or more dimensions, not {dimensions}; choose euclidean")


def in_metric(codes: np.ndarray, metric: str) -> np.ndarray:
    """Rows whose Euclidean distances order neighbours as `metric` does (manhattan: the rows as they are); (N, D).

    ValueError as `check_metric`.
    """
    check_metric(metric, codes.shape[1])
    if metric in ("euclidean", "manhattan"):
        return codes
    rows = codes.astype(np.float64)
    if metric == "correlation":
        rows = rows - rows.mean(1, keepdims=True)
    norms = np.sqrt((rows**2).sum(1, keepdims=True))
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
