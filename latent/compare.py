"""Two latent spaces side by side, measured on the rows that both have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latent.neighbours import nearest
from latent.space import LatentSpace, shared_rows


@dataclass(frozen=True, eq=False)
class Overlap:
    """Share of nearest neighbours in common: over all rows, by chance, and of each row (N,); all in [0, 1]."""

    mean: float
    expected_by_chance: float
    per_row: np.ndarray


def rows(spaces: Sequence[LatentSpace]) -> tuple[np.ndarray, ...]:
    """Each space's codes on the rows that all have, in the first one's order; one (n, D_i) a space.

    ValueError where they share none.
    """
    shared = shared_rows(spaces)
    if not len(shared):
        of = ", ".join(f"{s.name} on {s.dataset}" for s in spaces)
        raise ValueError(f"{of} share no rows; compare models of one data set")
    return tuple(s.codes[s.positions(shared)] for s in spaces)


def neighbour_overlap(a: np.ndarray, b: np.ndarray, k: int = 10) -> Overlap:
    """Mean share of each row's k nearest other rows that two spaces agree on; (N, D_a), (N, D_b) of the same rows.

    Euclidean.  By chance two sets of k out of N - 1 share k / (N - 1).  ValueError where the row counts differ or
    there are not k other rows.
    """
    if len(a) != len(b):
        raise ValueError(f"both spaces need the same rows, not {len(a):,} and {len(b):,}; align them with rows()")
    in_a, in_b = nearest(a, k), nearest(b, k)
    shared = (in_a[:, :, None] == in_b[:, None, :]).any(2).mean(1)
    return Overlap(float(shared.mean()), k / (len(a) - 1), shared)
