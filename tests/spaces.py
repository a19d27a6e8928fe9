"""Small latent spaces of real, untrained models for the tests."""

import numpy as np

import aemodels
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
