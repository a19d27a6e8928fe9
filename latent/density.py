"""Many points as a picture: how many lie in each cell of a view, and of what kind, all of them counted.

Counting takes numpy some milliseconds for a million points; a plotting library would have to be compiled first.
"""

from dataclasses import dataclass

import numpy as np

from latent.alive import Extent

# Of the cells that are not empty, the share that is not fully opaque: a few crowded ones must not make the rest faint.
_CROWDED = 0.98
_FAINTEST, _DIMMED = 0.25, 0.12


def within(points: np.ndarray, extent: Extent) -> np.ndarray:
    """Which of (N, 2) points lie in a view, its left and bottom edges included; (N,) bool."""
    x, y = points.T
    return (x >= extent.left) & (x < extent.right) & (y >= extent.bottom) & (y < extent.top)


@dataclass(frozen=True, eq=False)
class Grid:
    """What lies in each of up x across cells: `count` (cells,), and the mean `colour` (cells, 3) of it in [0, 255]."""

    up: int
    across: int
    count: np.ndarray
    colour: np.ndarray

    def alpha(self) -> np.ndarray:
        """Opacity by the logarithm of the count, (cells,) in [0, 1]: 0 where nothing is, else not too faint to see."""
        filled = self.count > 0
        if not filled.any():
            return np.zeros(len(self.count))
        full = max(np.quantile(self.count[filled], _CROWDED), 1)
        return filled * np.clip(_FAINTEST + (1 - _FAINTEST) * np.log1p(self.count) / np.log1p(full), 0, 1)


def count(points: np.ndarray, colours: np.ndarray, extent: Extent, across: int, up: int) -> Grid:
    """Points (N, 2) in a view, each of a colour (N, 3) in [0, 255], by cells; the first row of cells is on top."""
    inside = within(points, extent)
    x, y = points[inside].T.astype(np.float64)
    column = np.minimum((x - extent.left) * (across / (extent.right - extent.left)), across - 1).astype(np.int64)
    row = np.minimum((y - extent.bottom) * (up / (extent.top - extent.bottom)), up - 1).astype(np.int64)
    cell, size = (up - 1 - row) * across + column, up * across
    counted = np.bincount(cell, minlength=size)
    sums = np.stack([np.bincount(cell, weights=c, minlength=size) for c in colours[inside].T], 1)
    return Grid(up, across, counted, sums / np.maximum(counted, 1)[:, None])


def picture(all_points: Grid, lit: Grid | None = None) -> np.ndarray:
    """The cells as uint8 (4, up, across), colours with opacity; where some points are `lit`, the others stand back."""
    colour, alpha = all_points.colour, all_points.alpha()
    if lit is not None:
        shown = lit.count > 0
        colour = np.where(shown[:, None], lit.colour, colour)
        alpha = np.where(shown, lit.alpha(), _DIMMED * alpha)
    pixels = np.concatenate([colour, 255 * alpha[:, None]], 1).round().astype(np.uint8)
    return pixels.T.reshape(4, all_points.up, all_points.across)
