"""Claims about Fréchet distance, precision and recall, against reference implementations and known values."""

import dataclasses
import os
import sys
import tracemalloc

import numpy as np
import pytest
import torch

from aemodels import features as classifiers
from latent import quality
from latent.store import Store


def gaussian(count=500, width=8, seed=0, shift=0.0, scale=1.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, width)) * scale + shift


@pytest.fixture(scope="module")
def classifier() -> classifiers.Classifier:
    """An untrained network on 8 x 8 images."""
    config = classifiers.Config(
        "tiny-conv5", "digits", (1, 8, 8), ("a", "b"), 0.5, 4, 5, 1, 0, "python -m train.features", "0" * 64
    )
    return classifiers.Classifier(config, classifiers.build(config).eval().requires_grad_(False))


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, 8, 8), dtype=np.uint8)


class Identity(torch.nn.Module):
    """A network whose images are its features already."""

    num_features = 8

    def forward(self, images):
        return images.flatten(1)


def torchmetrics_fid(real: np.ndarray, fake: np.ndarray) -> float:
    fid = pytest.importorskip("torchmetrics.image.fid").FrechetInceptionDistance(Identity())
    fid.update(torch.from_numpy(real), real=True)
    fid.update(torch.from_numpy(fake), real=False)
    return float(fid.compute())


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.3, 1.5), (2.0, 0.1)])
def test_the_frechet_distance_is_that_of_torchmetrics_on_the_same_features(shift, scale):
    mixing = gaussian(8, 8, seed=2)
    real, fake = gaussian() @ mixing, gaussian(400, seed=1, shift=shift, scale=scale) @ mixing
    assert quality.frechet(real, fake) == pytest.approx(torchmetrics_fid(real, fake), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_precision_and_recall_are_those_of_prdc_on_the_same_features(k):
    prdc = pytest.importorskip("prdc")
    real, fake = gaussian(700), gaussian(500, seed=1, shift=0.5, scale=0.8)
    theirs = prdc.compute_prdc(real, fake, k)
    ours = quality.precision_recall(real, fake, k)
    assert 0.1 < ours[1] < ours[0] < 1  # values that could be missed
    assert ours == pytest.approx((theirs["precision"], theirs["recall"]), abs=1e-3)


def test_identical_sets_are_at_no_distance_and_wholly_precise_and_recalled():
    for rows in (gaussian(), gaussian(50, 60), gaussian(shift=1e4), np.repeat(gaussian(40), 5, axis=0)):
        assert quality.frechet(rows, rows) == pytest.approx(0, abs=1e-6)
        assert quality.precision_recall(rows, rows[::-1]) == (1, 1)


def test_repeated_rows_find_each_other_however_their_distances_are_rounded(monkeypatch):
    monkeypatch.setattr(quality, "_BLOCK_VALUES", 200)  # blocks of one row and of several round differently
    rows = gaussian(40, 30)
    assert quality.precision_recall(np.repeat(rows, 2, axis=0), np.repeat(rows, 6, axis=0), k=1) == (1, 1)


def test_gaussians_with_known_moments_are_at_the_analytic_distance():
    rows = gaussian(1000, 4)
    rows = (rows - rows.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T))).T  # just N(0, I)'s moments
    shift, scale = np.array([3.0, -1, 0, 0.5]), np.array([1.0, 2, 0.5, 3])
    expected = (shift**2).sum() + ((scale - 1) ** 2).sum()
    assert quality.frechet(rows, rows * scale + shift) == pytest.approx(expected, rel=1e-9)


def test_the_distance_is_symmetric_and_no_rotation_changes_it():
    a, b = gaussian(scale=2.0), gaussian(seed=1) @ gaussian(8, 8, seed=2)
    turn = np.linalg.qr(gaussian(8, 8, seed=3))[0]
    assert quality.frechet(a, b) == pytest.approx(quality.frechet(b, a), rel=1e-9)
    assert quality.frechet(a @ turn, b @ turn) == pytest.approx(quality.frechet(a, b), rel=1e-9)


