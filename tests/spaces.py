"""Small latent spaces of real, untrained models for the tests."""

import numpy as np
import torch

import aemodels
from aemodels.autoencoder import Autoencoder, Posterior
from latent.space import LatentSpace


def make_space(model="ae", latent_dim=2, rows=200, name="a", dataset="digits") -> LatentSpace:
    """Skewed codes away from the origin under row ids 0, 5, 10, …"""
    rng = np.random.default_rng(3)
    codes = (rng.gamma(2.0, 2.0, (rows, latent_dim)) + 5).astype(np.float32)
    built = aemodels.build(model, (1, 8, 8), latent_dim, hidden=(8,))
    logvar = np.full_like(codes, np.log(0.25)) if built.variational else None
    return LatentSpace(
        name=name, dataset=dataset, title=f"{model}, {latent_dim} dimensions", model=built, codes=codes,
        row_ids=np.arange(rows) * 5, error=np.zeros(rows, np.float32), logvar=logvar,
    )  # fmt: skip


class Drawn(Autoencoder):
    """A decoder that is a known function: points (N, K) in [0, 1] as the first K pixels of 8×8 images."""

    def __init__(self, latent_dim, draw, read):
        super().__init__((1, 8, 8), latent_dim)
        self.draw, self.read = draw, read
        self.register_buffer("here", torch.zeros(()))

    def decode(self, codes):
        points = self.draw(codes)
        return torch.nn.functional.pad(points, (0, 64 - points.shape[1])).view(-1, 1, 8, 8)

    def encode(self, images):
        return Posterior(self.read(images.flatten(1)))


def drawn_space(model, codes, name="drawn") -> LatentSpace:
    """A space of a known decoder with these codes."""
    return LatentSpace(
        name=name, dataset="drawn", title=name, model=model, codes=np.ascontiguousarray(codes, np.float32),
        row_ids=np.arange(len(codes)), error=np.zeros(len(codes), np.float32),
    )  # fmt: skip


RADIUS = 0.4


def sphere() -> LatentSpace:
    """Latitude and longitude, drawn as points of a sphere of that radius, with codes evenly over the chart."""

    def draw(codes):
        up, round_ = codes[:, 0], codes[:, 1]
        points = torch.stack([up.cos() * round_.cos(), up.cos() * round_.sin(), up.sin()], 1)
        return 0.5 + RADIUS * points

    def read(pixels):
        x, y, z = ((pixels[:, :3] - 0.5) / RADIUS).unbind(1)
        return torch.stack([torch.atan2(z, torch.hypot(x, y)), torch.atan2(y, x)], 1)

    grid = np.stack(np.meshgrid(np.linspace(-1.4, 1.4, 29), np.linspace(-3, 3, 61), indexing="ij"), -1)
    return drawn_space(Drawn(2, draw, read), grid.reshape(-1, 2), "sphere")


def plane(codes=None) -> LatentSpace:
    """A flat decoder, skewed and stretched; codes evenly over a square unless others are given."""
    turn = torch.tensor([[0.3, 0.1, 0.0], [-0.05, 0.05, 0.2]])
    back = torch.linalg.pinv(turn)
    if codes is None:
        codes = np.stack(np.meshgrid(*[np.linspace(-1, 1, 31)] * 2, indexing="ij"), -1).reshape(-1, 2)
    flat = Drawn(2, lambda codes: 0.5 + codes @ turn, lambda pixels: (pixels[:, :3] - 0.5) @ back)
    return drawn_space(flat, codes, "plane")


def ring(count=60) -> np.ndarray:
    """Codes evenly on the unit circle, the first to the right."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
