"""Figures put into sentences: which model is ahead, by how much, and whether that is more than chance."""

import math

import numpy as np

from latent.metrics import Figures

# Differences within this many standard errors are called too close to tell.
STANDARD_ERRORS = 2.0
# A mean squared error below this is none.
NO_ERROR = 1e-6


def _ranked(scores: dict[str, float], *, higher_is_better: bool) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda item: item[1], reverse=higher_is_better)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _spread(share: float, rows: int) -> float:
    """Two standard errors of a share of that many rows."""
    return STANDARD_ERRORS * math.sqrt(share * (1 - share) / rows)


def neighbours(scores: dict[str, float], rows: int) -> str:
    """The ranking by neighbour accuracy; an accuracy over `rows` has the standard error sqrt(p (1 - p) / rows)."""
    ranked = _ranked(scores, higher_is_better=True)
    (best, top), others = ranked[0], ranked[1:]
    # The rows are the same for all, so this is wider than the true error of a difference: cautious.
    close = [
        name for name, p in others
        if top - p <= math.hypot(_spread(top, rows), _spread(p, rows))
    ]  # fmt: skip
    listing = ", ".join(f"{name} {100 * p:.1f} ± {100 * _spread(p, rows):.1f} %" for name, p in ranked)
    if close:
        ahead = f"**Sorting by class is too close to tell** between {_listed([best, *close])}"
    else:
        ahead = f"**{best} sorts the images best** by class"
    return f"{ahead}: the majority of the 10 nearest codes is right for {listing} (two standard errors)."


def reconstruction(errors: dict[str, np.ndarray]) -> str:
    """The ranking by held-out mean squared error, as a distance from the best.

    `errors` (N,) are of the same rows for all, so a difference is judged by its own spread over rows: paired.
    """
    (best, low), *others = _ranked(
        {n: float(e.mean(dtype=np.float64)) for n, e in errors.items()}, higher_is_better=False
    )
    apart = {n: errors[n].astype(np.float64) - errors[best] for n, _ in others}
    close = [n for n, d in apart.items() if d.mean() <= STANDARD_ERRORS * d.std() / math.sqrt(len(d))]
    if low < NO_ERROR:  # a ratio to nothing says nothing
        behind = ", ".join(f"{name} {mse:.4f}" for name, mse in others)
    else:
        behind = ", ".join(f"{name} {100 * (mse / low - 1):.0f} % more" for name, mse in others)
    if close:
        ahead = f"**Reconstruction is too close to tell** between {_listed([best, *close])}"
    else:
        ahead = f"**{best} reconstructs best**"
    return f"{ahead}: {best} has a held-out MSE of {low:.4f}; {behind}."


def sampling(variational: list[str], others: list[str]) -> str:
    """Which models have a prior to sample from."""
    if not variational:
        return "**None of these has a prior**: their samples come from a Gaussian fitted to the codes."
    verb = "has" if len(variational) == 1 else "have"
    rest = f"; {_listed(others)} must be sampled from a distribution fitted to the codes" if others else ""
    return f"**{_listed(variational)} {verb} a prior** to sample new images from{rest}."


def collapse(active: dict[str, int], dimensions: dict[str, int]) -> str:
    """How many of its latent dimensions each VAE uses."""
    parts = []
    for name, used in active.items():
        idle = dimensions[name] - used
        fate = (
            f"the other {idle} {'has' if idle == 1 else 'have'} collapsed onto the prior"
            if idle
            else "none has collapsed"
        )
        parts.append(f"**{name} uses {used} of its {dimensions[name]} dimensions**, {fate}")
    return "; ".join(parts) + "."


def verdict(scores: dict[str, Figures], errors: dict[str, np.ndarray], dimensions: dict[str, int]) -> list[str]:
    """One sentence a question, each with its evidence, from figures and reconstruction errors (N,) by model name.

    The errors are of the same rows for all; `dimensions` is the size of each latent space.
    """
    lines = []
    accuracies = {n: f.neighbour_accuracy for n, f in scores.items() if f.neighbour_accuracy is not None}
    if len(accuracies) == len(scores):
        lines.append(neighbours(accuracies, len(next(iter(errors.values())))))
    lines.append(reconstruction(errors))
    variational = [n for n, f in scores.items() if f.kl is not None]
    lines.append(sampling(variational, [n for n in scores if n not in variational]))
    if variational:
        lines.append(collapse({n: scores[n].active_units for n in variational}, dimensions))
    return lines
