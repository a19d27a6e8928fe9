"""Every registered model keeps the interface's promises at every image size."""

import math

import pytest
import torch

from aemodels import Autoencoder, build, names, registry
from aemodels.pca import EXACT_PIXELS, PCA

SHAPES = [(1, 8, 8), (3, 9, 13), (1, 28, 28), (3, 64, 48), (1, 37, 100), (1, 8, 128), (1, 128, 128)]
TINY = {"hidden": (32, 24), "width": 2}
TRAINABLE = [n for n in names() if not build(n, (1, 8, 8), 2).closed_form]
FAMILIES = [("ae", "dae", "vae"), ("conv-ae", "conv-dae", "conv-vae")]


def tiny(name: str, shape=(1, 8, 8), latent_dim: int = 4, **given) -> Autoencoder:
    small = {k: v for k, v in TINY.items() if k in registry.arguments(name)}
    return build(name, shape, latent_dim, **{**small, **given})


def images(shape, count: int = 3) -> torch.Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1))


def test_the_promised_models_are_registered():
    assert {"pca", "ae", "conv-ae", "dae", "conv-dae", "vae", "conv-vae"} <= set(names())
    assert all(registry.summary(name).endswith(".") for name in names())


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
@pytest.mark.parametrize("name", names())
def test_a_decoded_mean_has_the_images_shape_and_range(name, shape):
    model, batch = tiny(name, shape).eval(), images(shape)
    with torch.no_grad():
        posterior = model.encode(batch)
        decoded = model.decode(posterior.mean)
    assert posterior.mean.shape == (3, 4)
    assert decoded.shape == batch.shape
    assert decoded.dtype == torch.float32
    assert decoded.isfinite().all() and decoded.min() >= 0 and decoded.max() <= 1


@pytest.mark.parametrize("latent_dim", [1, 2, 37])
@pytest.mark.parametrize("name", names())
def test_latent_dim_is_honoured_exactly(name, latent_dim):
    model = tiny(name, latent_dim=latent_dim)
    posterior = model.encode(images((1, 8, 8)))
    assert posterior.mean.shape == (3, latent_dim)
    assert (posterior.logvar is not None) == model.variational
    if model.variational:
        assert posterior.logvar.shape == (3, latent_dim)
    assert model.decode(torch.zeros(5, latent_dim)).shape == (5, 1, 8, 8)


@pytest.mark.parametrize("name", names())
def test_encoding_is_deterministic_and_does_not_depend_on_the_batch(name):
    model, batch = tiny(name).train(), images((1, 8, 8), 6)
    with torch.no_grad():
        first, second = model.encode(batch), model.encode(batch)
        torch.testing.assert_close(model.encode(batch[2:3]).mean, first.mean[2:3])
    assert torch.equal(first.mean, second.mean)
    if model.variational:
        assert torch.equal(first.logvar, second.logvar)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 13), (1, 8, 128)], ids=str)
@pytest.mark.parametrize("name", TRAINABLE)
def test_gradients_reach_every_parameter(name, shape):
    model = tiny(name, shape)
    model.loss(images(shape, 16), torch.Generator().manual_seed(0)).total.backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f[0])
def test_a_family_shares_its_backbone_and_its_first_weights(family):
    plain, denoising, variational = (tiny(n).state_dict() for n in family)
    shared = {k: v for k, v in variational.items() if not k.startswith("logvar.")}
    assert variational.keys() - shared.keys() == {"logvar.weight", "logvar.bias"}
    for other in (denoising, shared):
        assert list(plain) == list(other)
        assert all(torch.equal(plain[k], other[k]) for k in plain)


