"""Paths between codes, by name: the front door to every kind, which all start and end exactly on what they were given.

A kind is a function of a space and pairs of codes; some need the space's decoder or its codes, some neither.  What a
kind did that was not asked for (crossed a gap, stopped early, fell back) is said in the path's notes.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from aemodels.autoencoder import Autoencoder
from latent import curve, geodesic, graph
from latent.decode import image_steps
from latent.jobs import Cancellation, Progress
from latent.space import LatentSpace

Make = Callable[[LatentSpace, np.ndarray, np.ndarray, int, Progress, Cancellation], tuple[np.ndarray, Sequence[str]]]
SAME = "Both ends are the same place, and so is every frame."
# Steps in image space that differ by less than this share are equal enough.
EVEN = 0.01
_RETIMINGS = 30


@dataclass(frozen=True, eq=False)
class Path:
    """Frames of one path (steps, D) or of several (P, steps, D), float32; a note on each, empty where all went well."""

    kind: str
    codes: np.ndarray
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A registry entry; one that is not `instant` may take seconds, reports progress and can be stopped."""

    name: str
    make: Make
    instant: bool

    @property
    def summary(self) -> str:
        """One line on what the path is."""
        return inspect.getdoc(self.make).splitlines()[0]


KINDS: dict[str, Kind] = {}


def register(name: str, *, instant: bool) -> Callable[[Make], Make]:
    """Enter a kind: (space, a (P, D), b (P, D), steps, progress, cancelled) -> frames (P, steps, D) and P notes.

    Ends are checked before.  The first line of the function's docstring is the kind's summary.
    """

    def enter(make: Make) -> Make:
        if name in KINDS:
            raise ValueError(f"path {name!r} is registered twice")
        KINDS[name] = Kind(name, make, instant)
        return make

    return enter


@register("linear", instant=True)
def _linear(space, a, b, steps, progress, cancelled):
    """The straight line between the two codes."""
    return curve.lerp(a, b, steps), [""] * len(a)


@register("spherical", instant=True)
def _spherical(space, a, b, steps, progress, cancelled):
    """The great circle about the origin, where a VAE's codes lie on a shell."""
    return curve.slerp(a, b, steps), [""] * len(a)


@register("geodesic", instant=False)
def _geodesic(space, a, b, steps, progress, cancelled):
    """The curve along which the image changes as little as it must, that keeps to the data."""
    return geodesic.connect(space, a, b, steps, progress=progress, cancelled=cancelled)


@register("data", instant=False)
def _data(space, a, b, steps, progress, cancelled):
    """The shortest way from real code to real code, each step to a near neighbour."""
    return graph.walk(space, a, b, steps, progress=progress, cancelled=cancelled)


def kind(name: str) -> Kind:
    """The kind of that name; ValueError lists the known ones."""
    if name not in KINDS:
        raise ValueError(f"unknown path {name!r}; choose from {', '.join(KINDS)}")
    return KINDS[name]


def walk(
    space: LatentSpace, name: str, a: np.ndarray, b: np.ndarray, steps: int, *,
    progress: Progress = lambda fraction, message: None, cancelled: Cancellation = lambda: False,
) -> Path:  # fmt: skip
    """A path of that kind: (D,), (D,) -> (steps, D), or a batch of them: (P, D), (P, D) -> (P, steps, D).

    Endpoints are exact, and the same call gives the same path.  `cancelled` ends the work, not the call: what there is
    so far is returned, and its note says so.  ValueError for an unknown kind, ends that are no codes of this space, NaN
    or infinity, or fewer than 2 steps.
    """
    make = kind(name).make
    a, b = curve.check_ends(a, b, steps)
    if a.shape[-1] != space.latent_dim:
        raise ValueError(f"ends of {a.shape[-1]} dimensions are no codes of {space.name}, which has {space.latent_dim}")
    starts, ends = a.reshape(-1, space.latent_dim), b.reshape(-1, space.latent_dim)
    codes, notes = make(space, starts, ends, steps, progress, cancelled)
    same = (starts == ends).all(1)
    codes[same] = starts[same, None]
    notes = tuple(SAME if stays else note for stays, note in zip(same, notes, strict=True))
    return Path(name, codes.reshape(*a.shape[:-1], steps, space.latent_dim), notes)


def through(
    space: LatentSpace, name: str, stops: np.ndarray, steps: int, *, closed: bool = False,
    progress: Progress = lambda fraction, message: None, cancelled: Cancellation = lambda: False,
) -> Path:  # fmt: skip
    """A path of that kind from stop to stop; (S, D) -> (steps, D) float32.

    Every stop is one of its points; legs get equal numbers of steps, the first ones one more where it does not divide.
    `closed`: on to where it began, so the first and the last frame are the same.  ValueError for fewer than 2 stops or
    fewer steps than stops, else as `walk`.
    """
    stops = np.asarray(stops, np.float32)
    if stops.ndim != 2 or len(stops) < 2:
        raise ValueError(f"a path needs at least 2 stops (S, D), not shape {stops.shape}")
    if closed:
        stops = np.concatenate([stops, stops[:1]])
    legs = len(stops) - 1
    if steps <= legs:
        raise ValueError(f"a path through {len(stops)} stops needs at least as many steps, not {steps}")
    shortest, longer = divmod(steps - 1, legs)
    parts, notes = [], []
    for these, count in ((slice(0, longer), shortest + 1), (slice(longer, legs), shortest)):
        a, b = stops[:-1][these], stops[1:][these]
        if len(a):
            done = these.start / legs

            def report(fraction: float, message: str, done: float = done, share: float = len(a) / legs) -> None:
                progress(done + share * fraction, message)

            made = walk(space, name, a, b, count + 1, progress=report, cancelled=cancelled)
            parts += list(made.codes)
            notes += [f"Leg {n}: {note}" for n, note in enumerate(made.notes, these.start + 1) if note]
    codes = np.concatenate([parts[0], *(p[1:] for p in parts[1:])])
    return Path(name, codes, (" ".join(notes),))


def retime(model: Autoencoder, codes: np.ndarray, steps: int | None = None) -> np.ndarray:
    """The same curve at constant speed: equal steps in image space; (n, D) -> (steps, D) float32, ends exact.

    Frames are moved along the polyline until their steps (Euclidean over pixels) differ by less than 1 %, or have been
    moved 30 times; the most even frames are returned.  `steps` is n where it is not given.  A path whose images do not
    change is left as it is.  (Equidistribution: de Boor 1973)
    """
    codes = np.asarray(codes, np.float32)
    steps = len(codes) if steps is None else steps
    curve.check_ends(codes[0], codes[-1], steps)
    marks, even = np.linspace(0, 1, len(codes)), np.linspace(0, 1, steps)
    where, best, least = even, None, np.inf
    for _ in range(_RETIMINGS):
        frames = curve.at(codes, marks, where)
        frames[0], frames[-1] = codes[0], codes[-1]
        moved = image_steps(model, frames)
        spread = np.ptp(moved) / moved.mean() if moved.any() else 0.0
        if spread < least:
            best, least = frames, spread
        if least < EVEN:
            break
        where = np.interp(even, curve.shares(moved), where)
    return best
