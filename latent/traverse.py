"""Directions to walk in latent space, what each does to the image, and how far the data goes along it.

A direction comes with the standard deviation of the codes along it, and places along it are told in those from the
codes' mean: a slider then means the same for every direction, model and image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from aemodels.autoencoder import Autoencoder
from latent import metrics
from latent.decode import best_batch, checked, pictured
from latent.space import LatentSpace

ROWS = 256  # codes that a sensitivity is a mean over, fewer where directions are many
STEP = 0.1  # standard deviations to each side
RESAMPLES = 500
# Factors that end where they begin, and their period: no line through codes follows an angle, but its sine and cosine.
CYCLIC = {"orientation": 2 * np.pi}
_DECODES = 8192
_FEWEST_ROWS = 8
_HELD_OUT = 0.2
_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Bootstrap:
    """What resampling the codes does to a direction: means and 95 % intervals (low, high).

    `cosine` is that of resampled directions to it (1: none turns away), `length` that of the difference it was made of.
    """

    cosine: float
    cosine_interval: tuple[float, float]
    length: float
    length_interval: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Direction:
    """`vector` (D,) float64 of length 1; `sd`, the codes' standard deviation along it, in latent units.

    `note` says for people what it was found by, and `score` is that figure: KL in nats, image change a standard
    deviation, share of variance, length of a difference or held-out R².  `collapsed` where walking it does nothing.
    """

    name: str
    vector: np.ndarray
    sd: float
    kind: str
    note: str
    collapsed: bool = False
    score: float = 0.0
    bootstrap: Bootstrap | None = None


def _codes(space: LatentSpace) -> np.ndarray:
    codes = checked(space.codes, space.latent_dim).astype(np.float64)
    if not len(codes):
        raise ValueError(f"{space.title} holds no codes")
    return codes


def _sd(codes: np.ndarray, vector: np.ndarray) -> float:
    return float((codes @ vector).std())


def dimensions(space: LatentSpace, *, seed: int = 0) -> list[Direction]:
    """The latent dimensions, those that do most first.

    A variational model's by KL to the prior, active units first; the others are collapsed, by `metrics.active`.  Any
    other model's by `sensitivity`; there the collapsed ones are those that do not vary or do not change the image.
    ValueError for codes that are not finite, or none.
    """
    codes, axes = _codes(space), np.eye(space.latent_dim)
    spread = codes.std(0)
    if space.logvar is not None:
        kl, active = metrics.kl_per_dimension(space.codes, space.logvar), metrics.active(space.codes)
        made = [
            Direction(
                f"dimension {d + 1}", axes[d], float(spread[d]), "dimension",
                f"KL {kl[d]:.2f} nats" + ("" if active[d] else ", collapsed: its mean varies by at most "
                                          f"{metrics.ACTIVE_THRESHOLD:g}, as a variance"),
                not active[d], float(kl[d]),
            )
            for d in range(space.latent_dim)
        ]  # fmt: skip
    else:
        plain = [Direction(f"dimension {d + 1}", axes[d], float(spread[d]), "", "") for d in range(space.latent_dim)]
        moved = sensitivity(space.model, space.codes, plain, seed=seed)
        dead = (spread == 0) | (moved <= 1e-6)
        made = [
            Direction(
                p.name, p.vector, p.sd, "dimension",
                f"changes the image by {m:.2f} a standard deviation" if not d else "collapsed: changes nothing",
                bool(d), float(m),
            )
            for p, m, d in zip(plain, moved, dead, strict=True)
        ]  # fmt: skip
    return sorted(made, key=lambda d: (d.collapsed, -d.score))


@torch.inference_mode()
def sensitivity(
    model: Autoencoder,
    codes: np.ndarray,
    directions: Sequence[Direction],
    *,
    rows: int | None = None,
    seed: int = 0,
    step: float = STEP,
) -> np.ndarray:
    """Mean image change |dg| a standard deviation along each direction, at codes (N, D); (directions,) float64.

    |.| is Euclidean over all pixel values, which are in [0, 1], and dg the central difference over `step` standard
    deviations to each side.  It is the mean over `rows` codes drawn by `seed`: None takes 256, or as many as 8,192
    decoded images allow, 8 at least.  ValueError for codes that do not fit the model or are not finite, or none.
    """
    codes = checked(codes, model.latent_dim)
    if not len(codes) or not step > 0:
        raise ValueError(f"a sensitivity needs codes and a step above 0, not {len(codes)} and {step:g}")
    if not directions:
        return np.zeros(0)
    if rows is None:
        rows = min(ROWS, max(_FEWEST_ROWS, _DECODES // (2 * len(directions))))
    at = codes[np.sort(np.random.default_rng(seed).permutation(len(codes))[:rows])].astype(np.float64)
    moves = np.stack([step * d.sd * d.vector for d in directions])
    # Both sides of a place stand beside each other, so that a batch of even size holds both.
    places = (at[None, :, None] + np.array([1, -1])[:, None] * moves[:, None, None]).reshape(-1, codes.shape[1])
    change = [
        (images[::2] - images[1::2]).flatten(1).norm(dim=1).double().cpu().numpy()
        for images in pictured(model, places, 2 * (best_batch(model) // 2))
    ]
    return np.concatenate(change).reshape(len(moves), len(at)).mean(1) / (2 * step)


def principal(space: LatentSpace, n: int) -> list[Direction]:
    """The `n` principal directions of the codes, of most variance first; each points to its largest component's side.

    One without variance is collapsed.  ValueError unless 1 <= n <= D, and for codes that are not finite, or none.
    """
    codes = _codes(space)
    if not 1 <= n <= space.latent_dim:
        raise ValueError(f"there are 1 to {space.latent_dim} principal directions, not {n}")
    centred = codes - codes.mean(0)
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(codes))
    variances, vectors = variances[::-1].clip(0), vectors.T[::-1]
    total, out = variances.sum(), []
    for i, (variance, vector) in enumerate(zip(variances[:n], vectors[:n], strict=True)):
        vector = vector * np.sign(vector[np.abs(vector).argmax()])
        share = float(variance / total) if total else 0.0
        collapsed = bool(share <= 1e-10)
        note = f"{share:.0%} of the codes' variance".replace("%", " %")
        sd = 0.0 if collapsed else float(np.sqrt(variance))
        out.append(Direction(f"principal direction {i + 1}", vector, sd, "principal", note, collapsed, share))
    return out


def _resampled_means(codes: np.ndarray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    counts = rng.multinomial(len(codes), np.full(len(codes), 1 / len(codes)), resamples)
    return counts @ codes / len(codes)


def class_difference(space: LatentSpace, a: int, b: int, seed: int, *, resamples: int = RESAMPLES) -> Direction:
    """From the mean of class `b`'s codes to that of class `a`'s, with its bootstrap uncertainty.

    Each class's rows are drawn again with replacement `resamples` times (Efron 1979); attribute vectors are by
    Larsen et al. 2016, arXiv:1512.09300.  ValueError where there are no classes, they are one or unknown, one has fewer
    than 2 codes, or both have the same mean.
    """
    codes = _codes(space)
    if space.labels is None:
        raise ValueError(f"{space.dataset} has no classes to take a difference of")
    for index in (a, b):
        if not 0 <= index < len(space.classes):
            raise ValueError(f"there is no class {index} among {len(space.classes)}")
    if a == b:
        raise ValueError(f"a difference needs two classes, not {space.classes[a]} twice")
    sides = [codes[space.labels == index] for index in (a, b)]
    for index, side in zip((a, b), sides, strict=True):
        if len(side) < 2:
            raise ValueError(f"a class difference needs at least 2 codes of {space.classes[index]}, not {len(side)}")
    difference = sides[0].mean(0) - sides[1].mean(0)
    length = float(np.linalg.norm(difference))
    if length <= 1e-9 * max(1.0, float(np.abs(codes).max())):
        raise ValueError(f"{space.classes[a]} and {space.classes[b]} have the same mean code, so no direction")
    vector, rng = difference / length, np.random.default_rng(seed)
    drawn = _resampled_means(sides[0], rng, resamples) - _resampled_means(sides[1], rng, resamples)
    lengths = np.linalg.norm(drawn, axis=1)
    cosines = (drawn @ vector) / np.where(lengths > 0, lengths, 1)
    found = Bootstrap(
        float(cosines.mean()), tuple(map(float, np.quantile(cosines, _INTERVAL))),
        length, tuple(map(float, np.quantile(lengths, _INTERVAL))),
    )  # fmt: skip
    note = (
        f"{length:.2f} long ({found.length_interval[0]:.2f} to {found.length_interval[1]:.2f}); resampled ones keep a "
        f"cosine of {found.cosine:.3f} ({found.cosine_interval[0]:.3f} to {found.cosine_interval[1]:.3f}) to it"
    )
    name = f"{space.classes[a]} − {space.classes[b]}"
    return Direction(name, vector, _sd(codes, vector), "class difference", note, False, length, found)


def _targets(name: str, values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    if name not in CYCLIC:
        return [(name, values)]
    angle = values * (2 * np.pi / CYCLIC[name])
    return [(f"sine of {name}", np.sin(angle)), (f"cosine of {name}", np.cos(angle))]


def factor_directions(space: LatentSpace, *, seed: int = 0) -> list[Direction]:
    """Of each known factor, the direction in which a linear prediction of it from the codes rises; in their order.

    Ridge regression, its strength chosen by leave-one-out on 4 rows of 5; the note's R² is of the rows held out by
    `seed`, and one of 0 or less means that no line predicts the factor.  A cyclic factor gives its sine and its cosine.
    A factor that does not vary, or that no code predicts at all, has no direction and is left out.  ValueError where no
    factors are known or there are fewer than 10 rows, and for codes that are not finite.
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.metrics import r2_score

    codes = _codes(space)
    if space.factors is None:
        raise ValueError(f"no factors are known of {space.dataset}")
    if len(codes) < 10:
        raise ValueError(f"directions of factors need at least 10 rows, not {len(codes)}")
    if not np.isfinite(space.factors).all():
        raise ValueError("factors hold NaN or infinity")
    order = np.random.default_rng(seed).permutation(len(codes))
    held, fitted = np.split(order, [int(_HELD_OUT * len(codes))])
    variance, out = codes.var(0).mean(), []
    for factor, values in zip(space.factor_names, space.factors.T.astype(np.float64), strict=True):
        for name, target in _targets(factor, values):
            if not variance or np.ptp(target[fitted]) == 0:
                continue
            # One scale for all dimensions: the strength means the same whatever the codes' unit.
            ridge = RidgeCV(alphas=len(fitted) * variance * np.logspace(-6, 1, 8)).fit(codes[fitted], target[fitted])
            length = float(np.linalg.norm(ridge.coef_))
            if not length:
                continue
            vector = ridge.coef_ / length
            r2 = float(r2_score(target[held], ridge.predict(codes[held])))
            note = f"R² {r2:.2f} on {len(held):,} held-out rows"
            out.append(Direction(name, vector, _sd(codes, vector), "factor", note, False, r2))
    return out


