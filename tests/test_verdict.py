"""Sentences made of figures: who is ahead, and when nobody is."""

from latent.metrics import Figures
from latent.verdict import verdict

AE = Figures(0.0100, 0.84, None, None)
VAE = Figures(0.0125, 0.80, 14.6, 10)


def test_the_best_is_named_with_the_distance_of_the_others_and_two_standard_errors():
    lines = verdict({"ae": AE, "vae": VAE}, 10_000, {"ae": 16, "vae": 16})
    assert lines[0].startswith("**ae sorts the images best** by class")
    assert "ae 84.0 ± 0.7 %, vae 80.0 ± 0.8 %" in lines[0]  # 2 sqrt(p (1 - p) / 10,000)
    assert lines[1] == "**ae reconstructs best**: a held-out MSE of 0.0100; vae 25 % more."
    assert lines[2].startswith("**vae has a prior**") and "ae must be sampled from a distribution fitted" in lines[2]
    assert lines[3] == "**vae uses 10 of its 16 dimensions**, the other 6 have collapsed onto the prior."


def test_a_difference_that_few_rows_cannot_show_is_too_close_to_tell():
    lines = verdict({"ae": AE, "vae": VAE}, 100, {"ae": 16, "vae": 16})
    assert lines[0].startswith("**Sorting by class is too close to tell** between ae and vae")


def test_nothing_is_said_of_classes_or_priors_that_are_not_there():
    lines = verdict({"a": Figures(0.01, None, None, None), "b": Figures(0.02, None, None, None)}, 50, {"a": 2, "b": 2})
    assert len(lines) == 2 and lines[1].startswith("**None of these has a prior**")


def test_a_vae_that_uses_all_its_dimensions_has_not_collapsed():
    full = Figures(0.01, None, 20.0, 4)
    assert "none has collapsed" in verdict({"a": full, "b": full}, 50, {"a": 4, "b": 4})[-1]
    assert "the other 1 has collapsed" in verdict({"a": full, "b": full}, 50, {"a": 5, "b": 4})[-1]
