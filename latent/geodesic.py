"""Geodesics of a decoder: curves of codes along which the image changes as little as it must, that keep to the data.

The metric is the decoder's pullback J'J (images as pixels in [0, 1], Euclidean) times 1 + WEIGHT (u⁴ + v⁴), which grows
where the decoder cannot be trusted.  u is the distance of a code to the real ones (root mean square over the NEAREST
nearest), v how far encode(decode(z)) is from z, for a VAE in standard deviations of its posterior; both over what 95 %
of real codes keep below.  Within the data that is all but the pullback metric; outside every step counts for many, as
the decoder's variance does in Arvanitidis et al. 2018, arXiv:1710.11379.  A factor in place of their variance network
(conformal, as in Arvanitidis et al. 2021, arXiv:2103.05290) needs no further training and no choice of units.

Both terms are needed.  Without them shortest curves seek holes, where a decoder changes least, and are worse than the
straight line; with u alone they cut through the data as cross-fades of two images, which v tells from images.

A curve is a cubic B-spline whose inner control points are optimised (Adam) for the energy at SAMPLES points, from two
starts: the straight line, and the path along the graph of codes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from scipy.interpolate import BSpline
from torch import Tensor

from aemodels.autoencoder import Autoencoder
from latent import curve, graph
from latent.decode import image_steps
from latent.encode import model_device
from latent.jobs import Cancellation, Progress
from latent.space import LatentSpace

WEIGHT = 5.0
NEAREST = 5
CONTROLS, SAMPLES = 10, 32
ROUNDS = 80
# In units of each dimension's standard deviation over the codes, so that one that collapsed does not drift.
_RATE = 0.15
# What 95 of 100 real codes keep below is typical of them; trips are made by so many.
TYPICAL, _SAMPLE = 0.95, 512
# In units of the spread of all dimensions.
_LEAST = 1e-3
# How far below the straight line's length in image space a curve is held, so that its frames stay below as well.
_MARGIN = 0.001
# Energies that a curve is charged for each time the limit that it is over: enough to hold it there.
_STIFFNESS = 10.0
# A processor is fastest with one pair at a time, and anything else with many.
_AT_ONCE, _AT_ONCE_CPU = 16, 1


@dataclass(frozen=True, eq=False)
class Metric:
    """A decoder, the real codes (N, D) and their spread a dimension (D,), on its device; what u and v are over."""

    model: Autoencoder
    codes: Tensor
    spread: Tensor
    distance: float
    trip: float

    @classmethod
    def of(cls, space: LatentSpace) -> "Metric":
        """That of a space; made once as long as the space is there."""
        if space not in _METRICS:
            codes = torch.from_numpy(space.codes).to(model_device(space.model))
            spread = codes.std(0, correction=0)
            near = graph.of(space).distances[:, :NEAREST]
            rows = np.random.default_rng(0).permutation(len(space))[:_SAMPLE]
            with torch.no_grad():
                trips = _trips(space.model, codes[rows], space.model.decode(codes[rows]).float())
            # Codes may all be one, and a model its own inverse: what is nothing is not to be divided by.
            least = _LEAST * float(spread.norm()) or 1.0
            distance = float(np.quantile(np.sqrt((near**2).mean(1)), TYPICAL)) if near.size else 0.0
            trip = float(np.quantile(trips.cpu().numpy(), TYPICAL)) ** 0.5
            _METRICS[space] = cls(space.model, codes, spread, max(distance, least), max(trip, least))
        return _METRICS[space]

    def factor(self, points: Tensor, images: Tensor) -> Tensor:
        """1 + WEIGHT (u⁴ + v⁴) of codes and what they decode to; (M, D), (M, C, H, W) -> (M,)."""
        with torch.no_grad():
            near = torch.cdist(points, self.codes).topk(min(NEAREST, len(self.codes)), largest=False).indices
        u = (points[:, None] - self.codes[near]).square().sum(2).mean(1) / self.distance**2
        v = _trips(self.model, points, images) / self.trip**2
        return 1 + WEIGHT * (u.square() + v.square())

    def __call__(self, curves: Tensor) -> tuple[Tensor, Tensor]:
        """Energy under the metric and length in image space of curves; (P, S, D) -> (P,), (P,).

        The energy is (S - 1) times the sum of squared steps, each with the mean factor of its ends.
        """
        count, steps, dimensions = curves.shape
        points = curves.reshape(-1, dimensions)
        images = self.model.decode(points).float()
        factor, flat = self.factor(points, images).view(count, steps), images.reshape(count, steps, -1)
        squared = (flat[:, 1:] - flat[:, :-1]).square().sum(2)
        energy = (steps - 1) * (squared * (factor[:, 1:] + factor[:, :-1]) / 2).sum(1)
        return energy, (squared + 1e-12).sqrt().sum(1)  # the root of 0 has no gradient


def _trips(model: Autoencoder, points: Tensor, images: Tensor) -> Tensor:
    """|encode(images) - points|², in units of the posterior's variance where there is one; (M, D), … -> (M,)."""
    posterior = model.encode(images)
    squared = (posterior.mean.float() - points).square()
    return (squared if posterior.logvar is None else squared / posterior.logvar.exp()).sum(1)


_METRICS: WeakKeyDictionary[LatentSpace, Metric] = WeakKeyDictionary()


def _basis(where: np.ndarray) -> np.ndarray:
    """Values of the CONTROLS clamped cubic B-splines; (m,) in [0, 1] -> (m, CONTROLS)."""
    knots = np.concatenate([[0] * 3, np.linspace(0, 1, CONTROLS - 2), [1] * 3])
    return BSpline.design_matrix(where, knots, 3).toarray()


