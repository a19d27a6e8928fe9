"""One palette everywhere, chosen for colour-vision deficiencies and for both themes."""

from collections.abc import Sequence

import numpy as np

# Petroff 2021, arXiv:2107.02270
_TEN = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")

# One accent a model slot on every page; the rest are for what Compare shows beyond two.
ACCENTS = ("#e0722f", "#2f8fd8", "#3aa66a", "#b05cc6", "#c9a227", "#7f8ba3")
NEUTRAL = "#8b90a0"
SEQUENTIAL = "Viridis"
CYCLIC = "Twilight"
HEAT = "Magma"


def classes(count: int) -> tuple[str, ...]:
    """A colour for each of `count` classes: Petroff's ten, colorcet's Glasbey beyond."""
    if count <= len(_TEN):
        return _TEN[:count]
    import colorcet

    return tuple(colorcet.glasbey_category10[i % 256] for i in range(count))


def gradient(scale: str, steps: int = 12) -> list[str]:
    """Colours along one of Plotly's continuous scales, for CSS."""
    from plotly.colors import sample_colorscale

    return sample_colorscale(scale, steps)


def rgb(colours: Sequence[str]) -> np.ndarray:
    """Hex or `rgb(…)` colours as (n, 3) in [0, 255]."""
    from plotly.colors import hex_to_rgb, unlabel_rgb

    return np.array([unlabel_rgb(c) if c.startswith("rgb") else hex_to_rgb(c) for c in colours], np.uint8)


def accent(slot: int) -> str:
    """The colour of the model in that place of the choice."""
    return ACCENTS[slot % len(ACCENTS)]
