"""Codes to decode that no image was encoded to: from the prior, or from what stands in for one.

A sampler says what it draws from, and in one line why a space does not offer it: only a variational model was trained
towards a prior.  Every sampler turns the same deviations of N(0, I) into codes, so that a seed means the same in all of
them, temperature scales those deviations and truncation bounds them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from latent import mixture
from latent.jobs import Cancellation, Progress
from latent.space import LatentSpace
from latent.store import Store

PRIOR, AGGREGATE, GAUSSIAN, MIXTURE = "prior", "aggregate posterior", "gaussian", "mixture"


@dataclass(frozen=True, eq=False)
class Samples:
    """`codes` (N, D) float32 and, in words, the distribution they are of."""

    codes: np.ndarray
    source: str


@dataclass(frozen=True, eq=False)
class Draws:
    """What a sampler makes codes of: `deviations` (n, D) of N(0, I), `uniform` (n,) numbers in [0, 1) to choose by.

    `rows` are the places in the space's codes that may be drawn on.
    """

    deviations: np.ndarray
    uniform: np.ndarray
    rows: np.ndarray


Fit = Callable[[np.ndarray], mixture.Mixture]
Draw = Callable[[LatentSpace, Draws, Fit], tuple[np.ndarray, str]]
Refusal = Callable[[LatentSpace], str | None]


@dataclass(frozen=True)
class Sampler:
    """`draw` makes codes (n, D) and their source; `refusal` is why a space does not offer it, or None."""

    name: str
    draw: Draw
    refusal: Refusal
    by_class: bool


SAMPLERS: dict[str, Sampler] = {}


def register(name: str, *, refusal: Refusal = lambda space: None, by_class: bool = True) -> Callable[[Draw], Draw]:
    """Enter a sampler under `name`; `by_class` where it can be held to one class's codes."""

    def enter(draw: Draw) -> Draw:
        if name in SAMPLERS:
            raise ValueError(f"sampler {name!r} is registered twice")
        SAMPLERS[name] = Sampler(name, draw, refusal, by_class)
        return draw

    return enter


def _no_prior(space: LatentSpace) -> str | None:
    return None if space.variational else "only a variational model is trained towards a prior, and this is none"


def _no_posterior(space: LatentSpace) -> str | None:
    if space.variational and space.logvar is not None:
        return None
    return "this model's posterior is a point, so its aggregate would only repeat the codes of images"


@register(PRIOR, refusal=_no_prior, by_class=False)
def _prior(space: LatentSpace, draws: Draws, fit: Fit) -> tuple[np.ndarray, str]:
    return draws.deviations, "N(0, I)"


@register(AGGREGATE, refusal=_no_posterior)
def _aggregate(space: LatentSpace, draws: Draws, fit: Fit) -> tuple[np.ndarray, str]:
    """(Makhzani et al. 2015, arXiv:1511.05644; Hoffman & Johnson 2016)"""
    chosen = draws.rows[(draws.uniform * len(draws.rows)).astype(np.int64)]
    codes = space.codes[chosen] + np.exp(0.5 * space.logvar[chosen]) * draws.deviations
    return codes, f"the posteriors of random images among {len(draws.rows):,}"


@register(GAUSSIAN)
def _gaussian(space: LatentSpace, draws: Draws, fit: Fit) -> tuple[np.ndarray, str]:
    fitted = fit_gaussian(space.codes[draws.rows])
    return fitted.place(draws.deviations), f"a Gaussian fitted to {len(draws.rows):,} codes"


@register(MIXTURE)
def _mixture(space: LatentSpace, draws: Draws, fit: Fit) -> tuple[np.ndarray, str]:
    fitted = fit(space.codes[draws.rows])
    return fitted.place(draws.uniform, draws.deviations), fitted.sentence()


def _check(count: int, seed: int, temperature: float, truncation: float | None = None) -> None:
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be 0 or more, not {temperature:g}")
    if truncation is not None and not 0 < truncation < float("inf"):
        raise ValueError(f"truncation must be above 0 standard deviations, or None, not {truncation:g}")
    if seed < 0:
        raise ValueError(f"a seed must be 0 or more, not {seed}")


def prior(
    latent_dim: int, count: int, seed: int, temperature: float = 1.0, *, truncation: float | None = None
) -> np.ndarray:
    """Draws of N(0, temperature² I); (count, latent_dim) float32, the same for the same seed.

    Values beyond `truncation` standard deviations are drawn again within them, before temperature scales them.
    ValueError for count < 1, a negative temperature or seed, or a truncation of 0 or less.  (Brock et al. 2019,
    arXiv:1809.11096)
    """
    _check(count, seed, temperature, truncation)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((count, latent_dim), np.float32)
    if truncation is not None:
        from scipy.special import ndtr, ndtri

        beyond = np.abs(noise) > truncation
        # At once by the inverse distribution function: a truncation of 0.01 would refuse 99 draws of 100.
        again = ndtri(rng.uniform(*ndtr([-truncation, truncation]), beyond.sum()))
        noise[beyond] = again.clip(-truncation, truncation)
    return noise * np.float32(temperature)


