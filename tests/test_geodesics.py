"""Geodesics against known ones, great circles and straight lines, and what they promise on any model."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from spaces import RADIUS, Drawn, drawn_space, make_space, plane, sphere

from latent import curve, geodesic, path
from latent.decode import decode_float, image_steps
from latent.space import LatentSpace

SPHERE_PAIRS = [((0.9, -1.2), (0.9, 1.2)), ((-0.6, 0.2), (0.8, 1.5)), ((-1.0, -0.8), (-1.0, 0.9)), ((0, -1), (0, 1))]


@pytest.fixture(scope="module")
def space():
    return make_space("vae", latent_dim=6)


def energy(space, frames) -> np.ndarray:
    """What a geodesic is searched by, of paths (P, S, D)."""
    with torch.no_grad():
        return geodesic.Metric.of(space)(torch.from_numpy(frames))[0].numpy()


def line_length(space, frames) -> float:
    """Length in image space of the straight line between a path's ends, in as many frames."""
    return image_steps(space.model, curve.lerp(frames[0], frames[-1], len(frames))).sum()


@pytest.mark.parametrize(("a", "b"), SPHERE_PAIRS)
def test_on_a_sphere_it_is_the_great_circle_to_one_percent(a, b):
    space = sphere()
    walked = path.walk(space, "geodesic", a, b, 32).codes
    points = (decode_float(space.model, walked).reshape(32, -1)[:, :3] - 0.5) / RADIUS
    angle = np.arccos(points[0] @ points[-1])
    assert image_steps(space.model, walked).sum() / RADIUS == pytest.approx(angle, rel=0.01)
    normal = np.cross(points[0], points[-1])
    # A length forgives a curve that is off by more: it grows with the square of that.
    assert np.abs(np.arcsin(points @ normal / np.linalg.norm(normal))).max() < 0.05 * angle


def test_the_straight_line_on_that_sphere_is_no_great_circle():
    space = sphere()
    walked = path.walk(space, "geodesic", *SPHERE_PAIRS[0], 32).codes
    assert image_steps(space.model, walked).sum() < 0.9 * line_length(space, walked)


@pytest.mark.parametrize(("a", "b"), [([-0.8, -0.5], [0.7, 0.6]), ([0.9, -0.9], [-0.2, 0.8])])
def test_on_a_flat_decoder_it_is_the_straight_line(a, b):
    walked = path.walk(plane(), "geodesic", a, b, 32).codes
    off = np.linalg.norm(walked - curve.lerp(a, b, 32), axis=1)
    assert off.max() < 0.02 * np.linalg.norm(np.subtract(a, b))


A, B = np.array([-0.9, 0.02], np.float32), np.array([0.9, 0.02], np.float32)


def hill(codes, read=lambda codes: codes) -> LatentSpace:
    """A plane with a low hill in its middle, so that the way round is no longer; `read` is what its encoder does."""

    def draw(codes):
        up = 0.03 * torch.exp(-codes.square().sum(1, keepdim=True) / 0.02)
        return torch.cat([0.5 + 0.2 * codes, up], 1)

    return drawn_space(Drawn(2, draw, lambda pixels: read((pixels[:, :2] - 0.5) / 0.2)), codes)


def clearance(space) -> float:
    """How far the geodesic from left to right keeps from the middle."""
    return np.linalg.norm(path.walk(space, "geodesic", A, B, 32).codes, axis=1).min()


def test_it_goes_round_a_hole_in_the_data(monkeypatch):
    codes = np.random.default_rng(0).uniform(-1, 1, (3000, 2))
    codes = codes[np.linalg.norm(codes, axis=1) > 0.2]
    assert clearance(hill(codes)) > 0.2
    monkeypatch.setattr(geodesic, "WEIGHT", 0.0)
    assert clearance(hill(codes)) < 0.16, "by the decoder alone it cuts through"


