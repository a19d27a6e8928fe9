"""Ends of walks that are no row's own code: the mean of a class, or a real image mirrored, turned or noised."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from aemodels import corruption
from latent.encode import encode
from latent.space import LatentSpace


def class_mean(space: LatentSpace, name: str) -> np.ndarray:
    """The mean of the codes of a class, (D,) float32; ValueError where there are no labels or no rows of it."""
    if space.labels is None:
        raise ValueError(f"{space.dataset} has no classes to take the mean of")
    if name not in space.classes:
        raise ValueError(f"unknown class {name!r}; choose from {', '.join(space.classes)}")
    rows = space.labels == space.classes.index(name)
    if not rows.any():
        raise ValueError(f"{space.name} holds no row of class {name!r}")
    return space.codes[rows].mean(0, dtype=np.float64).astype(np.float32)


def _mirrored(images: np.ndarray, amount: float, seed: int) -> np.ndarray:
    """Left and right exchanged."""
    return images[..., ::-1]


def _turned(images: np.ndarray, amount: float, seed: int) -> np.ndarray:
    """Turned about the middle, anticlockwise; what comes in at the edges repeats the edge."""
    from scipy.ndimage import rotate

    turned = rotate(images.astype(np.float32), amount, axes=(-1, -2), reshape=False, order=1, mode="nearest")
    return turned.round().clip(0, 255).astype(np.uint8)


def _noised(images: np.ndarray, amount: float, seed: int) -> np.ndarray:
    """Gaussian noise on every value, then clamped, as denoising models are trained with."""
    clean = torch.from_numpy(np.ascontiguousarray(images)).float() / 255
    noisy = corruption.gaussian(clean, amount, torch.Generator().manual_seed(seed))
    return (noisy * 255).round().to(torch.uint8).numpy()


@dataclass(frozen=True)
class Alteration:
    """A registry entry: `apply(images, amount, seed)`; the amount is in `unit`, from `least` to `most`, if any."""

    apply: Callable[[np.ndarray, float, int], np.ndarray]
    unit: str = ""
    amount: float = 0.0
    least: float = 0.0
    most: float = 0.0


ALTERATIONS = {
    "mirrored": Alteration(_mirrored),
    "rotated": Alteration(_turned, "degrees", 90.0, -180.0, 180.0),
    "noised": Alteration(_noised, "standard deviation of pixels in [0, 1]", 0.3, 0.0, 1.0),
}


def alter(images: np.ndarray, name: str, amount: float | None = None, *, seed: int = 0) -> np.ndarray:
    """Altered images; uint8 (..., H, W) -> the same shape.  `amount` is the alteration's own where it is not given.

    The same seed draws the same noise.  ValueError for an unknown alteration or an amount beyond its range.
    """
    if name not in ALTERATIONS:
        raise ValueError(f"unknown alteration {name!r}; choose from {', '.join(ALTERATIONS)}")
    how = ALTERATIONS[name]
    amount = how.amount if amount is None else amount
    if how.unit and not how.least <= amount <= how.most:
        raise ValueError(f"{name} takes {how.least:g} to {how.most:g} ({how.unit}), not {amount:g}")
    return np.ascontiguousarray(how.apply(images, amount, seed))


def of_image(
    space: LatentSpace, image: np.ndarray, name: str, amount: float | None = None, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The codes (2, D) of a real image (C, H, W) and of its altered self, and both images (2, C, H, W) uint8.

    ValueError for an image that is not the model's size, else as `alter`.
    """
    if image.shape != space.image_shape:
        raise ValueError(f"an image of shape {image.shape} is not one of {space.name}, which takes {space.image_shape}")
    both = np.stack([image, alter(image, name, amount, seed=seed)])
    return encode(space.model, both), both
