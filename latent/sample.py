"""Codes to decode that no image was encoded to: from the prior, or from what stands in for one.

Only a variational model was trained towards a prior.  Every other is sampled from a Gaussian fitted to its codes,
and `Samples.source` says which it was, so that the page can.
"""

from dataclasses import dataclass

import numpy as np

from latent.space import LatentSpace

PRIOR, FITTED = "prior", "fitted Gaussian"


@dataclass(frozen=True, eq=False)
class Samples:
    """`codes` (N, D) float32 and the distribution they are of."""

    codes: np.ndarray
    source: str


def _check(count: int, seed: int, temperature: float) -> None:
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be 0 or more, not {temperature:g}")
    if seed < 0:
        raise ValueError(f"a seed must be 0 or more, not {seed}")


def prior(latent_dim: int, count: int, seed: int, temperature: float = 1.0) -> np.ndarray:
    """Draws of N(0, temperature² I); (count, latent_dim) float32, the same for the same seed.

    ValueError for count < 1, a negative temperature or a negative seed.
    """
    _check(count, seed, temperature)
    return np.random.default_rng(seed).standard_normal((count, latent_dim), np.float32) * np.float32(temperature)


@dataclass(frozen=True, eq=False)
class Gaussian:
    """N(mean, covariance): `mean` (D,), `covariance` (D, D), float64."""

    mean: np.ndarray
    covariance: np.ndarray

    def sample(self, count: int, seed: int, temperature: float = 1.0) -> np.ndarray:
        """Draws with deviations from the mean scaled by `temperature`; (count, D) float32.  ValueError as `prior`."""
        noise = prior(len(self.mean), count, seed, temperature)
        # Cholesky would refuse a dimension that does not vary.
        values, vectors = np.linalg.eigh(self.covariance)
        return (self.mean + noise @ (vectors * np.sqrt(values.clip(0))).T).astype(np.float32)


def fit_gaussian(codes: np.ndarray) -> Gaussian:
    """Mean and covariance (over N, the likelihood's maximum) of codes (N, D); dimensions that do not vary are fine.

    ValueError where there are no codes or they are not finite.
    """
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or not len(codes) or not np.isfinite(codes).all():
        raise ValueError(f"a Gaussian is fitted to one or more finite codes (N, D), not to shape {codes.shape}")
    centred = codes - codes.mean(0)
    return Gaussian(codes.mean(0), centred.T @ centred / len(codes))


def sample(space: LatentSpace, count: int, seed: int, temperature: float = 1.0) -> Samples:
    """Draws of what the space's decoder can be given: the prior of a variational model, else a fitted Gaussian.

    ValueError as `prior`.
    """
    if space.variational:
        return Samples(prior(space.latent_dim, count, seed, temperature), PRIOR)
    return Samples(fit_gaussian(space.codes).sample(count, seed, temperature), FITTED)


def _lay_out(across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Row-major grid whose first axis runs right and whose second runs up, as on a map; (n,), (n,) -> (n², 2)."""
    x, y = np.meshgrid(across, up[::-1])
    return np.stack([x.ravel(), y.ravel()], 1).astype(np.float32)


def _levels(side: int, low: float) -> np.ndarray:
    if side < 1:
        raise ValueError(f"a grid needs a side of at least 1, not {side}")
    if not 0 < low < 0.5:
        raise ValueError(f"low must be between 0 and 0.5, not {low:g}")
    return np.linspace(low, 1 - low, side) if side > 1 else np.array([0.5])


def quantile_grid(side: int, low: float = 0.02) -> np.ndarray:
    """Codes at equal steps of the 2-D prior's quantiles, from `low` to 1 - `low`; (side², 2) float32.

    Row by row from the top: the first axis goes right, the second from high to low down the picture.  ValueError for
    side < 1 or `low` outside (0, 0.5).  (Kingma & Welling 2014, figure 4)
    """
    from scipy.stats import norm

    at = norm.ppf(_levels(side, low))
    return _lay_out(at, at)


def grid(space: LatentSpace, side: int, low: float = 0.02) -> Samples:
    """A grid over all of a 2-D space, laid out as `quantile_grid`: of the prior's quantiles for a variational model,
    else of each axis's quantiles over the codes.

    ValueError unless the space has 2 dimensions.
    """
    if space.latent_dim != 2:
        raise ValueError(f"a grid needs a model of 2 latent dimensions, and {space.title} has {space.latent_dim}")
    if space.variational:
        return Samples(quantile_grid(side, low), "prior quantiles")
    return Samples(_lay_out(*np.quantile(space.codes, _levels(side, low), axis=0).T), "quantiles of the codes")
