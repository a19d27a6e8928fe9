"""Claims about codes sampled from the prior or from what stands in for it, and about `LatentSpace`."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import norm
from spaces import make_space

from latent import sample
from latent.space import shared_rows


def test_the_prior_is_standard_normal_times_the_temperature():
    drawn = sample.prior(3, 20_000, seed=0, temperature=0.5)
    assert drawn.shape == (20_000, 3) and drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(np.cov(drawn.T), 0.25 * np.eye(3), atol=0.01)


def test_the_same_seed_draws_the_same_codes_and_another_seed_others():
    np.testing.assert_array_equal(sample.prior(4, 5, seed=1), sample.prior(4, 5, seed=1))
    assert (sample.prior(4, 5, seed=1) != sample.prior(4, 5, seed=2)).all()


def test_lower_temperature_draws_the_same_codes_nearer_to_the_mean():
    np.testing.assert_allclose(sample.prior(4, 5, 1, temperature=0.5), sample.prior(4, 5, 1) / 2, rtol=1e-6)
    gaussian = sample.Gaussian(np.array([7.0, -7.0]), np.eye(2))
    np.testing.assert_array_equal(gaussian.sample(3, 0, temperature=0), [[7, -7]] * 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((2, 0, 0), "count must be at least 1, not 0"),
        ((2, 1, -1), "seed must be 0 or more, not -1"),
        ((2, 1, 0, -0.5), "temperature must be 0 or more"),
        ((2, 1, 0, float("nan")), "temperature must be 0 or more"),
    ],
)
def test_draws_that_make_no_sense_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        sample.prior(*arguments)


def test_a_fitted_gaussian_has_the_codes_moments_and_its_draws_have_them_too():
    mixing = np.array([[2.0, 0.0], [1.5, 0.5]])
    codes = np.random.default_rng(0).standard_normal((5000, 2)) @ mixing.T + [10, -3]
    fitted = sample.fit_gaussian(codes)
    np.testing.assert_allclose(fitted.mean, codes.mean(0))
    np.testing.assert_allclose(fitted.covariance, np.cov(codes.T, bias=True))
    drawn = fitted.sample(50_000, seed=0)
    np.testing.assert_allclose(drawn.mean(0), fitted.mean, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), fitted.covariance, atol=0.1)


def test_a_dimension_that_does_not_vary_stays_constant_in_draws():
    codes = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    codes[:, 1] = 4
    codes[:, 2] = 2 * codes[:, 0]
    drawn = sample.fit_gaussian(codes).sample(100, seed=0)
    np.testing.assert_allclose(drawn[:, 1], 4, atol=1e-5)
    np.testing.assert_allclose(drawn[:, 2], 2 * drawn[:, 0], atol=1e-4)


def test_one_code_is_drawn_again_and_again():
    np.testing.assert_array_equal(sample.fit_gaussian(np.ones((1, 2))).sample(3, 0), np.ones((3, 2)))


def test_no_codes_or_codes_with_nan_have_no_gaussian():
    for codes in (np.empty((0, 2)), np.full((3, 2), np.nan)):
        with pytest.raises(ValueError, match="finite codes"):
            sample.fit_gaussian(codes)


def test_only_a_variational_space_is_sampled_from_the_prior():
    drawn = sample.sample(make_space("vae"), 500, seed=0)
    assert drawn.source == "N(0, I)"
    np.testing.assert_array_equal(drawn.codes, sample.prior(2, 500, 0))

    space = make_space("ae")
    drawn = sample.sample(space, 500, seed=0)
    assert drawn.source == "a Gaussian fitted to 200 codes"
    np.testing.assert_allclose(drawn.codes.mean(0), space.codes.mean(0), atol=0.5)


def test_the_quantile_grid_runs_right_and_up_like_a_map():
    codes = sample.quantile_grid(3, low=0.1).reshape(3, 3, 2)
    at = norm.ppf([0.1, 0.5, 0.9])
    np.testing.assert_allclose(codes[:, :, 0], np.tile(at, (3, 1)), atol=1e-6)
    np.testing.assert_allclose(codes[:, :, 1], np.tile(at[::-1, None], (1, 3)), atol=1e-6)


def test_a_grid_of_one_is_the_median():
    np.testing.assert_allclose(sample.quantile_grid(1), [[0, 0]], atol=1e-7)


@pytest.mark.parametrize(("side", "low"), [(0, 0.02), (3, 0.0), (3, 0.5)])
def test_a_grid_without_a_side_or_with_infinite_quantiles_is_refused(side, low):
    with pytest.raises(ValueError, match=r"side of at least 1|between 0 and 0.5"):
        sample.quantile_grid(side, low)


def test_a_space_without_a_prior_gets_a_grid_over_its_own_codes():
    space = make_space("ae")
    laid = sample.grid(space, 4)
    assert laid.source == "quantiles of the codes" and laid.codes.shape == (16, 2)
    low, high = np.quantile(space.codes, [0.02, 0.98], axis=0)
    np.testing.assert_allclose(laid.codes[0], [low[0], high[1]], rtol=1e-6)
    np.testing.assert_allclose(laid.codes[-1], [high[0], low[1]], rtol=1e-6)
    np.testing.assert_array_equal(sample.grid(make_space("vae"), 4).codes, sample.quantile_grid(4))


def test_a_grid_needs_two_latent_dimensions():
    with pytest.raises(ValueError, match="2 latent dimensions, and vae, 3 dimensions has 3"):
        sample.grid(make_space("vae", latent_dim=3), 4)


def test_rows_are_found_by_id_and_the_first_unknown_one_is_named():
    space = make_space()
    np.testing.assert_array_equal(space.positions([10, 0, 995]), [2, 0, 199])
    assert space.positions([]).shape == (0,)
    with pytest.raises(KeyError, match="a on digits holds no row 11"):
        space.positions([10, 11, 12])


def test_shared_rows_come_in_the_first_spaces_order_and_never_across_data_sets():
    a = make_space()
    b = dataclasses.replace(make_space(name="b"), row_ids=np.arange(200)[::-1] * 10)
    np.testing.assert_array_equal(shared_rows([b, a]), np.arange(0, 1000, 10)[::-1])
    np.testing.assert_array_equal(shared_rows([a, b]), np.arange(0, 1000, 10))
    assert not len(shared_rows([a, make_space(dataset="sprites")]))
    np.testing.assert_array_equal(shared_rows([a]), a.row_ids)
