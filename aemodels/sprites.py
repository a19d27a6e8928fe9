"""Sprites: white shapes on black whose shape, scale, orientation and place are known.

Rendered here, in the manner of dSprites (Matthey et al. 2017), so that no download is needed and there can
be any number of them.  Row i of a seed is the same image however many rows are asked for.
"""

import math

import numpy as np
import torch
from torch import Tensor

SIZE = 64
SHAPES = ("square", "ellipse", "heart")
FACTORS = ("shape", "scale", "orientation", "x", "y")
FACTOR_SIZES = (3, 6, 40, 32, 32)
SOFTNESS = 0.75  # pixels over which an edge fades


def factors(count: int, seed: int) -> np.ndarray:
    """Factor indices, uniform and independent: (count, 5) int64, each below its FACTOR_SIZES entry."""
    draws = np.random.default_rng(seed).random((count, len(FACTORS)))
    return (draws * FACTOR_SIZES).astype(np.int64)


def values(indices: np.ndarray) -> np.ndarray:
    """Indices to values: shape 0..2, scale 0.5..1, orientation in radians, x and y 0..1; (N, 5) float32."""
    shape, scale, turn, x, y = indices.T
    return np.stack([shape, 0.5 + 0.5 * scale / 5, turn * 2 * math.pi / 40, x / 31, y / 31], axis=1, dtype=np.float32)


def _square(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(u.abs(), v.abs()) - 0.72


def _ellipse(u: Tensor, v: Tensor) -> Tensor:
    return (torch.sqrt((u / 0.95) ** 2 + (v / 0.5) ** 2) - 1) * 0.6


def _heart(u: Tensor, v: Tensor) -> Tensor:
    """A square on its tip, with a half disc on each of its upper two sides."""
    side, u, v = 0.78, u.abs(), 0.18 - v
    diamond = (u + v.abs() - side) / math.sqrt(2)
    lobe = torch.sqrt((u - side / 2) ** 2 + (v - side / 2) ** 2) - side / math.sqrt(2)
    return torch.minimum(diamond, lobe)


# Signed distances to the outlines (approximate away from the edge, negative inside), in SHAPES' order.
_DISTANCES = (_square, _ellipse, _heart)
_HALF = 15.0  # pixels a unit length takes at scale 1
_PATCH = 36  # pixels around a shape's centre that it can reach


def render(factor_values: np.ndarray, batch: int = 1024) -> Tensor:
    """(N, 5) factor values -> uint8 (N, 1, 64, 64)."""
    given = torch.from_numpy(np.asarray(factor_values, np.float32))
    images = torch.zeros(len(given), 1, SIZE, SIZE, dtype=torch.uint8)
    grid = torch.arange(_PATCH, dtype=torch.float32)
    for kind, distance in enumerate(_DISTANCES):
        for rows in (given[:, 0] == kind).nonzero().squeeze(1).split(batch):
            _, scale, turn, x, y = (f.view(-1, 1, 1) for f in given[rows].T)
            half, left, top = _HALF * scale, 16.5 + 30 * x, 16.5 + 30 * y
            column = (left - _PATCH / 2).round().clamp(0, SIZE - _PATCH)
            row = (top - _PATCH / 2).round().clamp(0, SIZE - _PATCH)
            dx, dy = (column + grid.view(1, 1, -1) - left) / half, (row + grid.view(1, -1, 1) - top) / half
            u, v = dx * turn.cos() + dy * turn.sin(), dy * turn.cos() - dx * turn.sin()
            patch = ((0.5 - distance(u, v) * half / SOFTNESS).clamp(0, 1) * 255).round().to(torch.uint8)
            places = (row + grid.view(1, -1, 1)).long() * SIZE + (column + grid.view(1, 1, -1)).long()
            images[rows] = (
                torch.zeros(len(rows), SIZE * SIZE, dtype=torch.uint8)
                .scatter_(1, places.flatten(1), patch.flatten(1))
                .view(-1, 1, SIZE, SIZE)
            )
    return images
