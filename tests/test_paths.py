"""Claims about paths between codes: every kind on a shipped VAE of digits, the simple ones by geometry."""

from pathlib import Path

import numpy as np
import pytest

from aemodels import checkpoint
from latent import curve, export, path, profile
from latent.decode import decode, image_steps
from latent.space import LatentSpace

A = np.array([3.0, 0.0, 0.0], np.float32)
B = np.array([0.0, 4.0, 0.0], np.float32)
SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints" / "digits"


@pytest.fixture(scope="module")
def space():
    return LatentSpace.from_checkpoint(checkpoint.load(SHIPPED / "vae"))


@pytest.fixture
def pair():
    return np.random.default_rng(0).standard_normal((2, 16)).astype(np.float32)


@pytest.mark.parametrize("kind", list(path.KINDS))
class TestEveryKind:
    def test_ends_are_kept_bit_for_bit(self, kind, space):
        a, b = space.codes[[3, 200]]
        made = path.walk(space, kind, a, b, 7)
        assert made.codes.shape == (7, space.latent_dim) and made.codes.dtype == np.float32
        np.testing.assert_array_equal(made.codes[[0, -1]], [a, b])

    def test_many_pairs_at_once_give_the_same_as_one_by_one(self, kind, space):
        a, b = space.codes[[3, 40]], space.codes[[200, 300]]
        made = path.walk(space, kind, a, b, 6)
        for n in range(2):
            np.testing.assert_allclose(made.codes[n], path.walk(space, kind, a[n], b[n], 6).codes, atol=1e-4)

    def test_a_path_to_where_one_is_stays_there_and_says_so(self, kind, space):
        made = path.walk(space, kind, space.codes[5], space.codes[5], 4)
        np.testing.assert_array_equal(made.codes, np.tile(space.codes[5], (4, 1)))
        assert made.notes == (path.SAME,)

    def test_a_path_through_stops_visits_each_in_order(self, kind, space):
        stops = space.codes[[3, 100, 200]]
        made = path.through(space, kind, stops, 11).codes
        assert made.shape == (11, space.latent_dim)
        at = [np.flatnonzero((made == stop).all(1))[0] for stop in stops]
        assert at[0] == 0 and at[-1] == 10 and at == sorted(at)

    def test_a_closed_path_ends_where_it_began(self, kind, space):
        made = path.through(space, kind, space.codes[[3, 100, 200]], 13, closed=True).codes
        np.testing.assert_array_equal(made[0], made[-1])

    @pytest.mark.parametrize(
        ("spoil", "steps", "says"),
        [(lambda b: b, 1, "2"), (lambda b: b[:2], 3, "one shape"), (lambda b: b * np.nan, 3, "NaN or infinity")],
    )
    def test_ends_that_make_no_path_are_refused(self, kind, space, spoil, steps, says):
        with pytest.raises(ValueError, match=says):
            path.walk(space, kind, space.codes[0], spoil(space.codes[9]), steps)


@pytest.mark.parametrize("rows", [(3, 200), (17, 311), (50, 120)])
def test_a_geodesic_is_no_longer_in_image_space_than_the_straight_line(space, rows):
    a, b = space.codes[list(rows)]
    lengths = {k: image_steps(space.model, path.walk(space, k, a, b, 32).codes).sum() for k in ("linear", "geodesic")}
    assert lengths["geodesic"] <= lengths["linear"] * (1 + 1e-6)


def test_a_geodesic_that_is_stopped_gives_the_best_so_far_and_says_so(space):
    calls = []

    def cancelled() -> bool:
        calls.append(1)
        return len(calls) > 3

    made = path.walk(space, "geodesic", *space.codes[[3, 200]], 16, cancelled=cancelled)
    np.testing.assert_array_equal(made.codes[[0, -1]], space.codes[[3, 200]])
    assert made.notes[0]


def test_a_path_along_the_data_keeps_nearer_to_real_codes_than_the_straight_line(space):
    a, b = space.codes[[3, 200]]
    away = {k: profile.measure(space, path.walk(space, k, a, b, 32).codes).distance.mean() for k in ("linear", "data")}
    assert away["data"] < away["linear"]


