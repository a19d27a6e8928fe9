"""Objectives are the formulas they claim to be, in nats per image."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from aemodels import build, objectives


def logits_and_images(shape=(4, 3, 5, 6)):
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(shape, generator=generator), torch.rand(shape, generator=generator)


def test_bernoulli_nll_of_one_pixel_by_hand():
    # p = 0.8, x = 1: -log 0.8; x = 0: -log 0.2; x = 0.25: a quarter of the one and three of the other.
    logit = torch.full((3, 1, 1, 1), math.log(4))
    images = torch.tensor([1.0, 0.0, 0.25]).view(3, 1, 1, 1)
    expected = [-math.log(0.8), -math.log(0.2), -(0.25 * math.log(0.8) + 0.75 * math.log(0.2))]
    assert objectives.bernoulli_nll(logit, images).tolist() == pytest.approx(expected)


def test_gaussian_nll_of_two_pixels_by_hand():
    # sigmoid(0) = 0.5; (0.3² + 0.1²) / (2 · 0.2²) + 2 · (log 0.2 + log(2 pi) / 2)
    images = torch.tensor([0.8, 0.4]).view(1, 1, 1, 2)
    expected = 0.10 / 0.08 + 2 * (math.log(0.2) + 0.5 * math.log(2 * math.pi))
    assert objectives.gaussian_nll(torch.zeros(1, 1, 1, 2), images, 0.2).item() == pytest.approx(expected)


def test_kl_by_hand():
    # KL(N(2, 1) || N(0, 1)) = 2² / 2; KL(N(0, e²) || N(0, 1)) = (e² - 1 - 2) / 2
    mean, logvar = torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([[0.0, 2.0, 0.0]])
    expected = [2.0, (math.exp(2) - 3) / 2, 0.0]
    assert objectives.kl_to_standard_normal(mean, logvar)[0].tolist() == pytest.approx(expected)


def test_bernoulli_nll_agrees_with_torch_distributions():
    logits, images = logits_and_images()
    reference = -Independent(Bernoulli(logits=logits, validate_args=False), 3).log_prob(images)
    torch.testing.assert_close(objectives.bernoulli_nll(logits, images), reference)


@pytest.mark.parametrize("sigma", [0.05, 0.1, 1.0])
def test_gaussian_nll_agrees_with_torch_distributions(sigma):
    logits, images = logits_and_images()
    reference = -Independent(Normal(torch.sigmoid(logits), sigma), 3).log_prob(images)
    torch.testing.assert_close(objectives.gaussian_nll(logits, images, sigma), reference)


def test_kl_agrees_with_torch_distributions():
    generator = torch.Generator().manual_seed(0)
    mean, logvar = torch.randn(2, 7, 5, generator=generator).unbind()
    reference = kl_divergence(Normal(mean, (0.5 * logvar).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(objectives.kl_to_standard_normal(mean, logvar), reference)


def test_bernoulli_nll_stays_finite_where_a_sigmoid_saturates():
    logits = torch.tensor([200.0, -200.0]).view(2, 1, 1, 1)
    assert objectives.bernoulli_nll(logits, torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)).tolist() == [200.0, 200.0]


@pytest.mark.parametrize("likelihood", objectives.LIKELIHOODS)
@pytest.mark.parametrize("name", ["vae", "conv-vae"])
def test_beta_multiplies_the_kl_and_nothing_else(name, likelihood):
    _, images = logits_and_images((4, 1, 8, 8))
    losses = {
        beta: build(name, (1, 8, 8), 3, beta=beta, likelihood=likelihood).loss(images, torch.Generator().manual_seed(1))
        for beta in (0.0, 1.0, 4.0)
    }
    for beta, loss in losses.items():
        assert torch.equal(loss.reconstruction, losses[0.0].reconstruction)
        assert torch.equal(loss.kl, losses[0.0].kl)
        torch.testing.assert_close(loss.total.detach(), loss.reconstruction + beta * loss.kl)
    assert losses[1.0].kl > 0


def test_a_vaes_loss_is_reconstruction_at_one_sample_plus_kl():
    _, images = logits_and_images((4, 1, 8, 8))
    model = build("vae", (1, 8, 8), 3, beta=2.5, likelihood="gaussian", sigma=0.2)
    loss = model.loss(images, torch.Generator().manual_seed(1))
    posterior = model.encode(images)
    noise = torch.empty(4, 3).normal_(generator=torch.Generator().manual_seed(1))
    codes = posterior.mean + noise * (0.5 * posterior.logvar).exp()
    reconstruction = objectives.gaussian_nll(model.decoder(codes), images, 0.2).mean()
    kl = objectives.kl_to_standard_normal(posterior.mean, posterior.logvar).sum(1).mean()
    torch.testing.assert_close(loss.total, reconstruction + 2.5 * kl)


@pytest.mark.parametrize("name", ["ae", "conv-ae"])
def test_an_autoencoders_loss_is_its_reconstruction(name):
    _, images = logits_and_images((4, 1, 8, 8))
    model = build(name, (1, 8, 8), 3)
    loss = model.loss(images)
    expected = objectives.bernoulli_nll(model.decoder(model.encode(images).mean), images).mean()
    torch.testing.assert_close(loss.total, expected)
    assert loss.kl == 0


def test_losses_do_not_depend_on_the_batch_size():
    _, images = logits_and_images((6, 1, 8, 8))
    model = build("ae", (1, 8, 8), 3)
    whole = model.loss(images).total
    parts = torch.stack([model.loss(part).total for part in images.split(2)])
    torch.testing.assert_close(whole, parts.mean())


def test_a_posterior_sample_has_the_posteriors_moments():
    from aemodels import Posterior

    mean, logvar = torch.tensor([1.0, -2.0]), torch.tensor([0.0, math.log(0.25)])
    posterior = Posterior(mean.expand(50_000, 2), logvar.expand(50_000, 2))
    drawn = posterior.sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.02, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.tensor([1.0, 0.5]), atol=0.02, rtol=0)
    assert torch.equal(Posterior(mean).sample(), mean)