@dataclass(frozen=True, eq=False)
class Gaussian:
    """N(mean, covariance): `mean` (D,), `covariance` (D, D), float64."""

    mean: np.ndarray
    covariance: np.ndarray

    def place(self, deviations: np.ndarray) -> np.ndarray:
        """The draws that deviations (n, D) of N(0, I) stand for; (n, D) float64."""
        return self.mean + deviations @ mixture.root(self.covariance)

    def sample(self, count: int, seed: int, temperature: float = 1.0) -> np.ndarray:
        """Draws with deviations from the mean scaled by `temperature`; (count, D) float32.  ValueError as `prior`."""
        return self.place(prior(len(self.mean), count, seed, temperature)).astype(np.float32)


def fit_gaussian(codes: np.ndarray) -> Gaussian:
    """Mean and covariance (over N, the likelihood's maximum) of codes (N, D); dimensions that do not vary are fine.

    ValueError where there are no codes or they are not finite.
    """
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or not len(codes) or not np.isfinite(codes).all():
        raise ValueError(f"a Gaussian is fitted to one or more finite codes (N, D), not to shape {codes.shape}")
    centred = codes - codes.mean(0)
    return Gaussian(codes.mean(0), centred.T @ centred / len(codes))


def default(space: LatentSpace) -> str:
    """The sampler of what the decoder was trained on most nearly: the prior where there is one, else a Gaussian."""
    return PRIOR if space.variational else GAUSSIAN


def why_not(kind: str, space: LatentSpace, *, of_class: int | None = None) -> str | None:
    """Why a sampler is not offered for a space, or for one class of it, in one line; None where it is.

    ValueError lists the known samplers.
    """
    if kind not in SAMPLERS:
        raise ValueError(f"unknown sampler {kind!r}; choose from {', '.join(SAMPLERS)}")
    refused = SAMPLERS[kind].refusal(space)
    if refused or of_class is None:
        return refused
    if not SAMPLERS[kind].by_class:
        return "N(0, I) knows no classes; draw one from the aggregate posterior or from what is fitted to its codes"
    if space.labels is None:
        return f"{space.dataset} has no classes"
    if not 0 <= of_class < len(space.classes):
        return f"there is no class {of_class} among {len(space.classes)}"
    return None if (space.labels == of_class).any() else f"no code here is of class {space.classes[of_class]}"


def offered(space: LatentSpace, *, of_class: int | None = None) -> tuple[str, ...]:
    """The samplers a space offers, for all codes or those of one class."""
    return tuple(kind for kind in SAMPLERS if why_not(kind, space, of_class=of_class) is None)


def sample(
    space: LatentSpace,
    count: int,
    seed: int,
    temperature: float = 1.0,
    *,
    kind: str | None = None,
    truncation: float | None = None,
    of_class: int | None = None,
    store: Store | None = None,
    progress: Progress = lambda share, message: None,
    cancelled: Cancellation = lambda: False,
) -> Samples:
    """`count` draws by a sampler, by default the space's own: the same for the same seed and codes.

    Temperature scales each draw's deviations: from the prior's or the Gaussian's mean, from its component's mean, or
    from its image's code.  Truncation draws deviations again that are beyond so many standard deviations.  `of_class`
    keeps to the codes of one class.  A mixture is fitted once, kept in `store`, with progress and cancellation.
    ValueError as `prior` and for codes that are not finite; where the sampler is not offered it says `why_not`.
    """
    kind = default(space) if kind is None else kind
    refused = why_not(kind, space, of_class=of_class)
    if refused:
        raise ValueError(f"{kind}: {refused}")
    if not np.isfinite(space.codes).all():
        raise ValueError("codes hold NaN or infinity")
    deviations = prior(space.latent_dim, count, seed, temperature, truncation=truncation)
    rows = np.arange(len(space)) if of_class is None else np.flatnonzero(space.labels == of_class)
    if not len(rows) and kind != PRIOR:
        raise ValueError(f"{space.title} holds no codes to draw on")
    draws = Draws(deviations, np.random.default_rng([seed, 1]).random(count), rows)
    codes, source = SAMPLERS[kind].draw(
        space, draws, lambda of: mixture.kept_fit(of, store, progress=progress, cancelled=cancelled)
    )
    if of_class is not None:
        source += f" of class {space.classes[of_class]}"
    if temperature != 1:
        source += f", temperature {temperature:g}"
    if truncation is not None:
        source += f", truncated at {truncation:g}"
    return Samples(codes.astype(np.float32), source)


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