def test_retiming_makes_steps_in_image_space_equal(space):
    walked = path.walk(space, "linear", *space.codes[[3, 200]], 24).codes
    steps = image_steps(space.model, path.retime(space.model, walked))
    assert np.ptp(steps) / steps.mean() < 0.05 < np.ptp(image_steps(space.model, walked)) / steps.mean()


def test_a_profile_of_real_codes_says_that_none_is_strange_by_distance(space):
    found = profile.measure(space, space.codes[[3, 100, 200]])
    assert (found.distance == 0).all() and found.farthest == 0
    expected = np.linalg.norm(np.diff(space.codes[[3, 100, 200]].astype(float), axis=0), axis=1)
    np.testing.assert_allclose(found.latent_steps, expected)
    assert found.energy == pytest.approx(2 * (found.image_steps**2).sum())


def test_exports_hold_the_walk(space):
    import io

    codes = path.walk(space, "linear", *space.codes[[3, 200]], 5).codes
    walk = export.Walk("vae", codes, decode(space.model, codes))
    with np.load(io.BytesIO(export.npz([walk], {"from": 3})), allow_pickle=False) as held:
        np.testing.assert_array_equal(held["codes_0"], codes)
        np.testing.assert_array_equal(held["frames_0"], walk.frames)
    page = export.page([walk], "A <walk>")
    assert (
        "A &lt;walk&gt;" in page and "data:image/png" in page and "http://" not in page.replace("http://www.w3.org", "")
    )


def test_the_middle_of_a_straight_path_is_the_mean():
    np.testing.assert_allclose(curve.lerp(A, B, 3)[1], (A + B) / 2)


@pytest.mark.parametrize("end", [A * 2, -A, A * -3, A * 0, A * (1 + 1e-7)])
def test_parallel_antiparallel_and_zero_ends_fall_back_to_the_straight_path(end):
    walked = curve.slerp(A, end, 5)
    np.testing.assert_array_equal(walked, curve.lerp(A, end, 5))
    assert np.isfinite(walked).all()


def test_on_a_spherical_path_the_norm_goes_linearly_and_the_angle_at_constant_speed():
    walked = curve.slerp(A, B, 5).astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(walked, axis=1), np.linspace(3, 4, 5), rtol=1e-6)
    np.testing.assert_allclose(np.arctan2(walked[:, 1], walked[:, 0]), np.linspace(0, np.pi / 2, 5), atol=1e-6)


def test_the_spherical_path_keeps_clear_of_the_origin_where_the_straight_one_does_not(pair):
    a = pair[0]
    b = -a + 0.1 * pair[1]
    shortest = min(np.linalg.norm(a), np.linalg.norm(b))
    assert np.linalg.norm(curve.slerp(a, b, 21), axis=1).min() > 0.99 * shortest
    assert np.linalg.norm(curve.lerp(a, b, 21), axis=1).min() < 0.2 * shortest


def test_an_unknown_kind_lists_the_known_ones(space):
    with pytest.raises(ValueError, match="unknown path 'curly'; choose from linear, spherical"):
        path.walk(space, "curly", space.codes[0], space.codes[1], 3)


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="registered twice"):
        path.register("linear", instant=True)(lambda *given: None)


def test_lengths_are_those_of_geometry():
    assert curve.length(curve.lerp(A, B, 50)) == pytest.approx(5)
    assert curve.length(curve.slerp(A, A[[1, 0, 2]], 1000)) == pytest.approx(3 * np.pi / 2, rel=1e-5)


@pytest.mark.parametrize(("stops", "steps", "said"), [(1, 5, "at least 2 stops"), (4, 3, "at least as many steps")])
def test_a_path_without_stops_or_with_too_few_steps_says_so(space, stops, steps, said):
    with pytest.raises(ValueError, match=said):
        path.through(space, "linear", space.codes[:stops], steps)
