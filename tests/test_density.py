"""Many points as a picture, and as an index: every point is counted, where numpy and a plain search say it lies."""

import numpy as np
import pytest

from latent import density, region
from latent.alive import Extent

VIEW = Extent(-1.0, -0.5, 2.0, 1.5)


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(0.3, 1, (50_000, 2)).astype(np.float32)


def test_cells_hold_what_numpys_histogram_counts_with_the_first_row_on_top(points):
    grid = density.count(points, np.zeros((len(points), 3)), VIEW, 30, 20)
    edges = np.linspace(VIEW.bottom, VIEW.top, 21), np.linspace(VIEW.left, VIEW.right, 31)
    expected, *_ = np.histogram2d(points[:, 1], points[:, 0], edges)
    np.testing.assert_array_equal(grid.count.reshape(20, 30), expected[::-1])
    assert grid.count.sum() == density.within(points, VIEW).sum() < len(points)


def test_a_cells_colour_is_the_mean_of_its_points():
    points = np.array([[0.1, 0.1], [0.2, 0.2], [0.9, 0.9]])
    grid = density.count(points, np.array([[255, 0, 0], [0, 0, 255], [0, 255, 0]]), Extent(0, 0, 1, 1), 2, 2)
    assert grid.count.tolist() == [0, 1, 2, 0]
    assert grid.colour.tolist() == [[0, 0, 0], [0, 255, 0], [127.5, 0, 127.5], [0, 0, 0]]


def test_a_single_point_is_seen_beside_a_crowd_and_an_empty_cell_is_not():
    points = np.concatenate([np.tile([[0.1, 0.1]], (100_000, 1)), [[0.9, 0.9]]])
    picture = density.picture(density.count(points, np.full((100_001, 3), 200), Extent(0, 0, 1, 1), 2, 2))
    alpha = picture[3]
    assert alpha[1, 0] == 255 and alpha[0, 1] > 60 and alpha[0, 0] == alpha[1, 1] == 0


def test_points_that_are_not_lit_stand_back_but_stay():
    points, colours = np.array([[0.1, 0.1], [0.1, 0.1], [0.9, 0.9]]), np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]])
    view = Extent(0, 0, 1, 1)
    picture = density.picture(
        density.count(points, colours, view, 2, 2), density.count(points[:1], colours[:1], view, 2, 2)
    )
    assert picture[:, 1, 0].tolist() == [255, 0, 0, 255]
    assert picture[:3, 0, 1].tolist() == [0, 0, 255] and 0 < picture[3, 0, 1] < 50


def test_a_view_that_holds_nothing_is_an_empty_picture(points):
    far = Extent(1e6, 1e6, 1e6 + 1, 1e6 + 1)
    assert not density.picture(density.count(points, np.zeros((len(points), 3)), far, 4, 4)).any()


def test_the_nearest_point_is_the_one_that_a_plain_search_finds(points):
    index = region.Index(points)
    for place in np.random.default_rng(1).normal(0.3, 1, (50, 2)):
        apart = np.linalg.norm(points - place, axis=1)
        assert index.nearest(place, 10.0) == apart.argmin()
        assert index.nearest(place, apart.min() * 0.99) is None
