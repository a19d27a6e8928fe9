"""Claims about the gap between two sets of codes and about histograms against N(0, 1)."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist
from scipy.stats import kstest, norm
from spaces import make_space

from latent import gap


def normal(rows, dimensions=3, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, dimensions))


def test_mmd_is_the_unbiased_sum_over_pairs():
    a, b = normal(40), normal(30, seed=1) + 0.5
    found = gap.measure(a, b, 0)
    median = np.median(pdist(np.concatenate([a, b])))

    def kernel(x, y):
        return sum(np.exp(-cdist(x, y, "sqeuclidean") / (2 * (s * median) ** 2)) for s in gap.SCALES)

    off_diagonal = [(kernel(x, x).sum() - len(gap.SCALES) * len(x)) / (len(x) * (len(x) - 1)) for x in (a, b)]
    assert found.median == pytest.approx(median)
    assert found.mmd2 == pytest.approx(sum(off_diagonal) - 2 * kernel(a, b).mean(), rel=1e-10)


def test_sets_of_one_distribution_are_not_told_apart_and_shifted_ones_are():
    same = gap.measure(normal(300), normal(300, seed=1), 0)
    assert not same.significant and same.mmd2 < same.null_95 and "no more than chance" in same.sentence()
    shifted = gap.measure(normal(300), normal(300, seed=1) + 0.3, 0)
    assert shifted.significant and shifted.p_value == pytest.approx(1 / 501) and shifted.mmd2 > shifted.null_95
    wider = gap.measure(normal(300), 1.4 * normal(300, seed=1), 0)
    assert wider.significant, "the means agree, the spread does not"


def test_p_values_of_no_gap_are_uniform():
    found = [gap.measure(normal(40, 2, s), normal(40, 2, 1000 + s), s, permutations=99).p_value for s in range(150)]
    assert kstest(found, "uniform").pvalue > 0.01
    assert np.mean(np.array(found) <= 0.05) < 0.12


def test_a_larger_shift_is_a_larger_gap_and_units_do_not_matter():
    found = [gap.measure(normal(200), normal(200, seed=1) + shift, 0).mmd2 for shift in (0.3, 0.6, 1.2)]
    assert found == sorted(found)
    scaled = gap.measure(1000 * normal(200) + 5e4, 1000 * (normal(200, seed=1) + 0.6) + 5e4, 0)
    assert scaled.mmd2 == pytest.approx(found[1], rel=1e-6)


def test_the_same_seed_gives_the_same_gap_and_only_so_many_rows_are_compared():
    first, again = (gap.measure(normal(500), normal(400, seed=1), 3, rows=100) for _ in range(2))
    assert first.mmd2 == again.mmd2 and first.p_value == again.p_value and first.rows == (100, 100)
    assert gap.measure(normal(50), normal(400, seed=1), 3, rows=100).rows == (50, 100)


def test_codes_that_are_all_the_same_have_no_gap_and_two_points_have_one():
    found = gap.measure(np.ones((20, 2)), np.ones((20, 2)), 0)
    assert (found.mmd2, found.p_value) == (0, 1)
    assert gap.measure(np.ones((20, 2)), np.zeros((20, 2)), 0).significant


def test_512_dimensions_are_told_apart():
    assert gap.measure(normal(100, 512), normal(100, 512, 1) + 0.2, 0).significant
    assert not gap.measure(normal(100, 512), normal(100, 512, 1), 0).significant


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        (normal(1), normal(9), "at least 2 codes of each kind, not 1"),
        (normal(9), np.full((9, 3), np.nan), "finite codes"),
        (normal(9), normal(9, 2), "of 3 and of 2 dimensions"),
        (np.ones(9), normal(9), "finite codes"),
    ],
)
def test_sets_without_a_gap_to_measure_are_refused(a, b, says):
    with pytest.raises(ValueError, match=says):
        gap.measure(a, b, 0)


def test_the_gap_to_the_prior_is_the_aggregate_posteriors():
    far = make_space("vae")
    assert gap.of_prior(far, 0).significant
    codes = normal(2000, 2).astype(np.float32) * 0.8
    at_prior = dataclasses.replace(
        far, codes=codes, logvar=np.full_like(codes, 2 * np.log(0.6)), row_ids=np.arange(2000)
    )
    assert not gap.of_prior(at_prior, 0).significant
    tight = dataclasses.replace(at_prior, logvar=np.full_like(codes, 2 * np.log(0.01)))
    assert gap.of_prior(tight, 0).significant
    with pytest.raises(ValueError, match="only a variational model"):
        gap.of_prior(make_space("ae"), 0)
    with pytest.raises(ValueError, match="at least 2 codes"):
        gap.of_prior(make_space("vae", rows=1), 0)


def test_histograms_are_densities_beside_the_normals():
    codes = np.stack([normal(50_000, 1)[:, 0], np.full(50_000, 9.0)], 1)
    found = gap.histograms(codes, bins=20, limit=3)
    assert found.edges.shape == (21,) and found.density.shape == (2, 20)
    np.testing.assert_allclose(found.density[0], found.normal, atol=0.02)
    np.testing.assert_allclose(found.normal.sum() * 0.3, norm.cdf(3) - norm.cdf(-3))
    np.testing.assert_allclose(found.density.sum(1) * 0.3 + found.outside, 1)
    assert found.outside[1] == 1 and not found.density[1].any()


@pytest.mark.parametrize(
    ("codes", "options", "says"),
    [
        (np.empty((0, 2)), {}, "one or more finite codes"),
        (np.full((2, 2), np.inf), {}, "one or more finite codes"),
        (np.ones((2, 2)), {"bins": 0}, "at least 1 bin"),
        (np.ones((2, 2)), {"limit": 0.0}, "a limit above 0"),
    ],
)
def test_histograms_of_nothing_are_refused(codes, options, says):
    with pytest.raises(ValueError, match=says):
        gap.histograms(codes, **options)
