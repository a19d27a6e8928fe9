"""Claims about codes sampled from the prior or from what stands in for it, and about `LatentSpace`."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import kstest, multivariate_normal, norm, truncnorm
from spaces import make_space
from threadpoolctl import threadpool_limits

from latent import decode, mixture, sample
from latent.jobs import Cancelled
from latent.space import LatentSpace, shared_rows
from latent.store import Store


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


def clustered(clusters: int, dimensions: int = 3, each: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Codes and labels of round clusters that stand 12 standard deviations and more apart."""
    rng = np.random.default_rng(seed)
    centres = np.stack([rng.permutation(np.arange(clusters)) for _ in range(dimensions)], 1) * 12.0
    labels = np.repeat(np.arange(clusters), each)
    return (centres[labels] + rng.standard_normal((len(labels), dimensions))).astype(np.float32), labels


def labelled(model: str = "vae", clusters: int = 4) -> LatentSpace:
    codes, labels = clustered(clusters)
    return dataclasses.replace(
        make_space(model, latent_dim=3, rows=len(codes)), codes=codes, labels=labels,
        classes=tuple("abcdefghij"[:clusters]),
    )  # fmt: skip


KINDS = tuple(sample.SAMPLERS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_sampler_draws_the_same_for_the_same_seed_on_any_number_of_threads(kind):
    space = labelled()
    with threadpool_limits(1):
        first = sample.sample(space, 50, 7, 0.8, kind=kind, truncation=1.5)
    again = sample.sample(space, 50, 7, 0.8, kind=kind, truncation=1.5)
    np.testing.assert_array_equal(first.codes, again.codes)
    assert first.codes.shape == (50, 3) and first.codes.dtype == np.float32
    assert first.source == again.source and first.source.endswith(", temperature 0.8, truncated at 1.5")
    assert (sample.sample(space, 50, 8, 0.8, kind=kind, truncation=1.5).codes != first.codes).all(1).any()


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_draws_of_a_seed_are_the_first_of_more(kind):
    space = labelled()
    np.testing.assert_allclose(
        sample.sample(space, 5, 1, kind=kind).codes, sample.sample(space, 40, 1, kind=kind).codes[:5], rtol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_temperature_scales_deviations_from_what_temperature_0_gives(kind):
    space = labelled()
    still, half, full = (sample.sample(space, 60, 2, t, kind=kind).codes for t in (0, 0.5, 1))
    np.testing.assert_allclose(half - still, (full - still) / 2, atol=1e-5)
    assert np.abs(full - still).max() > 0.5


def test_truncated_draws_stay_within_and_keep_those_that_were():
    free, held = sample.prior(8, 5000, 3), sample.prior(8, 5000, 3, truncation=1.2)
    within = np.abs(free) <= 1.2
    assert np.abs(held).max() <= np.float32(1.2) and not within.all()
    np.testing.assert_array_equal(held[within], free[within])
    assert kstest(held.ravel(), truncnorm(-1.2, 1.2).cdf).pvalue > 0.01
    assert np.abs(sample.prior(4, 50, 0, 0.5, truncation=2)).max() <= 1
    assert np.abs(sample.prior(4, 50, 0, truncation=1e-3)).max() <= np.float32(1e-3), "almost all are drawn again"


def test_a_truncated_gaussian_stays_within_its_own_standard_deviations():
    space = labelled()
    fitted = sample.fit_gaussian(space.codes)
    drawn = sample.sample(space, 2000, 0, kind="gaussian", truncation=1.5).codes
    whitened = np.linalg.solve(mixture.root(fitted.covariance), (drawn - fitted.mean).T)
    assert 1.4 < np.abs(whitened).max() <= 1.5 + 1e-4


def test_the_aggregate_posterior_is_a_row_and_its_posteriors_noise():
    space = labelled()
    assert space.logvar is not None
    still = sample.sample(space, 300, 0, 0, kind="aggregate posterior")
    assert {tuple(c) for c in still.codes} <= {tuple(c) for c in space.codes}
    assert still.source == "the posteriors of random images among 480, temperature 0"
    noise = sample.sample(space, 20_000, 0, kind="aggregate posterior").codes
    noise = noise - sample.sample(space, 20_000, 0, 0, kind="aggregate posterior").codes
    np.testing.assert_allclose(noise.std(0), 0.5, rtol=0.03)  # make_space's posteriors


@pytest.mark.parametrize("kind", KINDS)
def test_a_classs_draws_lie_nearest_to_that_class(kind):
    space = labelled()
    if kind == "prior":
        with pytest.raises(ValueError, match=r"N\(0, I\) knows no classes"):
            sample.sample(space, 5, 0, kind=kind, of_class=2)
        return
    drawn = sample.sample(space, 200, 0, kind=kind, of_class=2)
    assert "of class c" in drawn.source
    means = np.stack([space.codes[space.labels == c].mean(0) for c in range(4)])
    nearest = np.linalg.norm(drawn.codes[:, None] - means, axis=2).argmin(1)
    assert (nearest == 2).all()


@pytest.mark.parametrize("clusters", [1, 2, 5, 7, 11])
def test_a_mixture_finds_how_many_clusters_there_are(clusters):
    codes, _ = clustered(clusters)
    found = mixture.fit(codes)
    assert found.components == clusters
    assert found.counts[found.bic.argmin()] == clusters
    assert found.sentence().startswith(f"a mixture of {clusters} Gaussian")
    np.testing.assert_allclose(found.weights, 1 / clusters, atol=0.02)
    np.testing.assert_allclose(found.roots, np.broadcast_to(np.eye(3), found.roots.shape), atol=0.35)


def test_a_mixtures_criterion_is_the_textbooks():
    codes, _ = clustered(1, dimensions=2)
    found = mixture.fit(codes, counts=(1,))
    gaussian = sample.fit_gaussian(codes)
    scale = np.sqrt(codes.astype(float).var(0).mean())
    likelihood = multivariate_normal(gaussian.mean / scale, gaussian.covariance / scale**2).logpdf(codes / scale).sum()
    assert found.bic[0] == pytest.approx(5 * np.log(len(codes)) - 2 * likelihood, rel=1e-3)


def test_a_mixtures_draws_have_the_codes_moments_where_one_gaussian_would_leave_them():
    space = labelled(clusters=2)
    drawn = sample.sample(space, 4000, 0, kind="mixture").codes
    np.testing.assert_allclose(drawn.mean(0), space.codes.mean(0), atol=0.4)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(space.codes.T), rtol=0.03, atol=0.5)

    def away(codes):
        return np.linalg.norm(codes[:, None] - space.codes, axis=2).min(1).mean()

    assert away(drawn) < 0.5 < 2 < away(sample.sample(space, 4000, 0, kind="gaussian").codes)


def test_a_mixture_is_fitted_once_for_the_same_codes_and_kept(tmp_path, monkeypatch):
    store, space = Store(tmp_path), labelled()
    first = sample.sample(space, 20, 0, kind="mixture", store=store)
    monkeypatch.setattr(mixture, "fit", lambda *_, **__: pytest.fail("it was fitted again"))
    again = sample.sample(space, 20, 0, kind="mixture", store=store)
    np.testing.assert_array_equal(first.codes, again.codes)
    assert first.source == again.source == "a mixture of 4 Gaussians (count by BIC) fitted to 480 codes"


def test_of_many_codes_a_sample_is_fitted_and_the_source_says_so():
    found = mixture.fit(clustered(3)[0], rows=200)
    assert (found.rows, found.count, found.components) == (200, 360, 3)
    assert found.sentence().endswith("fitted to 200 of 360 codes")


def test_a_fit_reports_and_stops_when_asked_to():
    seen = []
    mixture.fit(clustered(2)[0], progress=lambda share, message: seen.append((share, message)))
    assert seen[0] == (0, "a mixture of 1 Gaussian") and all(0 <= a[0] <= b[0] <= 1 for a, b in pairwise(seen))
    with pytest.raises(Cancelled):
        mixture.fit(clustered(2)[0], cancelled=lambda: len(seen) > 0)


def test_codes_that_say_little_are_still_a_mixture():
    for codes in (np.ones((1, 2)), np.full((50, 2), 3.0), np.zeros((2, 512))):
        found = mixture.fit(codes)
        assert found.components == 1
        np.testing.assert_array_equal(found.place(np.zeros(2), np.ones((2, codes.shape[1]))), np.stack([codes[0]] * 2))
    wide = np.random.default_rng(0).standard_normal((1200, 512)) * np.linspace(0.5, 2, 512)
    found = mixture.fit(wide)
    drawn = found.place(*(lambda r: (r.random(4000), r.standard_normal((4000, 512))))(np.random.default_rng(1)))
    np.testing.assert_allclose(drawn.std(0), wide.std(0), rtol=0.15)
    flat = np.random.default_rng(0).standard_normal((100, 3)) * [1, 0, 2]
    assert np.abs(mixture.fit(flat).place(np.zeros(50), np.ones((50, 3)))[:, 1]).max() < 1e-8


@pytest.mark.parametrize("codes", [np.empty((0, 2)), np.full((3, 2), np.nan), np.ones(3)])
def test_a_mixture_of_nothing_is_refused(codes):
    with pytest.raises(ValueError, match="one or more finite codes"):
        mixture.fit(codes)


def test_a_space_says_which_samplers_it_does_not_offer_and_why():
    assert sample.offered(labelled("vae")) == KINDS == ("prior", "aggregate posterior", "gaussian", "mixture")
    assert sample.offered(labelled("ae")) == ("gaussian", "mixture")
    assert sample.offered(labelled("vae"), of_class=1) == KINDS[1:]
    for kind in KINDS[:2]:
        with pytest.raises(ValueError, match=f"{kind}: .*(is none|posterior is a point)"):
            sample.sample(labelled("ae"), 5, 0, kind=kind)
    with pytest.raises(ValueError, match="unknown sampler 'flow'; choose from prior, aggregate posterior"):
        sample.sample(labelled(), 5, 0, kind="flow")


@pytest.mark.parametrize(
    ("changes", "options", "says"),
    [
        ({"labels": None}, {"of_class": 0}, "digits has no classes"),
        ({}, {"of_class": 4}, "no class 4 among 4"),
        ({"classes": ("a", "b", "c", "d", "e")}, {"of_class": 4}, "no code here is of class e"),
        ({}, {"truncation": 0.0}, "truncation must be above 0"),
        ({}, {"truncation": float("nan")}, "truncation must be above 0"),
        ({"codes": np.full((480, 3), np.nan, np.float32)}, {}, "codes hold NaN"),
    ],
)
def test_samples_that_make_no_sense_are_refused_in_one_line(changes, options, says):
    with pytest.raises(ValueError, match=says):
        sample.sample(dataclasses.replace(labelled(), **changes), 5, 0, kind="gaussian", **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("codes", [np.ones((1, 3), np.float32), np.ones((40, 3), np.float32)])
def test_one_row_and_codes_without_extent_are_sampled(kind, codes):
    space = dataclasses.replace(make_space("vae", latent_dim=3, rows=len(codes)), codes=codes)
    drawn = sample.sample(space, 6, 0, kind=kind).codes
    assert np.isfinite(drawn).all()
    if kind in ("gaussian", "mixture"):
        np.testing.assert_array_equal(drawn, np.ones((6, 3)))


def test_decoding_is_the_models_own_to_a_byte_in_any_batches():
    model = make_space("vae", latent_dim=3).model
    codes = sample.prior(3, 700, 0)
    with torch.inference_mode():
        exact = model.decode(torch.from_numpy(codes)).mul(255).round().numpy()
    for batch in (None, 1, 64, 1000):
        images = decode.decode(model, codes, batch)
        assert images.dtype == np.uint8 and np.abs(images - exact).max() <= 1
        assert (images != exact).mean() < 1e-3
    assert decode.decode(model, codes[:0]).shape == (0, 1, 8, 8)
    with pytest.raises(ValueError, match="do not fit a model of 3"):
        decode.decode(model, codes[:, :2])
    with pytest.raises(ValueError, match="NaN or infinity"):
        decode.decode(model, np.full((2, 3), np.nan))
