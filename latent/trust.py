"""How far a map can be trusted: what it tears apart, what it glues together, and how many neighbours it keeps.

Ranks are counted block by block, so that no N x N matrix is ever held.
"""

import contextlib
from dataclasses import dataclass

import numpy as np

from latent.neighbours import nearest
from latent.store import Store, digest

VERSION = 1  # raised whenever a figure is computed in another way
K = 15
FEWEST = 8  # rows; of fewer, no share of neighbours says anything
# Distances that are ranked: of many codes only so many rows are measured, and the sentence says so.
PAIRS = 150_000_000
_FEWEST_ROWS = 200
_BLOCK_VALUES = 2**24
_COLUMNS = ("rows", "trustworthiness", "continuity", "kept")


@dataclass(frozen=True, eq=False)
class Trust:
    """Of the rows `rows` (n,): trustworthiness, continuity and the share of neighbours kept, each (n,) in [0, 1].

    `by_chance` is the share of neighbours that a map drawn at random would keep; `count` is that of all rows.
    (Venna & Kaski 2006)
    """

    k: int
    count: int
    rows: np.ndarray
    trustworthiness: np.ndarray
    continuity: np.ndarray
    kept: np.ndarray
    by_chance: float

    def sentence(self) -> str:
        """All of it in one sentence, for people."""
        on = "" if len(self.rows) == self.count else f" Measured on {len(self.rows):,} of {self.count:,} points."
        return (
            f"Of a point's {self.k} nearest codes the map keeps {self.kept.mean():.0%} beside it "
            f"(chance: {self.by_chance:.1%}); trustworthiness {self.trustworthiness.mean():.3f}, "
            f"continuity {self.continuity.mean():.3f}.{on}"
        ).replace("%", " %")


def kept_measure(codes: np.ndarray, points: np.ndarray, k: int, store: Store) -> Trust:
    """`measure` of that map, from the disk where it was measured before; a disk that takes nothing is no failure."""
    key = {"version": VERSION, "k": k, "codes": digest({"codes": codes}), "points": digest({"points": points})}
    held = store.get("trust", key)
    if held is None:
        found = measure(codes, points, k)
        with contextlib.suppress(OSError):
            store.put("trust", key, {name: getattr(found, name) for name in _COLUMNS})
        return found
    return Trust(k, len(codes), **{name: held[name] for name in _COLUMNS}, by_chance=k / (len(codes) - 1))


def _excess(of: np.ndarray, neighbours: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """Sum over each row's given neighbours of how far beyond k they rank by distance in `of`; (n,)."""
    of = of.astype(np.float64)
    squares = (of**2).sum(1)
    size, out = max(1, _BLOCK_VALUES // len(of)), np.empty(len(rows))
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        apart = squares - 2 * of[part] @ of.T  # the row's own square is the same for all its distances
        apart[np.arange(len(part)), part] = np.inf
        limits = np.take_along_axis(apart, neighbours[start : start + size], 1)
        near = apart < limits.max(1)[:, None]  # a small part of all, which alone need be sorted
        for n in range(len(part)):
            ranks = np.searchsorted(np.sort(apart[n, near[n]]), limits[n]) + 1
            out[start + n] = np.maximum(ranks - k, 0).sum()
    return out


def _near(of: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """The k nearest other rows of some of them, (n, k)."""
    if len(rows) == len(of):
        return nearest(of, k)
    found = nearest(of, k + 1, of[rows])
    others = found != rows[:, None]
    others[others.all(1), -1] = False  # it has duplicates that stood before it
    return found[others].reshape(len(rows), k)


def measure(codes: np.ndarray, points: np.ndarray, k: int = K, *, pairs: int = PAIRS, seed: int = 0) -> Trust:
    """Of a map `points` (N, d) of codes (N, D), with Euclidean distances in both.

    The means over all rows are scikit-learn's `trustworthiness` and, with both sides exchanged, continuity.  Where
    N² passes `pairs`, only so many rows are measured, 200 at least, drawn by `seed`.  ValueError unless k < N / 2.
    """
    count = len(codes)
    if not 1 <= k < count / 2:
        raise ValueError(f"trust needs more than {2 * k} codes for {k} neighbours, and there are {count}")
    rows, sample = np.arange(count), max(_FEWEST_ROWS, pairs // count)
    if count > sample:
        rows = np.sort(np.random.default_rng(seed).choice(count, sample, replace=False))
    near, shown = _near(codes, rows, k), _near(points, rows, k)
    worst = k * (2 * count - 3 * k - 1) / 2
    return Trust(
        k,
        count,
        rows,
        1 - _excess(codes, shown, rows, k) / worst,
        1 - _excess(points, near, rows, k) / worst,
        (near[:, :, None] == shown[:, None, :]).any(2).mean(1),
        k / (count - 1),
    )
