"""Claims about the classifiers that samples are judged by: those shipped, training one, and damaged ones."""

import dataclasses
import json

import numpy as np
import pytest
import safetensors.torch
import torch

from aemodels import checkpoint, datasets, features
from train import features as command

SHIPPED = sorted(p.name for p in features.root().iterdir())


def config(**changes) -> features.Config:
    plain = features.Config(
        "digits-conv6", "digits", (1, 8, 8), tuple("0123456789"), 0.5, 4, 6, 1, 0, "python -m train.features digits"
    )
    return dataclasses.replace(plain, **changes)


@pytest.fixture
def folder(tmp_path):
    """A folder with an untrained classifier of digits."""
    features.save(tmp_path / "digits", features.build(config()), config())
    return tmp_path / "digits"


def rewrite(folder, **changes) -> None:
    raw = json.loads((folder / features.CONFIG).read_text()) | changes
    (folder / features.CONFIG).write_text(json.dumps({k: v for k, v in raw.items() if v is not None}))


def reweigh(folder, change) -> None:
    state = safetensors.torch.load_file(folder / features.WEIGHTS)
    change(state)
    safetensors.torch.save_file(state, folder / features.WEIGHTS)
    rewrite(folder, weights_sha256=features.fingerprint((folder / features.WEIGHTS).read_bytes()))


# --- shipped ----------------------------------------------------------------------------------------------


