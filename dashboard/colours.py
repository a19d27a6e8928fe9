"""What points can be coloured by, and the scale of each."""

from collections.abc import Sequence

import numpy as np

from dashboard import palette
from latent.space import LatentSpace

BY_CLASS, BY_ERROR = "Class", "Reconstruction error"
BY_TRUST, BY_CONTINUITY = "Trustworthiness", "Continuity"
BY_CHANGE = "Neighbourhood change"
MEANINGS = {
    BY_TRUST: "1: what lies beside this point on the map is near it in latent space; lower: strangers were put there.",
    BY_CONTINUITY: "1: all that is near in latent space lies beside it on the map; lower: neighbours were torn away.",
    BY_CHANGE: "0: the same nearest neighbours in both latent spaces; 1: all others.",
}
MOST_COMPARED = 20_000  # rows whose neighbours are all looked for without a wait
OF_TRUST = (BY_TRUST, BY_CONTINUITY)
_CYCLIC_FACTORS = ("orientation",)  # periodic: its ends are one value


def offered(space: LatentSpace) -> list[str]:
    """What every map of a space can be coloured by, the most telling first."""
    by_class = [BY_CLASS] if space.labels is not None else []
    return [*by_class, BY_ERROR, *(f for f in space.factor_names if f != "shape")]


def of_maps(count: int, rows: int) -> list[str]:
    """What flat maps can be coloured by beyond that: how they treat neighbours, and how two spaces differ in it."""
    if rows > MOST_COMPARED:
        return []
    return [BY_TRUST, BY_CONTINUITY, *([BY_CHANGE] if count > 1 else [])]


def ends(spaces: Sequence[LatentSpace], colouring: str) -> tuple[float, float]:
    """The ends of one scale for all spaces: fixed for shares, else the least value and the largest 99 % quantile."""
    if colouring in OF_TRUST:
        return 0.8, 1.0
    if colouring == BY_CHANGE:
        return 0.0, 1.0
    values = [measured(s, colouring) for s in spaces]
    return float(min(v.min() for v in values)), float(max(np.quantile(v, 0.99) for v in values))


def measured(space: LatentSpace, colouring: str) -> np.ndarray:
    """What a space itself knows of its rows, (N,); KeyError for what it does not."""
    if colouring == BY_CLASS and space.labels is not None:
        return space.labels
    if colouring == BY_ERROR:
        return space.error
    if colouring in space.factor_names:
        return space.factors[:, space.factor_names.index(colouring)]
    raise KeyError(f"{space.name} is not coloured by {colouring!r}")


def scale(colouring: str) -> str:
    """The name of the continuous scale of a colouring: one that closes where the values do."""
    return palette.CYCLIC if colouring in _CYCLIC_FACTORS else palette.SEQUENTIAL
