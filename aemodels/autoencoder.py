"""The one interface of every model: `encode(x) -> Posterior`, `decode(z) -> images in [0, 1]`.

A model is a backbone (an encoder to features, a decoder to logits) under an objective.  AE, denoising
AE and VAE of a kind are given the same backbone, so that comparing them compares the objective alone.
`encode` is deterministic: maps, neighbours, paths and metrics all use the posterior's mean.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aemodels import corruption as corruptions
from aemodels import objectives

MIN_SIZE, MAX_SIZE = 8, 128

# Outside this range exp() of a log-variance is no longer a useful float32 standard deviation.
LOGVAR_RANGE = (-12.0, 8.0)


@dataclass(frozen=True)
class Posterior:
    """q(z|x) as a diagonal Gaussian: `mean` (N, D), `logvar` (N, D), or None where q is a point."""

    mean: Tensor
    logvar: Tensor | None = None

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One reparameterised draw, (N, D); the mean itself for a point posterior.  (Kingma & Welling 2014)"""
        if self.logvar is None:
            return self.mean
        noise = torch.empty_like(self.mean).normal_(generator=generator)
        return torch.addcmul(self.mean, noise, (0.5 * self.logvar).exp())


@dataclass(frozen=True)
class Backbone:
    """`encoder` maps (N, C, H, W) to (N, features); `decoder` maps (N, D) to (N, C, H, W) logits."""

    encoder: nn.Module
    decoder: nn.Module
    features: int


@dataclass(frozen=True)
class Loss:
    """Batch means in nats per image: `total` is what is minimised."""

    total: Tensor
    reconstruction: Tensor
    kl: Tensor


def check_image_shape(image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return (C, H, W) as ints; ValueError where no model is defined for it."""
    if len(image_shape) != 3:
        raise ValueError(f"an image shape is channels, height, width, not {tuple(image_shape)}")
    channels, height, width = (int(n) for n in image_shape)
    if channels not in (1, 3):
        raise ValueError(f"images need 1 or 3 channels, not {channels}")
    if not all(MIN_SIZE <= n <= MAX_SIZE for n in (height, width)):
        raise ValueError(f"images need sides of {MIN_SIZE} to {MAX_SIZE} pixels, not {height}×{width}")
    return channels, height, width


class Autoencoder(nn.Module, ABC):
    """The interface; images are float32 (N, C, H, W) in [0, 1], codes (N, latent_dim)."""

    variational = False
    closed_form = False

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int):
        super().__init__()
        self.image_shape = check_image_shape(image_shape)
        self.latent_dim = latent_dim

    @abstractmethod
    def encode(self, images: Tensor) -> Posterior:
        """(N, C, H, W) -> a posterior over (N, latent_dim)."""

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """(N, latent_dim) -> (N, C, H, W) in [0, 1]."""


class DeterministicAutoencoder(Autoencoder):
    """Reconstruction alone: q(z|x) is a point."""

    def __init__(
        self,
        backbone: Backbone,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        *,
        likelihood: str = "bernoulli",
        sigma: float = 0.1,
    ):
        super().__init__(image_shape, latent_dim)
        if not 0 < sigma < float("inf"):
            raise ValueError(f"sigma must be above 0 and finite, not {sigma:g}")
        self.sigma = sigma
        self.likelihood = objectives.likelihood(likelihood)
        self.encoder = backbone.encoder
        self.mean = nn.Linear(backbone.features, latent_dim)
        self.decoder = backbone.decoder

    def encode(self, images: Tensor) -> Posterior:
        return Posterior(self.mean(self.encoder(images)))

    def decode(self, codes: Tensor) -> Tensor:
        """The likelihood's mean."""
        return torch.sigmoid(self.decoder(codes))

    def reconstruction(self, images: Tensor, codes: Tensor) -> Tensor:
        """-log p(images | codes), (N,) in nats per image."""
        return self.likelihood(self.decoder(codes).float(), images, self.sigma)

    def loss(self, images: Tensor, generator: torch.Generator | None = None) -> Loss:
        """The training objective on a batch; what is random draws from `generator`."""
        return self.objective(images, self.encode(images), generator)

    def objective(self, images: Tensor, posterior: Posterior, generator: torch.Generator | None) -> Loss:
        reconstruction = self.reconstruction(images, posterior.mean).mean()
        return Loss(reconstruction, reconstruction.detach(), torch.zeros_like(reconstruction.detach()))


class DenoisingAutoencoder(DeterministicAutoencoder):
    """Sees a corrupted image, is scored against the clean one.  (Vincent et al. 2008)"""

    def __init__(self, *args, corruption: str = "gaussian:0.3", **kwargs):
        super().__init__(*args, **kwargs)
        self.corrupt = corruptions.parse(corruption)

    def loss(self, images: Tensor, generator: torch.Generator | None = None) -> Loss:
        return self.objective(images, self.encode(self.corrupt(images, generator)), generator)


class VariationalAutoencoder(DeterministicAutoencoder):
    """Reconstruction + beta * KL(q(z|x) || N(0, I)).  (Kingma & Welling 2014; Higgins et al. 2017)"""

    variational = True

    def __init__(self, backbone: Backbone, *args, beta: float = 1.0, **kwargs):
        super().__init__(backbone, *args, **kwargs)
        if not 0 <= beta < float("inf"):
            raise ValueError(f"beta must be at least 0 and finite, not {beta:g}")
        self.beta = beta
        self.logvar = nn.Linear(backbone.features, self.latent_dim)

    def encode(self, images: Tensor) -> Posterior:
        features = self.encoder(images)
        return Posterior(self.mean(features).float(), self.logvar(features).float().clamp(*LOGVAR_RANGE))

    def objective(self, images: Tensor, posterior: Posterior, generator: torch.Generator | None) -> Loss:
        reconstruction = self.reconstruction(images, posterior.sample(generator)).mean()
        kl = objectives.kl_to_standard_normal(posterior.mean, posterior.logvar).sum(1).mean()
        return Loss(reconstruction + self.beta * kl, reconstruction.detach(), kl.detach())
