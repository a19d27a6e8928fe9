"""Claims about figures, against worked formulas and reference implementations."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import KNeighborsClassifier
from spaces import make_space

from aemodels.checkpoint import Latents
from latent import compare, metrics, neighbours


def codes_of(rows, dimensions, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, dimensions)).astype(np.float32)


@pytest.mark.parametrize("metric", neighbours.METRICS)
@pytest.mark.parametrize("dimensions", [4, 16])
def test_neighbours_are_those_of_all_pairwise_distances(metric, dimensions):
    codes = codes_of(120, dimensions)
    rows, distances = neighbours.nearest_with_distances(codes, 6, metric=metric)
    pairs = cdist(codes, codes, "cityblock" if metric == "manhattan" else metric)
    np.fill_diagonal(pairs, np.inf)
    np.testing.assert_array_equal(rows, pairs.argsort(1)[:, :6])
    np.testing.assert_allclose(distances, np.sort(pairs, 1)[:, :6], atol=1e-5)


@pytest.mark.parametrize("dimensions", [2, 16])
def test_a_row_is_never_its_own_neighbour_even_among_duplicates(dimensions):
    codes = np.repeat(codes_of(10, dimensions), 8, axis=0)
    rows = neighbours.nearest(codes, 7)
    assert (rows != np.arange(80)[:, None]).all()
    np.testing.assert_array_equal(rows // 8, np.arange(80)[:, None].repeat(7, 1) // 8)


def test_a_query_may_find_the_row_it_equals():
    codes = codes_of(30, 16)
    rows, distances = neighbours.nearest_with_distances(codes, 1, codes[[4, 9]])
    np.testing.assert_array_equal(rows, [[4], [9]])
    np.testing.assert_array_equal(distances, 0)


@pytest.mark.parametrize("k", [0, 30])
def test_more_neighbours_than_there_are_rows_are_refused(k):
    with pytest.raises(ValueError, match=f"{k} neighbours were asked for, and there are 29 other rows"):
        neighbours.nearest(codes_of(30, 3), k)


def test_a_metric_that_is_unknown_or_says_nothing_is_refused():
    with pytest.raises(ValueError, match="unknown metric 'hamming'; choose from euclidean"):
        neighbours.nearest_with_distances(codes_of(30, 3), 2, metric="hamming")
    with pytest.raises(ValueError, match="correlation needs codes of 3 or more dimensions, not 2"):
        neighbours.nearest_with_distances(codes_of(30, 2), 2, metric="correlation")


def test_a_space_agrees_with_itself_and_with_any_rotation_of_itself():
    codes = codes_of(100, 8)
    rotation, _ = np.linalg.qr(codes_of(8, 8, seed=1))
    assert compare.neighbour_overlap(codes, codes).mean == 1
    assert compare.neighbour_overlap(codes, 3 * codes @ rotation + 1, k=5).mean > 0.99


def test_unrelated_spaces_agree_as_chance_has_it():
    overlap = compare.neighbour_overlap(codes_of(1500, 8, 0), codes_of(1500, 4, 1), k=20)
    assert overlap.expected_by_chance == 20 / 1499
    assert overlap.mean == pytest.approx(overlap.expected_by_chance, rel=0.25)


def test_overlap_is_the_mean_of_shared_sets():
    a, b = codes_of(60, 5, 0), codes_of(60, 5, 0) + 0.5 * codes_of(60, 5, 1)
    overlap = compare.neighbour_overlap(a, b, k=4)
    pairs = zip(neighbours.nearest(a, 4), neighbours.nearest(b, 4), strict=True)
    np.testing.assert_allclose(overlap.per_row, [len(set(x) & set(y)) / 4 for x, y in pairs])
    assert overlap.mean == pytest.approx(overlap.per_row.mean()) and 0 < overlap.mean < 1


def test_spaces_are_compared_on_the_rows_that_both_have():
    a = make_space()
    order = np.random.default_rng(0).permutation(200)[:150]
    b = dataclasses.replace(a, name="b", codes=a.codes[order], row_ids=a.row_ids[order])
    of_a, of_b = compare.rows([a, b])
    np.testing.assert_array_equal(of_a, of_b)
    assert len(of_a) == 150 and compare.neighbour_overlap(of_a, of_b).mean == 1


def test_spaces_without_common_rows_and_unaligned_codes_are_refused():
    with pytest.raises(ValueError, match="a on digits, a on sprites share no rows"):
        compare.rows([make_space(), make_space(dataset="sprites")])
    with pytest.raises(ValueError, match="same rows, not 30 and 29"):
        compare.neighbour_overlap(codes_of(30, 2), codes_of(29, 2))


def test_kl_to_the_prior_is_the_worked_formula():
    mean = np.array([[0.0, 1.0], [0.0, -1.0]], np.float32)
    logvar = np.array([[0.0, 0.0], [0.0, np.log(4)]], np.float32)
    # KL(N(±1, 1) || N(0, 1)) = 1/2;  KL(N(-1, 4) || N(0, 1)) = (1 + 4 - 1 - log 4) / 2
    np.testing.assert_allclose(metrics.kl_per_dimension(mean, logvar), [0, (0.5 + (4 - np.log(4)) / 2) / 2], rtol=1e-6)


def test_kl_agrees_with_torch_distributions():
    from torch import from_numpy
    from torch.distributions import Normal, kl_divergence

    mean, logvar = codes_of(50, 4, 0), codes_of(50, 4, 1)
    q = Normal(from_numpy(mean), from_numpy(np.exp(logvar / 2)))
    np.testing.assert_allclose(
        metrics.kl_per_dimension(mean, logvar), kl_divergence(q, Normal(0.0, 1.0)).mean(0), rtol=1e-4
    )


def test_a_unit_is_active_when_its_mean_varies_enough():
    codes = codes_of(1000, 3) * np.array([1.0, 0.2, 0.05], np.float32)
    assert metrics.active_units(codes) == 2
    assert metrics.active_units(codes, threshold=0.5) == 1


def test_neighbour_accuracy_is_leave_one_out_voting():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 150)
    codes = (rng.standard_normal((150, 6)) + labels[:, None]).astype(np.float32)
    right = 0
    for row in range(150):
        rest = np.arange(150) != row
        voted = KNeighborsClassifier(10).fit(codes[rest], labels[rest]).predict(codes[row : row + 1])
        right += int(voted[0] == labels[row])
    assert metrics.neighbour_accuracy(codes, labels) == pytest.approx(right / 150)


def test_figures_that_do_not_exist_for_a_model_are_none():
    codes, rows, error = codes_of(40, 3), np.arange(40), np.full(40, 0.25, np.float32)
    plain = metrics.evaluate(Latents(codes, rows, error))
    assert plain.reconstruction_mse == 0.25
    assert plain.neighbour_accuracy is plain.kl is plain.active_units is None
    full = metrics.evaluate(Latents(codes, rows, error, np.zeros_like(codes), rows % 2))
    assert 0 <= full.neighbour_accuracy <= 1 and full.kl > 0 and full.active_units == 3
