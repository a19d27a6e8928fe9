"""Claims about paths between codes."""

import numpy as np
import pytest

from latent import path

A = np.array([3.0, 0.0, 0.0], np.float32)
B = np.array([0.0, 4.0, 0.0], np.float32)


@pytest.fixture
def pair():
    return np.random.default_rng(0).standard_normal((2, 16)).astype(np.float32)


@pytest.mark.parametrize("kind", sorted(path.KINDS))
class TestEveryKind:
    def test_endpoints_reproduce_their_inputs_bit_for_bit(self, kind, pair):
        walked = path.walk(kind, *pair, 7)
        assert walked.shape == (7, 16) and walked.dtype == np.float32
        np.testing.assert_array_equal(walked[[0, -1]], pair)

    def test_walking_back_visits_the_same_places(self, kind, pair):
        np.testing.assert_allclose(path.walk(kind, *pair, 9), path.walk(kind, *pair[::-1], 9)[::-1], atol=1e-6)

    def test_a_path_to_where_one_is_stays_there(self, kind, pair):
        np.testing.assert_allclose(path.walk(kind, pair[0], pair[0], 4), np.tile(pair[0], (4, 1)), atol=1e-6)

    def test_steps_are_of_equal_length_between_codes_of_equal_norm(self, kind):
        steps = np.linalg.norm(np.diff(path.walk(kind, A, A[[1, 0, 2]], 6), axis=0), axis=1)
        np.testing.assert_allclose(steps, steps[0], rtol=1e-5)

    @pytest.mark.parametrize("end", [A * 2, -A, A * -3, A * 0, A * (1 + 1e-7)])
    def test_parallel_antiparallel_and_zero_ends_fall_back_to_the_straight_path(self, kind, end):
        walked = path.walk(kind, A, end, 5)
        np.testing.assert_array_equal(walked, path.lerp(A, end, 5))
        assert np.isfinite(walked).all()

    @pytest.mark.parametrize(
        ("a", "b", "steps", "says"),
        [
            (A, B, 1, "at least 2 steps"),
            (A, B[:2], 3, "of one shape"),
            (A[None], B[None], 3, "of one shape"),
            (A, B * np.nan, 3, "NaN or infinity"),
            (np.where(A > 0, np.inf, A), B, 3, "NaN or infinity"),
        ],
    )
    def test_ends_that_make_no_path_are_refused(self, kind, a, b, steps, says):
        with pytest.raises(ValueError, match=says):
            path.walk(kind, a, b, steps)


def test_the_middle_of_a_straight_path_is_the_mean():
    np.testing.assert_allclose(path.lerp(A, B, 3)[1], (A + B) / 2)


def test_on_a_spherical_path_the_norm_goes_linearly_and_the_angle_at_constant_speed():
    walked = path.slerp(A, B, 5).astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(walked, axis=1), np.linspace(3, 4, 5), rtol=1e-6)
    np.testing.assert_allclose(np.arctan2(walked[:, 1], walked[:, 0]), np.linspace(0, np.pi / 2, 5), atol=1e-6)


def test_the_spherical_path_keeps_clear_of_the_origin_where_the_straight_one_does_not(pair):
    a = pair[0]
    b = -a + 0.1 * pair[1]
    shortest = min(np.linalg.norm(a), np.linalg.norm(b))
    assert np.linalg.norm(path.slerp(a, b, 21), axis=1).min() > 0.99 * shortest
    assert np.linalg.norm(path.lerp(a, b, 21), axis=1).min() < 0.2 * shortest


def test_an_unknown_kind_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown path 'curly'; choose from linear, spherical"):
        path.walk("curly", A, B, 3)


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="registered twice"):
        path.register("linear")(path.lerp)


def test_lengths_are_those_of_geometry():
    assert path.length(path.lerp(A, B, 50)) == pytest.approx(5)
    assert path.length(path.slerp(A, A[[1, 0, 2]], 1000)) == pytest.approx(3 * np.pi / 2, rel=1e-5)


@pytest.mark.parametrize("kind", sorted(path.KINDS))
@pytest.mark.parametrize("steps", [4, 5, 11, 16])
def test_a_path_through_stops_visits_each_exactly_once_and_in_order(kind, steps):
    stops = np.random.default_rng(4).normal(size=(4, 6)).astype(np.float32)
    made = path.through(kind, stops, steps)
    assert made.shape == (steps, 6)
    at = [np.flatnonzero((made == stop).all(1)).tolist() for stop in stops]
    assert all(len(places) == 1 for places in at) and at == sorted(at)
    assert at[0] == [0] and at[-1] == [steps - 1]


def test_a_path_through_two_stops_is_the_walk_between_them():
    a, b = np.random.default_rng(5).normal(size=(2, 6)).astype(np.float32)
    np.testing.assert_array_equal(path.through("linear", np.stack([a, b]), 9), path.walk("linear", a, b, 9))


@pytest.mark.parametrize(("stops", "steps", "said"), [(1, 5, "at least 2 stops"), (4, 3, "at least as many steps")])
def test_a_path_without_stops_or_with_too_few_steps_says_so(stops, steps, said):
    with pytest.raises(ValueError, match=said):
        path.through("linear", np.zeros((stops, 2), np.float32), steps)