def test_it_goes_round_what_does_not_come_back_as_itself():
    def read(codes):
        return codes + torch.tensor([0.5, 0.0]) * torch.exp(-codes.square().sum(1, keepdim=True) / 0.04)

    full = plane().codes
    assert clearance(hill(full, read)) > 0.2
    assert clearance(hill(full)) < 0.16, "with codes everywhere and a true encoder there is nothing to avoid"


@pytest.mark.parametrize("steps", [2, 3, 4, 5, 8, 16, 32, 33, 100])
def test_it_is_never_longer_in_image_space_than_the_straight_line(space, steps):
    for frames in path.walk(space, "geodesic", space.codes[:4], space.codes[100:104], steps).codes:
        assert image_steps(space.model, frames).sum() <= line_length(space, frames) * (1 + 1e-6)


def test_it_is_better_than_the_line_by_what_it_is_searched_by(space):
    a, b = space.codes[:6], space.codes[100:106]
    found, line = energy(space, path.walk(space, "geodesic", a, b, 32).codes), energy(space, curve.lerp(a, b, 32))
    assert (found <= line * 1.001).all() and (found < line * 0.95).any()


def test_pairs_optimised_together_come_out_as_one_at_a_time(space):
    a, b = space.codes[:5], space.codes[100:105]
    quiet = {"progress": lambda fraction, message: None, "cancelled": lambda: False}
    alone, together = (geodesic.connect(space, a, b, 16, at_once=n, **quiet)[0] for n in (1, 3))
    np.testing.assert_allclose(together, alone, atol=0.01 * space.codes.std())


def test_stopped_early_it_is_the_best_curve_so_far(space):
    a, b = space.codes[3], space.codes[140]

    def stopped(rounds):
        left = iter(range(rounds))
        return path.walk(space, "geodesic", a, b, 32, cancelled=lambda: next(left, None) is None)

    walks = [stopped(rounds) for rounds in (0, 5, 20, 40, 1000)]
    energies = [energy(space, w.codes[None])[0] for w in walks]
    assert all(later <= earlier * 1.001 for earlier, later in pairwise(energies)) and energies[-1] < energies[0]
    assert walks[2].notes[0].startswith(geodesic.STOPPED.format(done=20, all=geodesic.ROUNDS))
    assert walks[-1].notes == ("",)


def test_a_decoder_that_gives_one_image_leaves_the_straight_line_and_says_why():
    constant = Drawn(2, lambda codes: 0 * codes + 0.5, lambda pixels: pixels[:, :2])
    space = drawn_space(constant, np.random.default_rng(0).normal(size=(50, 2)))
    walked = path.walk(space, "geodesic", [-1, 0], [1, 0], 9)
    np.testing.assert_array_equal(walked.codes, curve.lerp([-1, 0], [1, 0], 9))
    assert walked.notes == (geodesic.CONSTANT,)


def test_a_dimension_that_no_code_uses_is_not_used():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(size=(300, 2)), np.zeros((300, 1))], 1)
    bent = Drawn(3, lambda z: 0.5 + 0.2 * z.tanh(), lambda pixels: 0 * pixels[:, :3])
    space = drawn_space(bent, codes)
    assert (path.walk(space, "geodesic", codes[0], codes[1], 12).codes[:, 2] == 0).all()


def test_weights_get_no_gradient(space):
    asked = make_space("vae", latent_dim=6)
    asked = dataclasses.replace(asked, model=asked.model.requires_grad_(True))
    path.walk(asked, "geodesic", space.codes[0], space.codes[1], 4)
    assert all(p.grad is None for p in asked.model.parameters())


def test_it_is_found_also_where_gradients_are_off(space):
    a, b = space.codes[3], space.codes[140]
    with torch.no_grad():
        there = path.walk(space, "geodesic", a, b, 8).codes
    np.testing.assert_array_equal(there, path.walk(space, "geodesic", a, b, 8).codes)
