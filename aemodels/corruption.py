"""Corruptions for denoising autoencoders: images in [0, 1] in, images in [0, 1] out.

One is named by text, `gaussian:0.3`, so that a command line, a config and a model card say it alike.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def _uniform(shape: torch.Size, like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.rand(shape, dtype=like.dtype, device=like.device, generator=generator)


def _pixels(images: Tensor) -> torch.Size:
    """One draw a pixel, shared by its channels."""
    return images[:, :1].shape


def gaussian(images: Tensor, amount: float, generator: torch.Generator | None = None) -> Tensor:
    """Add N(0, amount²) to every value, then clamp."""
    return (images + amount * torch.empty_like(images).normal_(generator=generator)).clamp(0, 1)


def salt_and_pepper(images: Tensor, amount: float, generator: torch.Generator | None = None) -> Tensor:
    """Set a share `amount` of the pixels to black or white, half each."""
    draw = _uniform(_pixels(images), images, generator)
    return images.masked_fill(draw < amount / 2, 0.0).masked_fill(draw > 1 - amount / 2, 1.0)


def masking(images: Tensor, amount: float, generator: torch.Generator | None = None) -> Tensor:
    """Set a share `amount` of the pixels to zero, all channels at once."""
    return images.masked_fill(_uniform(_pixels(images), images, generator) < amount, 0.0)


def dropout(images: Tensor, amount: float, generator: torch.Generator | None = None) -> Tensor:
    """Zero a share `amount` of the values and scale the rest by 1 / (1 - amount), then clamp."""
    kept = images.masked_fill(_uniform(images.shape, images, generator) < amount, 0.0)
    return (kept / (1 - amount)).clamp(0, 1)


DEFAULTS = {"gaussian": 0.3, "salt_and_pepper": 0.1, "masking": 0.1, "dropout": 0.2}
_FUNCTIONS: dict[str, Callable] = {f.__name__: f for f in (gaussian, salt_and_pepper, masking, dropout)}


@dataclass(frozen=True)
class Corruption:
    """A named corruption and its amount; called with images and a generator."""

    name: str
    amount: float

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return _FUNCTIONS[self.name](images, self.amount, generator)

    def __str__(self) -> str:
        return f"{self.name}:{self.amount:g}"


def parse(text: str) -> Corruption:
    """`gaussian`, `masking:0.5`, `salt-and-pepper:0.2`, …; ValueError says what is wrong with it."""
    name, _, amount = text.partition(":")
    name = name.strip().replace("-", "_")
    if name not in DEFAULTS:
        raise ValueError(f"unknown corruption {name!r}; choose from {', '.join(DEFAULTS)}")
    try:
        value = float(amount) if amount else DEFAULTS[name]
    except ValueError:
        raise ValueError(f"the amount of a corruption is a number, not {amount!r}") from None
    top = float("inf") if name == "gaussian" else 1.0
    if not 0 <= value < top:
        raise ValueError(f"{name} needs an amount of at least 0 and below {top:g}, not {value:g}")
    return Corruption(name, value)