@pytest.mark.parametrize("name", names())
def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_generator_alone(name):
    before = torch.get_rng_state()
    one, same, other = (tiny(name, seed=s).state_dict() for s in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one[k], same[k]) for k in one)
    if name in TRAINABLE:
        assert any(not torch.equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize("name", TRAINABLE)
def test_a_loss_draws_only_from_the_generator_it_is_given(name):
    model, batch = tiny(name), images((1, 8, 8))
    before = torch.get_rng_state()
    losses = [model.loss(batch, torch.Generator().manual_seed(s)).total.item() for s in (5, 5, 6)]
    assert torch.equal(before, torch.get_rng_state())
    assert losses[0] == losses[1]
    random = model.variational or "corruption" in registry.arguments(name)
    assert (losses[0] != losses[2]) == random


@pytest.mark.parametrize("name", [n for n in names() if "corruption" in registry.arguments(n)])
def test_a_denoising_model_sees_the_corrupted_image_and_is_scored_against_the_clean_one(name):
    model, batch = tiny(name, corruption="masking:0.5"), images((1, 8, 8))
    loss = model.loss(batch, torch.Generator().manual_seed(2))
    seen = model.corrupt(batch, torch.Generator().manual_seed(2))
    assert not torch.equal(seen, batch)
    expected = model.reconstruction(batch, model.encode(seen).mean).mean()
    torch.testing.assert_close(loss.total, expected)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(
    ("shape", "latent_dim", "message"),
    [
        ((1, 8, 8), 0, "latent_dim must be at least 1"),
        ((1, 7, 7), 2, "8 to 128 pixels, not 7×7"),
        ((1, 129, 8), 2, "8 to 128 pixels, not 129×8"),
        ((2, 8, 8), 2, "1 or 3 channels, not 2"),
        ((8, 8), 2, "channels, height, width"),
    ],
)
def test_shapes_that_no_model_is_defined_for_are_refused(name, shape, latent_dim, message):
    with pytest.raises(ValueError, match=message):
        build(name, shape, latent_dim)


def test_an_unknown_model_lists_the_known_ones():
    with pytest.raises(KeyError, match=r"unknown model 'gan'; choose from ae, conv-ae, .*vae"):
        build("gan", (1, 8, 8), 2)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("ae", {"beta": 2.0}, "ae does not take beta; it takes hidden, likelihood, sigma"),
        ("pca", {"width": 3}, "pca does not take width; it takes no arguments of its own"),
        ("vae", {"likelihood": "poisson"}, "unknown likelihood 'poisson'; choose from bernoulli, gaussian"),
        ("vae", {"beta": -1.0}, "beta must be at least 0"),
        ("vae", {"beta": math.nan}, "beta must be at least 0"),
        ("conv-ae", {"sigma": 0.0}, "sigma must be above 0"),
        ("conv-ae", {"width": 1}, "width must be at least 2"),
        ("ae", {"hidden": ()}, "one or more positive widths"),
        ("dae", {"corruption": "rain"}, "unknown corruption 'rain'"),
        ("pca", {"latent_dim": 65}, "64 values have no 65 principal components"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(name, given, message):
    with pytest.raises(ValueError, match=message):
        build(name, (1, 8, 8), **{"latent_dim": 2, **given})


def test_registering_a_name_twice_is_refused():
    with pytest.raises(ValueError, match="registered twice"):
        registry.register("pca")(lambda image_shape, latent_dim: None)


def blobs(shape, count: int = 90) -> torch.Tensor:
    """Images with a few strong directions, so that leading components are well apart."""
    generator = torch.Generator().manual_seed(0)
    pixels = math.prod(shape)
    directions = torch.randn(6, pixels, generator=generator) * torch.tensor([8.0, 5, 3, 2, 1, 0.5])[:, None]
    flat = torch.randn(count, 6, generator=generator) @ directions / 60 + 0.5
    return (flat + 0.01 * torch.randn(count, pixels, generator=generator)).clamp(0, 1).view(count, *shape)


def explained(batch: torch.Tensor, model: PCA) -> torch.Tensor:
    flat = batch.flatten(1)
    codes = model.encode(batch).mean
    return (codes @ model.components + model.centre - flat).square().sum()


def test_pca_reconstructs_as_scikit_learns_does():
    from sklearn.decomposition import PCA as Reference

    batch = blobs((1, 9, 13))
    model = PCA((1, 9, 13), 4).fit(lambda: batch.split(40))
    reference = Reference(4).fit(batch.flatten(1).numpy())
    expected = reference.inverse_transform(reference.transform(batch.flatten(1).numpy())).clip(0, 1)
    decoded = model.decode(model.encode(batch).mean).flatten(1)
    torch.testing.assert_close(decoded, torch.from_numpy(expected).float(), atol=2e-5, rtol=0)
    torch.testing.assert_close(
        model.variances, torch.from_numpy(reference.explained_variance_).float(), rtol=1e-4, atol=0
    )


def test_no_other_linear_map_reconstructs_better_than_pca():
    batch = blobs((1, 8, 8))
    model = PCA((1, 8, 8), 3).fit(lambda: [batch])
    best, generator = explained(batch, model), torch.Generator().manual_seed(0)
    for scale in (1e-2, 1e-1, 1.0):
        turned = model.components + scale * torch.randn(3, 64, generator=generator)
        flat = batch.flatten(1) - model.centre
        projected = flat @ torch.linalg.pinv(turned) @ turned
        assert best < (projected - flat).square().sum()


def test_pca_of_images_too_large_for_a_covariance_finds_the_same_subspace():
    shape = (3, 40, 40)
    assert math.prod(shape) > EXACT_PIXELS
    batch = blobs(shape)
    model = PCA(shape, 4).fit(lambda: batch.split(40))
    flat = (batch.flatten(1) - batch.flatten(1).mean(0)).double()
    residual = torch.linalg.svdvals(flat)[4:].square().sum()
    assert explained(batch, model).double() <= residual * 1.0001
    identity = model.components @ model.components.T
    torch.testing.assert_close(identity, torch.eye(4), atol=1e-5, rtol=0)


def test_pca_refitted_gives_the_same_axes_and_needs_two_images():
    batch = blobs((1, 8, 8))
    one, two = (PCA((1, 8, 8), 3).fit(lambda: batch.split(30)).components for _ in range(2))
    assert torch.equal(one, two)
    with pytest.raises(ValueError, match="at least 2 images"):
        PCA((1, 8, 8), 3).fit(lambda: [batch[:1]])