def _fit(paths: np.ndarray) -> np.ndarray:
    """Control points of the splines nearest to paths, ends exact; (P, S, D) -> (P, CONTROLS, D)."""
    basis = _basis(np.linspace(0, 1, paths.shape[1]))
    ends = paths[:, [0, -1]].astype(np.float64)
    inner = np.linalg.pinv(basis[:, 1:-1]) @ (paths - basis[:, [0, -1]] @ ends)
    return np.concatenate([ends[:, :1], inner, ends[:, 1:]], 1)


CONSTANT = "The decoder gives one image all along the straight line: no curve is shorter."
STRAIGHT = "No curve was found that is better than the straight line and not longer, so this is the straight line."
STOPPED = "Stopped after {done} of {all} rounds: this is the best curve found so far."


def connect(
    space: LatentSpace, a: np.ndarray, b: np.ndarray, steps: int, *, progress: Progress, cancelled: Cancellation,
    at_once: int | None = None,
) -> tuple[np.ndarray, list[str]]:  # fmt: skip
    """Geodesics between pairs of codes, and a note on each; (P, D), (P, D) -> (P, steps, D), P notes.

    In image space the frames of a curve are never longer than those of the straight line.  `cancelled` ends the
    search, not the call: the best curves so far are returned.  `at_once` pairs are optimised together.
    """
    metric = Metric.of(space)
    size = at_once or (_AT_ONCE_CPU if metric.codes.device.type == "cpu" else _AT_ONCE)
    codes, notes = np.empty((len(a), steps, a.shape[1]), np.float32), []
    for start in range(0, len(a), size):
        end = min(start + size, len(a))

        def report(done: int, start: int = start, end: int = end) -> None:
            rounds = f"round {done} of {ROUNDS}"
            progress((start + (end - start) * done / ROUNDS) / len(a), f"Geodesic {end} of {len(a)}, {rounds}")

        controls, done = _optimise(space, metric, a[start:end], b[start:end], report, cancelled)
        for n, control in enumerate(controls, start):
            codes[n], note = _frames(space.model, control, a[n], b[n], steps)
            notes.append(" ".join([STOPPED.format(done=done, all=ROUNDS)] * (done < ROUNDS) + [note] * bool(note)))
    return codes, notes


def _starts(space: LatentSpace, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Control points of the straight lines, then of the paths over real codes; (2P, CONTROLS, D)."""
    known = graph.of(space)
    over = [
        graph.frames(known, route, *ends, SAMPLES) for route, *ends in zip(graph.routes(known, a, b), a, b, strict=True)
    ]
    return _fit(np.concatenate([curve.lerp(a, b, SAMPLES), over]))


def _optimise(
    space: LatentSpace, metric: Metric, a: np.ndarray, b: np.ndarray, report: Callable[[int], None],
    cancelled: Cancellation,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """Control points (P, CONTROLS, D) of the curve of least energy among all that were met, and the rounds done.

    Only curves shorter than the straight line in image space count, and the line itself, so that is the worst there is.
    """
    device = metric.codes.device
    start = torch.as_tensor(_starts(space, a, b), dtype=torch.float32, device=device)
    basis = torch.as_tensor(_basis(np.linspace(0, 1, SAMPLES)), dtype=torch.float32, device=device)
    with torch.no_grad():
        least, limit = (v.repeat(2) for v in metric(basis @ start[: len(a)]))
    limit, best = limit * (1 - _MARGIN), start[: len(a)].repeat(2, 1, 1)
    # Moves are in units of the spread; a curve's ends have none.
    moves = torch.zeros_like(start[:, 1:-1], requires_grad=True)
    optimiser = torch.optim.Adam([moves], betas=(0.9, 0.95))
    done = 0
    with torch.enable_grad():
        while done < ROUNDS and not cancelled():
            controls = torch.cat([start[:, :1], start[:, 1:-1] + moves * metric.spread, start[:, -1:]], 1)
            energy, length = metric(basis @ controls)
            over = (length / limit - 1).clamp_min(0)
            better = (over == 0) & (energy < least)
            least = torch.where(better, energy, least).detach()
            best = torch.where(better[:, None, None], controls, best).detach()
            (moves.grad,) = torch.autograd.grad((energy * (1 + _STIFFNESS * over)).sum(), moves)
            optimiser.param_groups[0]["lr"] = _RATE * (1 + math.cos(math.pi * done / ROUNDS)) / 2
            optimiser.step()
            done += 1
            report(done)
    pairs = torch.arange(len(a), device=device)
    winner = least.view(2, -1).argmin(0) * len(a) + pairs
    return best[winner].double().cpu().numpy(), done


def _frames(
    model: Autoencoder, controls: np.ndarray, a: np.ndarray, b: np.ndarray, steps: int
) -> tuple[np.ndarray, str]:
    """Frames of one curve, drawn back towards the straight line where they are longer than its own; a note on it.

    (CONTROLS, D), (D,), (D,) -> (steps, D) float32.
    """
    line = curve.lerp(a, b, steps)
    limit = image_steps(model, line).sum()
    if limit == 0:
        return line, CONSTANT
    curved = _basis(np.linspace(0, 1, steps)) @ controls
    for share in (1.0, 0.75, 0.5, 0.25):
        frames = (line + share * (curved - line)).astype(np.float32)
        frames[0], frames[-1] = a, b
        if image_steps(model, frames).sum() <= limit:
            return frames, STRAIGHT if np.allclose(frames, line, atol=1e-5) else ""
    return line, STRAIGHT
