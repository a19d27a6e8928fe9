"""One map turned onto another, so that two eyes see the same thing in the same place.

Rotation, reflection, one scale and a shift: nothing that would bend or shear a map.  (Gower 1975: Procrustes)
"""

from dataclasses import dataclass, field

import numpy as np

from latent.project import Projection, Settings


@dataclass(frozen=True, eq=False)
class Similarity:
    """`points -> scale * (points - source) @ turn + target`; `turn` (d, d) orthogonal, `source` and `target` (d,).

    `disparity` is the share of the target's spread that is left: 0 where the shapes are the same, at most 1.
    """

    turn: np.ndarray
    scale: float
    source: np.ndarray
    target: np.ndarray
    disparity: float = 0.0

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(N, d) -> (N, d) float32."""
        return (self.scale * (points - self.source) @ self.turn + self.target).astype(np.float32)

    def undo(self, points: np.ndarray) -> np.ndarray:
        """The inverse of `apply`; (N, d) -> (N, d) float32."""
        return ((points - self.target) @ self.turn.T / self.scale + self.source).astype(np.float32)


def procrustes(points: np.ndarray, onto: np.ndarray) -> Similarity:
    """The similarity that brings (N, d) points nearest to `onto` (N, d), row by row, in squared distance.

    ValueError where the shapes differ or either set is one point.
    """
    if points.shape != onto.shape:
        raise ValueError(f"maps of {points.shape} and {onto.shape} have no rows to be aligned by")
    source, target = points.mean(0, dtype=np.float64), onto.mean(0, dtype=np.float64)
    a, b = points - source, onto - target
    spread_a, spread_b = (a**2).sum(), (b**2).sum()
    if not spread_a or not spread_b:
        raise ValueError("a map that is one point cannot be aligned")
    u, values, v = np.linalg.svd(a.T @ b)
    disparity = 1 - values.sum() ** 2 / (spread_a * spread_b)
    return Similarity(u @ v, float(values.sum() / spread_a), source, target, float(max(disparity, 0.0)))


@dataclass(frozen=True, eq=False)
class View:
    """A map as it is shown: a projection, turned by a similarity where it is aligned to another."""

    projection: Projection
    similarity: Similarity | None = None
    points: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        points = self.projection.points
        object.__setattr__(self, "points", self.similarity.apply(points) if self.similarity else points)

    @property
    def settings(self) -> Settings:
        return self.projection.settings

    @property
    def exact(self) -> bool:
        return self.projection.exact

    @property
    def note(self) -> str:
        return self.projection.note

    @property
    def axis_titles(self) -> tuple[str, ...]:
        """Of a turned map's axes nothing is left to say."""
        return ("",) * self.settings.dims if self.similarity else self.projection.axis_titles

    def transform(self, codes: np.ndarray) -> np.ndarray:
        """(M, D) codes -> (M, dims) places as shown."""
        places = self.projection.transform(codes)
        return self.similarity.apply(places) if self.similarity else places

    def inverse(self, places: np.ndarray) -> np.ndarray:
        """(M, dims) places as shown -> (M, D) codes."""
        return self.projection.inverse(self.similarity.undo(places) if self.similarity else places)


def aligned(projection: Projection, onto: Projection) -> View:
    """The map turned onto another of the same rows, in the same order; as it is where axes have a meaning of their own.

    ValueError as `procrustes`.
    """
    if projection.settings.method == "axes":
        return View(projection)
    return View(projection, procrustes(projection.points, onto.points))
