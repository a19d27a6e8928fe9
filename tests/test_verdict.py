"""Sentences made of figures: who is ahead, and when nobody is."""

import numpy as np

from latent.metrics import Figures
from latent.verdict import verdict


def errors(scores: dict[str, Figures], rows: int) -> dict[str, np.ndarray]:
    """Per-row errors whose means are the figures', with a spread a tenth of them that all models share."""
    noise = np.random.default_rng(0).normal(0, 1, rows)
    noise -= noise.mean()
    return {n: f.reconstruction_mse * (1 + 0.1 * noise) for n, f in scores.items()}


def said(scores: dict[str, Figures], rows: int, dimensions: dict[str, int]) -> list[str]:
    return verdict(scores, errors(scores, rows), dimensions)


AE = Figures(0.0100, 0.84, None, None)
VAE = Figures(0.0125, 0.80, 14.6, 10)


def test_the_best_is_named_with_the_distance_of_the_others_and_two_standard_errors():
    lines = said({"ae": AE, "vae": VAE}, 10_000, {"ae": 16, "vae": 16})
    assert lines[0].startswith("**ae sorts the images best** by class")
    assert "ae 84.0 ± 0.7 %, vae 80.0 ± 0.8 %" in lines[0]  # 2 sqrt(p (1 - p) / 10,000)
    assert lines[1] == "**ae reconstructs best**: ae has a held-out MSE of 0.0100; vae 25 % more."
    assert lines[2].startswith("**vae has a prior**") and "ae must be sampled from a distribution fitted" in lines[2]
    assert lines[3] == "**vae uses 10 of its 16 dimensions**, the other 6 have collapsed onto the prior."


def test_a_difference_that_few_rows_cannot_show_is_too_close_to_tell():
    lines = said({"ae": AE, "vae": VAE}, 100, {"ae": 16, "vae": 16})
    assert lines[0].startswith("**Sorting by class is too close to tell** between ae and vae")


def test_an_equal_score_is_no_win():
    assert said({"a": AE, "b": AE}, 10_000, {"a": 1, "b": 1})[0].startswith("**Sorting by class is too close to tell**")
    perfect = Figures(0.01, 1.0, None, None)
    assert "too close to tell" in said({"a": perfect, "b": perfect}, 100, {"a": 1, "b": 1})[0]


def test_reconstruction_is_judged_by_the_paired_differences_of_rows():
    rng = np.random.default_rng(1)
    base = rng.exponential(0.01, 2000)
    scores = {"a": Figures(float(base.mean()), None, None, None), "b": Figures(0.0, None, None, None)}
    noisy = {"a": base, "b": base + rng.normal(1e-6, 1e-3, 2000)}
    assert "too close to tell** between" in verdict(scores, noisy, {"a": 2, "b": 2})[0]
    steady = {"a": base, "b": base + 1e-5}  # far less than the spread over rows, and the same in each of them
    assert verdict(scores, steady, {"a": 2, "b": 2})[0].startswith("**a reconstructs best**")


def test_nothing_is_said_of_classes_or_priors_that_are_not_there():
    lines = said({"a": Figures(0.01, None, None, None), "b": Figures(0.02, None, None, None)}, 50, {"a": 2, "b": 2})
    assert len(lines) == 2 and lines[1].startswith("**None of these has a prior**")


def test_a_vae_that_uses_all_its_dimensions_has_not_collapsed():
    full = Figures(0.01, None, 20.0, 4)
    assert "none has collapsed" in said({"a": full, "b": full}, 50, {"a": 4, "b": 4})[-1]
    assert "the other 1 has collapsed" in said({"a": full, "b": full}, 50, {"a": 5, "b": 4})[-1]