def test_singular_covariances_give_the_distance_of_the_dimensions_that_vary():
    a, b = gaussian(300, 3), gaussian(300, 3, seed=1, shift=0.5, scale=2.0)
    flat = np.linalg.qr(gaussian(20, 20, seed=2))[0][:3]
    assert quality.frechet(a @ flat, b @ flat) == pytest.approx(quality.frechet(a, b), rel=1e-6)
    wide = gaussian(10, 50), gaussian(10, 50, seed=1)  # fewer rows than dimensions
    assert 0 < quality.frechet(*wide) < np.inf


def test_constant_features_are_as_far_apart_as_their_places_and_one_place_counts_as_found():
    a, b = np.full((5, 3), 0.1), np.full((6, 3), 2.1)
    assert quality.frechet(a, b) == pytest.approx(12)
    assert quality.precision_recall(a, a) == (1, 1)
    assert quality.precision_recall(a, b) == (0, 0)


def test_one_width_of_one_is_enough():
    a = gaussian(200, 1)
    assert quality.frechet(a, a * 3) == pytest.approx(a.mean() ** 2 * 4 + 4 * a.var(ddof=1))


def test_a_sampler_that_repeats_itself_is_precise_and_recalls_little():
    real = gaussian(400)
    precision, recall = quality.precision_recall(real, np.repeat(real[:4], 50, axis=0))
    assert precision == 1 and recall == 0.01


@pytest.mark.parametrize("measure", [quality.frechet, quality.precision_recall])
@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        (gaussian(), gaussian(1), "rows of features are needed on each side, not 500 and 1"),
        (gaussian(), gaussian(width=7), "not two sets"),
        (gaussian(), gaussian()[:, 0], "not two sets"),
        (gaussian(), np.full((9, 8), np.nan), "NaN or infinity"),
    ],
)
def test_features_that_cannot_be_compared_are_refused_in_one_line(measure, a, b, says):
    for pair in ((a, b), (b, a)):
        with pytest.raises(ValueError, match=says if pair[0] is a else None) as refused:
            measure(*pair)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("k", "says"), [(0, "k must be at least 1, not 0"), (500, "501 rows of features are needed")])
def test_a_neighbour_that_is_not_there_is_refused(k, says):
    with pytest.raises(ValueError, match=says):
        quality.precision_recall(gaussian(), gaussian(), k)


def test_no_matrix_of_all_distances_is_held():
    real, fake = gaussian(6000, 4), gaussian(6000, 4, seed=1)
    tracemalloc.start()
    quality.precision_recall(real, fake)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6000 * 6000 * 8 / 2


# --- features of images, and the whole of it --------------------------------------------------------------


def test_features_are_the_layer_before_the_logits_whatever_the_batches(classifier):
    images = pictures(7)
    found = quality.features(classifier, images)
    assert found.shape == (7, 5) and found.dtype == np.float32
    np.testing.assert_allclose(quality.features(classifier, images, batch_size=2), found, atol=1e-6)
    logits = classifier.network.head(torch.from_numpy(found))
    torch.testing.assert_close(logits, classifier.network(torch.from_numpy(images).float() / 255))


@pytest.mark.parametrize(
    "images", [np.zeros((2, 1, 8, 9), np.uint8), np.zeros((2, 1, 8, 8)), np.zeros((0, 1, 8, 8), np.uint8)]
)
def test_images_of_another_shape_or_type_have_no_features(classifier, images):
    with pytest.raises(ValueError, match=r"tiny-conv5 takes uint8 images \(N, 1, 8, 8\)"):
        quality.features(classifier, images)


def test_training_images_as_samples_get_the_floor(classifier):
    training, held_out = pictures(90), pictures(60, seed=1)
    found = quality.measure(training, held_out, training, classifier)
    assert found.frechet == found.floor > 0 and found.count == 60


def test_held_out_images_as_samples_are_perfect_and_black_ones_are_not(classifier):
    training, held_out = pictures(90), pictures(60, seed=1)
    same = quality.measure(held_out, held_out, training, classifier)
    assert same.frechet == pytest.approx(0, abs=1e-6) and (same.precision, same.recall) == (1, 1)
    black = quality.measure(np.zeros_like(held_out), held_out, training, classifier)
    assert black.frechet > black.floor and (black.precision, black.recall) == (0, 0)