def along(space: LatentSpace, vector: np.ndarray, name: str, note: str = "") -> Direction:
    """The direction of any vector (D,), by a name; ValueError where it has no length or does not fit the codes."""
    vector = np.asarray(vector, np.float64)
    length = np.linalg.norm(vector)
    if vector.shape != (space.latent_dim,) or not np.isfinite(length) or not length:
        raise ValueError(f"a direction is a vector of {space.latent_dim} values and some length")
    return Direction(name, vector / length, _sd(_codes(space), vector / length), "given", note)


def centre(space: LatentSpace) -> np.ndarray:
    """Where to begin: the prior's mean of a variational model, else the mean of the codes; (D,) float32."""
    if space.variational:
        return np.zeros(space.latent_dim, np.float32)
    return _codes(space).mean(0).astype(np.float32)


def place(space: LatentSpace, centre: np.ndarray, direction: Direction) -> float:
    """Where a code (D,) stands along a direction, in standard deviations from the codes' mean.

    0 where the codes do not vary along it.
    """
    if not direction.sd:
        return 0.0
    away = np.asarray(centre, np.float64) - _codes(space).mean(0)
    return float(away @ direction.vector / direction.sd)


def ranges(
    space: LatentSpace, direction: Direction, quantiles: tuple[float, float] = (0.02, 0.98)
) -> tuple[float, float]:
    """From where to where the data goes along a direction, by its quantiles, in standard deviations from its mean.

    (0, 0) where the codes do not vary.  ValueError unless 0 <= low < high <= 1.
    """
    low, high = quantiles
    if not 0 <= low < high <= 1:
        raise ValueError(f"quantiles must be two rising numbers from 0 to 1, not {low:g} and {high:g}")
    if not direction.sd:
        return 0.0, 0.0
    along = _codes(space) @ direction.vector
    return tuple(float(q) for q in (np.quantile(along, quantiles) - along.mean()) / direction.sd)


def frames(
    space: LatentSpace, centre: np.ndarray, direction: Direction, values: Sequence[float] | np.ndarray
) -> np.ndarray:
    """The code `centre` (D,) put at `values` (n,) along a direction, all else kept; (n, D) float32, to decode.

    Values are places as `place` gives them, not offsets: rows of different images end at the same distance from the
    data.  ValueError for a centre of another shape, NaN or infinity in either.
    """
    centre = checked(np.asarray(centre)[None], space.latent_dim)[0].astype(np.float64)
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"values along a direction must be finite and (n,), not of shape {values.shape}")
    offsets = (values - place(space, centre, direction)) * direction.sd
    return (centre + offsets[:, None] * direction.vector).astype(np.float32)
