"""Claims about aligned maps, about how far a map is to be trusted, and about where a latent space is alive."""

import numpy as np
import pytest
from scipy.spatial import procrustes as scipy_procrustes
from sklearn.manifold import trustworthiness

from aemodels import registry
from latent import alive, project, region, trust
from latent.align import View, aligned, procrustes
from latent.store import Store

RNG = np.random.default_rng(0)
CODES = RNG.normal(size=(300, 6)).astype(np.float32)


def turned(points: np.ndarray, angle: float, scale: float, mirror: bool) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]]) @ np.diag([1, -1 if mirror else 1])
    return scale * points @ turn + [3, -7]


@pytest.mark.parametrize("mirror", [False, True])
def test_a_map_that_was_turned_scaled_and_moved_comes_back_exactly(mirror):
    points = CODES[:, :2].astype(np.float64)
    found = procrustes(turned(points, 2.1, 0.3, mirror), points)
    np.testing.assert_allclose(found.apply(turned(points, 2.1, 0.3, mirror)), points, atol=1e-5)
    assert found.disparity == pytest.approx(0, abs=1e-9)


def test_an_alignment_is_without_shear_and_undone_by_its_inverse():
    found = procrustes(CODES[:, 2:4], CODES[:, :2])
    np.testing.assert_allclose(found.turn @ found.turn.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(found.undo(found.apply(CODES[:, 2:4])), CODES[:, 2:4], atol=1e-4)


def test_the_disparity_is_scipys():
    ours = procrustes(CODES[:, 2:4], CODES[:, :2]).disparity
    assert ours == pytest.approx(scipy_procrustes(CODES[:, :2].astype(float), CODES[:, 2:4].astype(float))[2], rel=1e-9)


@pytest.mark.parametrize("other", [np.zeros((3, 2)), np.zeros((300, 2))])
def test_maps_that_cannot_be_aligned_say_why(other):
    with pytest.raises(ValueError, match="align"):
        procrustes(other, CODES[:, :2])


def test_an_aligned_view_takes_places_to_codes_and_back_where_the_map_is_exact():
    first, second = (project.fit(c, project.Settings("pca")) for c in (CODES, CODES[:, ::-1] * 2))
    view = aligned(second, first)
    assert view.similarity and view.axis_titles == ("", "")
    places = view.points[:20]
    np.testing.assert_allclose(view.transform(view.inverse(places)), places, atol=1e-4)
    np.testing.assert_allclose(view.points, first.points, atol=1e-4)  # the same plane, seen from elsewhere


def test_latent_axes_are_never_turned():
    axes = project.fit(CODES, project.Settings("axes", axes=(0, 1)))
    assert aligned(axes, project.fit(CODES, project.Settings("pca"))).similarity is None


@pytest.mark.parametrize("k", [1, 5, 15])
def test_trustworthiness_and_continuity_are_scikit_learns(k):
    points = CODES[:, :2] + RNG.normal(0, 0.3, (300, 2)).astype(np.float32)
    found = trust.measure(CODES, points, k)
    assert found.trustworthiness.mean() == pytest.approx(trustworthiness(CODES, points, n_neighbors=k), abs=1e-6)
    assert found.continuity.mean() == pytest.approx(trustworthiness(points, CODES, n_neighbors=k), abs=1e-6)


def test_a_map_that_is_the_space_itself_is_trusted_wholly_and_a_random_one_keeps_what_chance_keeps():
    same = trust.measure(CODES[:, :2], CODES[:, :2], 10)
    assert same.trustworthiness.min() == same.continuity.min() == same.kept.min() == 1
    rng = np.random.default_rng(1)
    chance = trust.measure(rng.normal(size=(2000, 5)), rng.normal(size=(2000, 2)), 10)
    spread = np.sqrt(chance.by_chance / (10 * 2000))
    assert abs(chance.kept.mean() - chance.by_chance) < 4 * spread


def test_of_many_rows_a_sample_is_measured_and_agrees_with_the_whole():
    points = CODES[:, :2]
    whole, part = trust.measure(CODES, points, 10), trust.measure(CODES, points, 10, pairs=1)
    assert len(part.rows) == 200 and part.sentence().endswith("Measured on 200 of 300 points.")
    np.testing.assert_allclose(part.kept, whole.kept[part.rows])
    np.testing.assert_allclose(part.trustworthiness, whole.trustworthiness[part.rows])


def test_a_measured_trust_comes_back_from_the_disk_and_a_full_one_does_no_harm(tmp_path, monkeypatch):
    store = Store(tmp_path)
    first = trust.kept_measure(CODES, CODES[:, :2], 5, store)
    monkeypatch.setattr(trust, "measure", None)  # a second measurement would fail
    again = trust.kept_measure(CODES, CODES[:, :2], 5, store)
    assert again.sentence() == first.sentence()
    np.testing.assert_array_equal(again.continuity, first.continuity)
    monkeypatch.undo()
    (tmp_path / "file").touch()
    assert trust.kept_measure(CODES, CODES[:, :2], 5, Store(tmp_path / "file")).sentence() == first.sentence()


def test_too_few_rows_say_so():
    with pytest.raises(ValueError, match="needs more than 30 codes"):
        trust.measure(CODES[:20], CODES[:20, :2], 15)


# --- where a space is alive -----------------------------------------------------------------------------------


def flat_model():
    """A linear decoder with its exact inverse as encoder: alive everywhere, equally sensitive everywhere."""
    data = np.random.default_rng(0).normal(0.5, 0.04, (200, 1, 8, 8)).clip(0, 1).astype(np.float32)
    import torch

    return registry.build("pca", (1, 8, 8), 2).fit(lambda: [torch.from_numpy(data)]).eval()


def test_a_linear_model_comes_back_to_its_own_code_and_is_equally_sensitive_everywhere():
    model = flat_model()
    codes = np.random.default_rng(1).normal(0, 0.1, (400, 2)).astype(np.float32)
    view, extent = View(project.fit(codes, project.Settings("axes"))), alive.Extent(-0.8, -0.8, 0.8, 0.8)
    trips = alive.heat(model, view, extent, 12, 10, "round-trip")
    assert trips.shape == (10, 12) and trips.max() < 0.02  # what rounding to 8 bits costs
    area = alive.heat(model, view, extent, 12, 10, "sensitivity")
    np.testing.assert_allclose(area[1:-1, 1:-1], 1, rtol=0.1)  # unit vectors at right angles span a unit of area


def test_places_are_cell_centres_from_the_top_left():
    places = alive.Extent(0, 0, 4, 2).places(2, 2)
    assert places.tolist() == [[1, 1.5], [3, 1.5], [1, 0.5], [3, 0.5]]


@pytest.mark.parametrize("ends", [(0, 0, 0, 1), (1, 0, 0, 1), (0, 0, np.inf, 1), (np.nan, 0, 1, 1)])
def test_an_extent_that_is_none_is_refused(ends):
    with pytest.raises(ValueError, match="extent"):
        alive.Extent(*ends)


# --- regions --------------------------------------------------------------------------------------------------


def test_a_lasso_holds_what_lies_within_it_also_where_it_is_hollow():
    star = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]], float)
    points = np.array([[1, 0.5], [2, 3], [3.9, 0.1], [0.2, 3], [5, 5]], np.float32)
    assert region.inside(star, points).tolist() == [True, False, True, True, False]


@pytest.mark.parametrize("shape", [np.zeros((2, 2)), np.full((3, 2), np.nan), np.zeros((3, 3)), np.zeros((9000, 2))])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(ValueError, match="corners"):
        region.inside(shape, CODES[:, :2])
