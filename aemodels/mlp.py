"""Fully connected models: `ae`, `dae`, `vae`, on one backbone."""

import math
from itertools import pairwise

from torch import Tensor, nn

from aemodels.autoencoder import (
    Autoencoder,
    Backbone,
    DenoisingAutoencoder,
    DeterministicAutoencoder,
    VariationalAutoencoder,
    check_image_shape,
)
from aemodels.registry import register

HIDDEN = (256, 256)


class _Unflatten(nn.Module):
    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.view(-1, *self.shape)


def _layers(sizes: list[int]) -> list[nn.Module]:
    return [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]


def mlp(image_shape: tuple[int, int, int], latent_dim: int, hidden: tuple[int, ...]) -> Backbone:
    """Linear layers of the `hidden` widths down to the code, the same widths in reverse on the way back."""
    shape, hidden = check_image_shape(image_shape), [int(n) for n in hidden]
    if not hidden or min(hidden) < 1:
        raise ValueError(f"hidden needs one or more positive widths, not {hidden}")
    pixels = math.prod(shape)
    encoder = nn.Sequential(nn.Flatten(), *_layers([pixels, *hidden]))
    decoder = nn.Sequential(*_layers([latent_dim, *hidden[::-1]]), nn.Linear(hidden[0], pixels), _Unflatten(shape))
    return Backbone(encoder, decoder, hidden[-1])


@register("ae")
def ae(image_shape, latent_dim, *, hidden=HIDDEN, likelihood="bernoulli", sigma=0.1) -> Autoencoder:
    """Fully connected autoencoder."""
    backbone = mlp(image_shape, latent_dim, hidden)
    return DeterministicAutoencoder(backbone, image_shape, latent_dim, likelihood=likelihood, sigma=sigma)


@register("dae")
def dae(
    image_shape, latent_dim, *, hidden=HIDDEN, corruption="gaussian:0.3", likelihood="bernoulli", sigma=0.1
) -> Autoencoder:
    """Fully connected denoising autoencoder."""
    backbone = mlp(image_shape, latent_dim, hidden)
    return DenoisingAutoencoder(
        backbone, image_shape, latent_dim, corruption=corruption, likelihood=likelihood, sigma=sigma
    )


@register("vae")
def vae(image_shape, latent_dim, *, hidden=HIDDEN, beta=1.0, likelihood="bernoulli", sigma=0.1) -> Autoencoder:
    """Fully connected variational autoencoder."""
    backbone = mlp(image_shape, latent_dim, hidden)
    return VariationalAutoencoder(backbone, image_shape, latent_dim, beta=beta, likelihood=likelihood, sigma=sigma)
