"""Convolutional models: `conv-ae`, `conv-dae`, `conv-vae`, on one backbone for any image size.

The encoder halves both sides, rounding up, until neither passes 4; the decoder doubles and crops back
through the very same sizes, so an image of 37×100 comes out as 37×100 and the code has the size asked for.
"""

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

FEATURES = 128
SMALLEST = 4


class _Encoder(nn.Sequential):
    def __init__(self, channels: list[int], smallest: tuple[int, int]):
        convs = [layer for a, b in pairwise(channels) for layer in (nn.Conv2d(a, b, 3, stride=2, padding=1), nn.SiLU())]
        flat = channels[-1] * math.prod(smallest)
        super().__init__(*convs, nn.Flatten(), nn.Linear(flat, FEATURES), nn.SiLU())


class _Decoder(nn.Module):
    def __init__(self, latent_dim: int, channels: list[int], sizes: list[tuple[int, int]], out_channels: int):
        super().__init__()
        self.sizes = sizes
        self.start = (channels[0], *sizes[0])
        self.head = nn.Sequential(
            nn.Linear(latent_dim, FEATURES), nn.SiLU(), nn.Linear(FEATURES, math.prod(self.start)), nn.SiLU()
        )
        # Kernel 4 at stride 2 covers every output pixel equally often: no checkerboard.
        self.ups = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(channels))
        self.act = nn.SiLU()
        self.out = nn.Conv2d(channels[-1], out_channels, 3, padding=1)

    def forward(self, codes: Tensor) -> Tensor:
        x = self.head(codes).view(-1, *self.start)
        for up, (height, width) in zip(self.ups, self.sizes[1:], strict=True):
            x = self.act(up(x)[..., :height, :width])
        return self.out(x)


def conv(image_shape: tuple[int, int, int], latent_dim: int, width: int) -> Backbone:
    """Stride-2 convolutions of `width`, 2·`width`, then 4·`width` channels, and their mirror image."""
    colours, *size = check_image_shape(image_shape)
    if width < 2:
        raise ValueError(f"width must be at least 2, not {width}")
    sizes = [tuple(size)]
    while max(sizes[-1]) > SMALLEST:
        sizes.append(tuple(math.ceil(n / 2) for n in sizes[-1]))
    channels = [min(width * 2**i, 4 * width) for i in range(len(sizes) - 1)]
    encoder = _Encoder([colours, *channels], sizes[-1])
    decoder = _Decoder(latent_dim, [*channels[::-1], max(width // 2, 2)], sizes[::-1], colours)
    return Backbone(encoder, decoder, FEATURES)


@register("conv-ae")
def conv_ae(image_shape, latent_dim, *, width=32, likelihood="bernoulli", sigma=0.1) -> Autoencoder:
    """Convolutional autoencoder."""
    backbone = conv(image_shape, latent_dim, width)
    return DeterministicAutoencoder(backbone, image_shape, latent_dim, likelihood=likelihood, sigma=sigma)


@register("conv-dae")
def conv_dae(
    image_shape, latent_dim, *, width=32, corruption="gaussian:0.3", likelihood="bernoulli", sigma=0.1
) -> Autoencoder:
    """Convolutional denoising autoencoder."""
    backbone = conv(image_shape, latent_dim, width)
    return DenoisingAutoencoder(
        backbone, image_shape, latent_dim, corruption=corruption, likelihood=likelihood, sigma=sigma
    )


@register("conv-vae")
def conv_vae(image_shape, latent_dim, *, width=32, beta=1.0, likelihood="bernoulli", sigma=0.1) -> Autoencoder:
    """Convolutional variational autoencoder."""
    backbone = conv(image_shape, latent_dim, width)
    return VariationalAutoencoder(backbone, image_shape, latent_dim, beta=beta, likelihood=likelihood, sigma=sigma)
