"""UMAP's layout of codes: exact neighbours, a PCA start, then umap's optimiser.  (McInnes et al. 2018)

The only module that imports umap, and only in `fit`: the import takes seconds, and the first fit of a process
compiles for many more, holding Python's lock.  `worker` therefore runs it in a process of its own.
"""

from collections.abc import Iterator

import numpy as np

from latent.jobs import Progress
from latent.neighbours import nearest_with_distances


def fit(
    codes: np.ndarray, *, dims: int, neighbours: int, min_dist: float, metric: str, seed: int, progress: Progress
) -> np.ndarray:
    """The optimised layout of the codes' neighbour graph; (N, D) -> (N, dims), both float32.

    umap's two functions rather than its class: with neighbours and a start given, the class adds only a search
    index that nothing here asks for, and warnings.  Not thread-safe, as umap under numba's threading layer is not.
    """
    progress(0.0, "Finding neighbours")
    # As umap has it, a row is the first of its own neighbours.
    rows, distances = nearest_with_distances(codes, neighbours - 1, metric=metric)
    rows = np.column_stack([np.arange(len(codes)), rows]).astype(np.int32)
    distances = np.column_stack([np.zeros(len(codes)), distances]).astype(np.float32)

    progress(0.02, "Compiling and initialising")
    from umap import layouts
    from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding

    random = np.random.RandomState(seed)
    graph, *_ = fuzzy_simplicial_set(codes, neighbours, random, metric, knn_indices=rows, knn_dists=distances)
    a, b = find_ab_params(1.0, min_dist)
    count = _epochs(len(codes))

    def epochs(steps: range, **_) -> Iterator[int]:
        for step in steps:
            if step:  # the first one compiles
                progress(0.2 + 0.8 * step / len(steps), f"Epoch {step} of {len(steps)}")
            yield step

    # umap reports to tqdm alone, which prints: its loop is given another iterator instead.
    theirs, layouts.tqdm = layouts.tqdm, epochs
    try:
        points, _ = simplicial_set_embedding(
            codes, graph, dims, 1.0, a, b, 1.0, 5, count, _start(codes, dims, seed), random, metric, {}, False, {},
            False, parallel=False,
        )  # fmt: skip
    finally:
        layouts.tqdm = theirs
    progress(1.0, f"Epoch {count} of {count}")
    return points


def _epochs(count: int) -> int:
    """Optimisation steps: a map of 10,000 codes looks the same after 200 as after umap's default of 500."""
    return 200 if count > 5000 else 500


def _start(codes: np.ndarray, dims: int, seed: int) -> np.ndarray:
    """Principal components scaled to [-10, 10] with a little noise: duplicates part, and flat directions get some."""
    centred = codes - codes.mean(0, dtype=np.float64)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    scores = centred @ vectors[:, ::-1][:, :dims]
    scores *= np.sign(np.where((largest := scores[np.abs(scores).argmax(0), np.arange(scores.shape[1])]), largest, 1))
    scores *= 10 / (np.abs(scores).max() or 1.0)
    start = np.random.default_rng(seed).normal(0, 1e-4, (len(codes), dims))
    start[:, : scores.shape[1]] += scores
    return start.astype(np.float32)
