"""What a path is worth, frame by frame: how far it goes, in codes and in images, and how far it leaves the data.

Two things tell a place where the model has never been: no real code is near, and decoding and encoding does not lead
back to it.  Both stand beside what is typical of real codes, so that one sees where a path falls into a hole.  Images
are the decoder's own floats, not rounded to grey levels; distances between them are Euclidean over pixels in [0, 1].
"""

from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from latent import graph
from latent.alive import returns
from latent.decode import image_steps
from latent.neighbours import nearest_with_distances
from latent.space import LatentSpace

# What 95 of 100 real codes keep below is typical of them.
TYPICAL = 0.95
_SAMPLE = 512


@dataclass(frozen=True)
class Typical:
    """The 95 % quantiles over real codes: distance to the nearest other one and round trip, in latent units."""

    distance: float
    round_trip: float


@dataclass(frozen=True, eq=False)
class Profile:
    """The figures of one path of S frames.

    Between frames, (S - 1,): `latent_steps` in latent units, `image_steps` Euclidean over pixels in [0, 1].
    At frames, (S,), in latent units: `distance` to the nearest real code, `round_trip` |encode(decode(z)) - z|.
    """

    latent_steps: np.ndarray
    image_steps: np.ndarray
    distance: np.ndarray
    round_trip: np.ndarray
    typical: Typical

    @cached_property
    def latent_length(self) -> float:
        """Length of the path of codes, in latent units."""
        return float(self.latent_steps.sum())

    @cached_property
    def image_length(self) -> float:
        """Length of the path of images."""
        return float(self.image_steps.sum())

    @cached_property
    def energy(self) -> float:
        """(S - 1) times the sum of squared image steps: the squared length and more, equal at constant speed."""
        return float(len(self.image_steps) * (self.image_steps**2).sum())

    @cached_property
    def largest_step(self) -> float:
        """The largest change of the image from one frame to the next."""
        return float(self.image_steps.max())

    @cached_property
    def farthest(self) -> float:
        """The largest distance of a frame to the nearest real code, in latent units."""
        return float(self.distance.max())

    @cached_property
    def worst_round_trip(self) -> float:
        """The largest round trip of a frame, in latent units."""
        return float(self.round_trip.max())

    @cached_property
    def strangeness(self) -> np.ndarray:
        """How far each frame is from real codes, in what is typical of them, (S,): the larger of both measures."""
        return np.maximum(self.distance / self.typical.distance, self.round_trip / self.typical.round_trip)

    @cached_property
    def outside(self) -> np.ndarray:
        """Which frames lie beyond what is typical of real codes, by either measure; (S,) bool."""
        return (self.distance > self.typical.distance) | (self.round_trip > self.typical.round_trip)


_TYPICAL: WeakKeyDictionary[LatentSpace, Typical] = WeakKeyDictionary()


def typical(space: LatentSpace) -> Typical:
    """What is typical of a space's codes; the round trip over 512 of them, drawn by a fixed seed.

    Made once as long as the space is there.  Of a single code the distance is infinite: it has no other.
    """
    if space not in _TYPICAL:
        apart = graph.of(space).distances[:, :1]
        rows = np.random.default_rng(0).permutation(len(space))[:_SAMPLE]
        trips = returns(space.model, space.codes[rows])
        _TYPICAL[space] = Typical(
            float(np.quantile(apart, TYPICAL)) if apart.size else float("inf"), float(np.quantile(trips, TYPICAL))
        )
    return _TYPICAL[space]


def measure(space: LatentSpace, path: np.ndarray) -> Profile:
    """The profile of one path; (S, D).  ValueError for other shapes, NaN or infinity, or fewer than 2 frames."""
    path = np.asarray(path, np.float32)
    if path.ndim != 2 or len(path) < 2:
        raise ValueError(f"a path to measure needs 2 frames or more (S, D), not shape {path.shape}")
    return Profile(
        np.linalg.norm(np.diff(path.astype(np.float64), axis=0), axis=1),
        image_steps(space.model, path),
        nearest_with_distances(space.codes, 1, path)[1][:, 0],
        returns(space.model, path),
        typical(space),
    )