def test_the_data_sets_of_the_shipped_models_have_classifiers():
    assert {"digits", "fashion-mnist", "sprites"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_classifier_is_small_and_says_how_it_was_made(name):
    found = features.find(name)
    assert (features.place(name) / features.WEIGHTS).stat().st_size < 1_000_000
    assert found.config.dataset == name and found.config.command.startswith(f"python -m train.features {name}")
    assert found.config.name in found.title and f"{found.config.accuracy:.1%}".replace("%", " %") in found.title


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_classifier_is_as_accurate_as_it_says(name):
    if not datasets.is_present(name):
        pytest.skip(f"{name} is not in {datasets.data_root()}")
    found, data = features.find(name), datasets.load(name, "held-out")
    assert found.config.image_shape == data.image_shape and found.config.classes == data.classes
    assert command.accuracy(found.network, data) == pytest.approx(found.config.accuracy, abs=5e-4)
    assert found.config.accuracy > {"fashion-mnist": 0.91}.get(name, 0.95)


def test_classifiers_are_not_listed_as_checkpoints():
    assert not any(features.root() in p.parents for p in checkpoint.folders(checkpoint.root()))
    assert features.root() != checkpoint.root() and checkpoint.root() not in features.root().parents


# --- training ---------------------------------------------------------------------------------------------


def test_the_command_trains_a_classifier_that_is_found_and_far_better_than_chance(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LATENTBOARD_FEATURES", str(tmp_path))
    assert command.main(["digits", "--epochs", "3", "--width", "8", "--device", "cpu"]) == 0
    found = features.find("digits")
    assert found.config.command == "python -m train.features digits --epochs 3 --width 8"
    assert found.config.accuracy > 0.7
    assert found.title in capsys.readouterr().out
    again = command.fit(found.config, datasets.load("digits"))
    for name, value in again.state_dict().items():
        torch.testing.assert_close(value, found.network.state_dict()[name], atol=1e-5, rtol=1e-4)


def test_training_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    command.fit(config(), datasets.load("digits").first(64))
    torch.testing.assert_close(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("words", "says"),
    [(["nonsense"], "unknown data set 'nonsense'"), (["digits:3"], "digits takes no argument")],
)
def test_a_data_set_that_cannot_be_had_is_one_line(words, says, capsys):
    assert command.main(words) == 1
    said = capsys.readouterr().err
    assert said.startswith("python -m train.features: ") and says in said and said.count("\n") == 1


def test_images_without_classes_train_no_classifier(tmp_path, capsys):
    from PIL import Image

    for n in range(4):
        Image.new("L", (8, 8), n).save(tmp_path / f"{n}.png")
    assert command.main([f"folder:{tmp_path}"]) == 1
    assert "has no classes to tell apart" in capsys.readouterr().err


# --- the network and its files ----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 64, 64), (3, 37, 100), (1, 8, 9)])
def test_images_of_any_shape_have_features_and_logits(shape):
    network = features.build(config(image_shape=shape)).eval()
    images = torch.rand(2, *shape)
    assert network.features(images).shape == (2, 6) and network(images).shape == (2, 10)


def test_a_saved_classifier_comes_back_bit_for_bit_and_in_evaluation_mode(folder):
    built, found = features.build(config()), features.load(folder)
    assert found.config == dataclasses.replace(config(), weights_sha256=found.fingerprint)
    assert all(torch.equal(v, found.network.state_dict()[k]) for k, v in built.state_dict().items())
    assert not found.network.training and not any(p.requires_grad for p in found.network.parameters())
    assert sorted(p.name for p in folder.iterdir()) == [features.CONFIG, features.WEIGHTS]


def test_the_same_seed_builds_the_same_network():
    one, same, other = (features.build(config(seed=s)).head[1].weight for s in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    network = features.build(config())
    network.head[1].bias.data[0] = np.nan
    with pytest.raises(ValueError, match=r"not saved: head\.1\.bias holds NaN"):
        features.save(tmp_path / "x", network, config())
    assert not (tmp_path / "x").exists()


def test_where_there_is_no_classifier_one_line_says_how_to_train_one(tmp_path):
    with pytest.raises(features.FeaturesError, match=r"mnist has no classifier in .*`python -m train.features mnist`"):
        features.find("mnist", tmp_path)


def test_any_number_of_sprites_has_the_classifier_of_sprites(tmp_path):
    assert features.place("sprites:500", tmp_path) == tmp_path / "sprites"
    assert features.place("folder:/some/cats", tmp_path) == tmp_path / "folder-cats"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / features.WEIGHTS).unlink(), "classifier.safetensors cannot be read"),
        (lambda f: (f / features.CONFIG).unlink(), "classifier.json cannot be read"),
        (lambda f: (f / features.CONFIG).write_text("{"), "classifier.json does not hold what it must"),
        (lambda f: (f / features.CONFIG).write_text("[]"), "classifier.json does not hold what it must"),
        (lambda f: (f / features.CONFIG).write_bytes(b"\xff"), "classifier.json does not hold what it must"),
        (lambda f: rewrite(f, schema_version=None), "names no schema_version"),
        (lambda f: rewrite(f, schema_version=99), "newer Latentboard"),
        (lambda f: rewrite(f, width=None), "does not hold what it must"),
        (lambda f: rewrite(f, colour="red"), "does not hold what it must"),
        (lambda f: rewrite(f, width="4"), "does not hold what it must"),
        (lambda f: rewrite(f, classes=[1, 2]), "does not hold what it must"),
        (lambda f: rewrite(f, accuracy=7), "an accuracy of 7"),
        (lambda f: rewrite(f, image_shape=[1, 8]), "an image shape is channels, height, width"),
        (lambda f: rewrite(f, classes=["one"]), "no classifier has 1 classes"),
        (lambda f: rewrite(f, width=5), "do not fit their description"),
        (lambda f: (f / features.WEIGHTS).write_bytes(b"half"), "SHA-256 differs"),
        (lambda f: reweigh(f, lambda s: s.pop("head.1.bias")), "do not fit their description"),
        (lambda f: reweigh(f, lambda s: s.update(extra=torch.ones(1))), "do not fit their description"),
        (lambda f: reweigh(f, lambda s: s["head.1.bias"].fill_(torch.nan)), "holds NaN or infinity"),
    ],
)  # fmt: skip
def test_a_damaged_classifier_is_one_line(folder, damage, says):
    damage(folder)
    with pytest.raises(features.FeaturesError) as refused:
        features.load(folder)
    said = str(refused.value)
    assert said.startswith(str(folder)) and "\n" not in said and says in said


def test_weights_that_are_no_safetensors_are_one_line(folder):
    (folder / features.WEIGHTS).write_bytes(b"half a file")
    rewrite(folder, weights_sha256=features.fingerprint(b"half a file"))
    with pytest.raises(features.FeaturesError, match=r"^[^\n]+$"):
        features.load(folder)
