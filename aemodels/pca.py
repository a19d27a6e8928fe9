"""`pca`: the best linear autoencoder, in closed form; the baseline that an AE has to beat.

Not trained but fitted: the top eigenvectors of the pixels' covariance minimise the squared error over all
linear encoders and decoders (Baldi & Hornik 1989).  Codes keep the scale of the pixels.  Where the covariance
would not fit in memory, the same subspace is found by iteration instead.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from aemodels.autoencoder import Autoencoder, Posterior
from aemodels.registry import register

# Pixel values up to which the covariance is formed and diagonalised; beyond, that would take longer than the passes.
EXACT_PIXELS = 2048
_OVERSAMPLING, _PASSES = 16, 8

Batches = Callable[[], Iterable[Tensor]]


class PCA(Autoencoder):
    """Principal components of the pixels behind the autoencoder interface."""

    closed_form = True

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int):
        super().__init__(image_shape, latent_dim)
        pixels = torch.Size(self.image_shape).numel()
        if latent_dim > pixels:
            raise ValueError(f"images of {pixels} values have no {latent_dim} principal components")
        self.register_buffer("centre", torch.zeros(pixels))
        self.register_buffer("components", torch.eye(latent_dim, pixels))
        self.register_buffer("variances", torch.ones(latent_dim))

    @torch.no_grad()
    def fit(self, batches: Batches) -> "PCA":
        """Fit to what `batches()` yields, (N, C, H, W) in [0, 1]; it is called once, or once a pass.

        Signs are fixed so that refitting gives the same axes.  ValueError for fewer than 2 images.
        """
        solve = _exact if self.centre.numel() <= EXACT_PIXELS else _iterated
        mean, values, vectors = solve(batches, self.centre, self.latent_dim)
        top = vectors.T.flip(0)[: self.latent_dim]
        largest = top.gather(1, top.abs().argmax(1, keepdim=True))
        self.centre.copy_(mean)
        self.components.copy_(top * torch.where(largest < 0, -1.0, 1.0))
        self.variances.copy_(values.flip(0)[: self.latent_dim].clamp_min(0))
        return self

    def encode(self, images: Tensor) -> Posterior:
        return Posterior((images.flatten(1) - self.centre) @ self.components.T)

    def decode(self, codes: Tensor) -> Tensor:
        flat = codes @ self.components + self.centre
        return flat.view(-1, *self.image_shape).clamp(0, 1)


def _flat(batches: Batches) -> Iterable[Tensor]:
    return (images.flatten(1).double() for images in batches())


def _check(count: int) -> None:
    if count < 2:
        raise ValueError(f"PCA needs at least 2 images, got {count}")


def _exact(batches: Batches, like: Tensor, dimensions: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (P,), eigenvalues (P,) ascending and eigenvectors (P, P) of the covariance, in one pass."""
    count, total, outer = 0, torch.zeros_like(like, dtype=torch.float64), None
    for flat in _flat(batches):
        count, total = count + len(flat), total + flat.sum(0)
        outer = flat.T @ flat if outer is None else outer.addmm_(flat.T, flat)
    _check(count)
    mean = total / count
    return mean, *torch.linalg.eigh((outer - count * torch.outer(mean, mean)) / (count - 1))


def _iterated(batches: Batches, like: Tensor, dimensions: int) -> tuple[Tensor, Tensor, Tensor]:
    """As `_exact`, for the leading K >= `dimensions` only: subspace iteration.  (Halko et al. 2011, arXiv:0909.4061)"""
    count, total = 0, torch.zeros_like(like, dtype=torch.float64)
    for flat in _flat(batches):
        count, total = count + len(flat), total + flat.sum(0)
    _check(count)
    mean = total / count
    start = torch.randn(len(mean), dimensions + _OVERSAMPLING, generator=torch.Generator().manual_seed(0))
    basis = torch.linalg.qr(start.to(mean)).Q
    for _ in range(_PASSES):
        image = torch.zeros_like(basis)
        for flat in _flat(batches):
            centred = flat - mean
            image.addmm_(centred.T, centred @ basis)
        basis = torch.linalg.qr(image).Q
    small = sum(codes.T @ codes for codes in ((flat - mean) @ basis for flat in _flat(batches)))
    values, turn = torch.linalg.eigh(small / (count - 1))
    return mean, values, basis @ turn


@register("pca")
def pca(image_shape, latent_dim) -> Autoencoder:
    """Principal components: the best linear autoencoder, in closed form."""
    return PCA(image_shape, latent_dim)
