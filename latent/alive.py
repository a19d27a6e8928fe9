"""Where a latent space is alive: what happens to codes between the data, seen over a view of a map.

A place is taken back to a code, decoded and encoded again.  A code that comes back as another lies where the model has
never been: the hole between an AE's clusters, which a VAE is trained to fill.
"""

from dataclasses import dataclass

import numpy as np

from aemodels.autoencoder import Autoencoder
from latent.align import View
from latent.decode import decode, decode_float
from latent.encode import BATCH, encode

KINDS = ("round-trip", "sensitivity")


@dataclass(frozen=True)
class Extent:
    """A rectangle of a map: left < right, bottom < top, all finite; ValueError else."""

    left: float
    bottom: float
    right: float
    top: float

    def __post_init__(self):
        if not all(map(np.isfinite, (self.left, self.bottom, self.right, self.top))):
            raise ValueError("an extent must be finite")
        if not (self.left < self.right and self.bottom < self.top):
            raise ValueError("an extent needs left < right and bottom < top")

    def places(self, across: int, up: int) -> np.ndarray:
        """Centres of across x up cells, row by row from the top left; (up * across, 2) float32."""
        x = self.left + (np.arange(across) + 0.5) * (self.right - self.left) / across
        y = self.top - (np.arange(up) + 0.5) * (self.top - self.bottom) / up
        return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), -1).reshape(-1, 2).astype(np.float32)


def round_trip(model: Autoencoder, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|encode(decode(z)) - z|, (M,), and the decoded images uint8 (M, C, H, W), of codes (M, D)."""
    images = decode(model, codes)
    return np.linalg.norm(encode(model, images) - codes, axis=1), images


def returns(model: Autoencoder, codes: np.ndarray) -> np.ndarray:
    """|encode(decode(z)) - z| of codes (M, D), (M,), with nothing rounded to grey levels and no images kept."""
    parts = [
        np.linalg.norm(encode(model, decode_float(model, part)) - part, axis=1)
        for part in np.split(codes, range(BATCH, len(codes), BATCH))
    ]
    return np.concatenate(parts)


def sensitivity(images: np.ndarray, across: int, up: int, extent: Extent) -> np.ndarray:
    """Area that an image, of values in [0, 1], moves a unit of map area: sqrt det of the pullback metric, (up, across).

    By central differences over the grid of decoded images (up * across, C, H, W), one-sided at its edges.
    (Arvanitidis et al. 2018, arXiv:1710.11379)
    """
    flat = images.reshape(up, across, -1).astype(np.float32) / 255
    along_y, along_x = np.gradient(flat, (extent.top - extent.bottom) / up, (extent.right - extent.left) / across,
                                   axis=(0, 1))  # fmt: skip
    xx, yy, xy = ((a * b).sum(-1) for a, b in ((along_x, along_x), (along_y, along_y), (along_x, along_y)))
    return np.sqrt(np.maximum(xx * yy - xy**2, 0))


def heat(model: Autoencoder, view: View, extent: Extent, across: int, up: int, kind: str) -> np.ndarray:
    """One of KINDS over a grid of places; (up, across) float32, the first row on top.

    ValueError for another kind or fewer than 2 cells a side.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown layer {kind!r}; choose from {', '.join(KINDS)}")
    if min(across, up) < 2:
        raise ValueError(f"a grid needs 2 cells a side, not {across} x {up}")
    codes = view.inverse(extent.places(across, up))
    error, images = round_trip(model, codes)
    if kind == "round-trip":
        return error.reshape(up, across).astype(np.float32)
    return sensitivity(images, across, up, extent).astype(np.float32)


def typical_round_trip(model: Autoencoder, codes: np.ndarray, *, sample: int = 512, seed: int = 0) -> float:
    """The 95 % quantile of the round trip of real codes: what is beyond it is unlike any of them."""
    rows = np.random.default_rng(seed).permutation(len(codes))[:sample]
    return float(np.quantile(round_trip(model, codes[rows])[0], 0.95))
