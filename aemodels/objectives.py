"""Objectives as pure tensor functions, in nats per image: summed over pixels, one value an image.

A likelihood takes the decoder's logits, so that the Bernoulli one stays exact where a sigmoid saturates.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Likelihood = Callable[[Tensor, Tensor, float], Tensor]


def bernoulli_nll(logits: Tensor, images: Tensor, sigma: float = 1.0) -> Tensor:
    """Cross-entropy of (N, C, H, W) logits with images in [0, 1]; (N,) nats.  `sigma` has no part in it."""
    # One fused sum over the batch would be faster still, but per-image values are what errors are made of.
    return functional.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1).sum(1)


def gaussian_nll(logits: Tensor, images: Tensor, sigma: float) -> Tensor:
    """-log N(images; sigmoid(logits), sigma² I) of (N, C, H, W); (N,) nats."""
    squared = (torch.sigmoid(logits) - images).square().flatten(1).sum(1)
    constant = math.log(sigma) + 0.5 * math.log(2 * math.pi)
    return squared / (2 * sigma**2) + constant * images[0].numel()


_LIKELIHOODS: dict[str, Likelihood] = {"bernoulli": bernoulli_nll, "gaussian": gaussian_nll}
LIKELIHOODS = tuple(_LIKELIHOODS)


def likelihood(name: str) -> Likelihood:
    """The likelihood of that name; ValueError names the known ones."""
    if name not in _LIKELIHOODS:
        raise ValueError(f"unknown likelihood {name!r}; choose from {', '.join(LIKELIHOODS)}")
    return _LIKELIHOODS[name]


def kl_to_standard_normal(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mean, exp(logvar)) || N(0, 1)) a dimension; (N, D), (N, D) -> (N, D) nats.  (Kingma & Welling 2014, B)"""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar)