def test_the_figures_name_their_feature_space_and_their_count(classifier):
    found = quality.measure(pictures(20), pictures(30, seed=1), pictures(40, seed=2), classifier)
    assert found.feature_space == classifier.title == "tiny-conv5: 5 features of a classifier, 50.0 % held out"
    assert found.feature_space in found.sentence() and "20 samples" in found.sentence()


def test_a_figure_is_measured_once_and_kept(classifier, tmp_path, monkeypatch):
    sets, store = (pictures(20), pictures(20, seed=1), pictures(20, seed=2)), Store(tmp_path)
    first = quality.kept_measure(*sets, classifier, store)
    assert first == quality.measure(*sets, classifier)
    monkeypatch.setattr(quality, "measure", lambda *a: pytest.fail("measured again"))
    assert quality.kept_measure(*sets, classifier, store) == first
    other = classifiers.Classifier(dataclasses.replace(classifier.config, weights_sha256="1" * 64), classifier.network)
    with pytest.raises(pytest.fail.Exception):
        quality.kept_measure(*sets, other, store)


# --- Inception --------------------------------------------------------------------------------------------


def test_without_inceptions_weights_one_line_says_where_they_belong(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(
        LookupError, match=rf"^Inception's weights are not in {tmp_path}/checkpoints/{quality.INCEPTION}"
    ):
        quality.inception_fid(pictures(3), pictures(3))


def test_without_torchmetrics_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.image.fid", None)
    torch.save({}, tmp_path / "weights.pth")
    with pytest.raises(LookupError, match=r"^Inception needs torchmetrics with torch-fidelity"):
        quality.inception_fid(pictures(3), pictures(3), tmp_path / "weights.pth")


class Trap:
    """Unpickled, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_weights_that_would_run_code_are_refused_in_one_line(tmp_path):
    pytest.importorskip("torchmetrics")
    torch.save({"weight": Trap(tmp_path / "sprung")}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"weights\.pth cannot be read") as refused:
        quality.inception_fid(pictures(3), pictures(3), tmp_path / "weights.pth")
    assert "\n" not in str(refused.value) and not (tmp_path / "sprung").exists()


def test_damaged_weights_are_one_line(tmp_path):
    pytest.importorskip("torchmetrics")
    (tmp_path / "weights.pth").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"weights\.pth cannot be read \([^\n]+\)$"):
        quality.inception_fid(pictures(3), pictures(3), tmp_path / "weights.pth")


def test_with_weights_the_figure_is_that_of_the_networks_features_of_three_colours(tmp_path, monkeypatch):
    fid = pytest.importorskip("torchmetrics.image.fid")

    class Network(torch.nn.Module):
        """Stands for Inception, of as many features: each image's pixels, then nothing."""

        def __init__(self, name, features_list, feature_extractor_weights_path, antialias):
            super().__init__()
            assert features_list == ["2048"] and os.path.basename(feature_extractor_weights_path) == "weights.pth"

        def forward(self, images):
            assert images.dtype == torch.uint8 and images.shape[1:] == (3, 8, 8)
            return torch.nn.functional.pad(images.flatten(1).float()[:, ::3], (0, 2048 - 64))

    monkeypatch.setattr(fid, "_TORCH_FIDELITY_AVAILABLE", True)
    monkeypatch.setattr(fid, "NoTrainInceptionV3", Network)
    torch.save({}, tmp_path / "weights.pth")
    real, fake = pictures(150), pictures(150, seed=1) // 2
    columns = [np.repeat(i, 3, axis=1).reshape(len(i), -1)[:, ::3] for i in (real, fake)]
    found = quality.inception_fid(real, fake, tmp_path / "weights.pth")
    assert found == pytest.approx(quality.frechet(*columns), rel=1e-3)


@pytest.mark.parametrize(
    "images", [pictures(1), pictures(3)[:, 0], pictures(3) / 255, np.zeros((3, 2, 8, 8), np.uint8)]
)
def test_fid_is_of_several_grey_or_coloured_8_bit_images(images):
    with pytest.raises(ValueError, match="FID is of 2 or more uint8 images"):
        quality.inception_fid(images, pictures(3))
