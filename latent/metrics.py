"""Figures on one latent space.  Each is a plain function of arrays, with its convention in its docstring."""

from dataclasses import dataclass, fields

import numpy as np

from aemodels.checkpoint import Latents
from latent.neighbours import nearest

CONVENTION = 1  # raised whenever a figure is computed in another way
K = 10
ACTIVE_THRESHOLD = 0.01


def kl_per_dimension(mean: np.ndarray, logvar: np.ndarray) -> np.ndarray:
    """Average KL(q(z_d|x) || N(0, 1)) over rows; (N, D), (N, D) -> (D,) nats.  (Kingma & Welling 2014, B)"""
    mean, logvar = mean.astype(np.float64), logvar.astype(np.float64)
    return (0.5 * (mean**2 + np.exp(logvar) - 1 - logvar)).mean(0)


def active(mean: np.ndarray, threshold: float = ACTIVE_THRESHOLD) -> np.ndarray:
    """Which dimensions' posterior mean has a variance over rows above `threshold`; (N, D) -> (D,) bool.

    (Burda et al. 2016, 1509.00519)
    """
    return mean.astype(np.float64).var(0) > threshold


def active_units(mean: np.ndarray, threshold: float = ACTIVE_THRESHOLD) -> int:
    """How many dimensions are `active`."""
    return int(active(mean, threshold).sum())


def neighbour_accuracy(codes: np.ndarray, labels: np.ndarray, k: int = K) -> float:
    """Share of rows whose class is the commonest among their k nearest other rows (ties: the smallest label).

    Leave-one-out k-nearest-neighbour accuracy, Euclidean; (N, D), (N,) -> [0, 1].
    """
    votes = labels[nearest(codes, k)]
    counts = (votes[:, :, None] == np.arange(labels.max() + 1)).sum(1)
    return float((counts.argmax(1) == labels).mean())


def class_counts(labels: np.ndarray, classes: tuple[str, ...]) -> list[tuple[str, int]]:
    """(class name, rows) of each class among (N,) labels, the commonest first; absent ones left out."""
    counts = np.bincount(labels, minlength=len(classes))
    order = np.argsort(-counts, kind="stable")
    return [(classes[i], int(counts[i])) for i in order if counts[i]]


@dataclass(frozen=True)
class Figures:
    """The figures of a checkpoint's held-out split; None where one does not exist for it."""

    reconstruction_mse: float
    neighbour_accuracy: float | None
    kl: float | None
    active_units: int | None


def stored(values: dict, latents: Latents) -> Figures | None:
    """The figures that a metrics.json holds; None unless it has all that these codes give, by today's convention."""
    needed = ["reconstruction_mse"]
    needed += ["neighbour_accuracy"] if latents.labels is not None else []
    needed += ["kl", "active_units"] if latents.logvar is not None else []
    if values.get("convention") != CONVENTION or not values.keys() >= set(needed):
        return None
    given = {f.name: values[f.name] if f.name in needed else None for f in fields(Figures)}
    share, count = given["neighbour_accuracy"] or 0, given["active_units"] or 0
    if not 0 <= share <= 1 or count != int(count):
        return None
    return Figures(**given | ({"active_units": int(count)} if "active_units" in needed else {}))


def evaluate(latents: Latents) -> Figures:
    """All figures that the stored codes give."""
    variational = latents.logvar is not None
    labelled = latents.labels is not None and len(latents.mean) > K and len(np.unique(latents.labels)) > 1
    return Figures(
        reconstruction_mse=float(latents.error.mean(dtype=np.float64)),
        neighbour_accuracy=neighbour_accuracy(latents.mean, latents.labels) if labelled else None,
        kl=float(kl_per_dimension(latents.mean, latents.logvar).sum()) if variational else None,
        active_units=active_units(latents.mean) if variational else None,
    )
