"""Small classifiers whose last layer but one is the feature space that samples are judged in.

A Fréchet distance means nothing without its feature space, and Inception's is of photographs and not ours to ship.  So
each data set may have a convnet of its own, trained by `python -m train.features`:

    features/<data set>/classifier.json         what it is: data set, accuracy, seed, command, SHA-256 of the weights
    features/<data set>/classifier.safetensors  the weights

It lies apart from checkpoints/, whose every folder is listed as a model.
"""

import dataclasses
import json
import math
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from aemodels import datasets
from aemodels.autoencoder import check_image_shape
from aemodels.checkpoint import fingerprint

SCHEMA_VERSION = 1
CONFIG, WEIGHTS = "classifier.json", "classifier.safetensors"
SMALLEST = 4
DROPOUT = 0.3


class FeaturesError(Exception):
    """A classifier that is missing or cannot be used; one line that says which and why."""


class Network(nn.Module):
    """Stride-2 convolutions down to 4 x 4 or less, `feature_dim` features, and logits of `classes` classes.

    ValueError for an image shape, a width or a size that makes no sense.
    """

    def __init__(self, image_shape: tuple[int, int, int], classes: int, width: int = 32, feature_dim: int = 64):
        super().__init__()
        colours, *size = check_image_shape(image_shape)
        if classes < 2 or width < 1 or feature_dim < 1:
            raise ValueError(f"no classifier has {classes} classes, a width of {width} and {feature_dim} features")
        levels = 0
        while max(size) > SMALLEST:
            size, levels = [math.ceil(n / 2) for n in size], levels + 1
        channels = [colours, *(width * min(i + 1, 3) for i in range(levels))]
        layers = [
            layer
            for a, b in pairwise(channels)
            for layer in (nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.SiLU())
        ]
        self.features = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(channels[-1] * math.prod(size), feature_dim), nn.SiLU()
        )
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(feature_dim, classes))

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] -> logits (N, classes)."""
        return self.head(self.features(images))


@dataclass(frozen=True)
class Config:
    """What `classifier.json` holds; `accuracy` is of the held-out split, in [0, 1]."""

    name: str
    dataset: str
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    accuracy: float
    width: int
    feature_dim: int
    epochs: int
    seed: int
    command: str
    weights_sha256: str = ""
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network that was trained or read, in evaluation mode, and what it is."""

    config: Config
    network: Network

    @property
    def fingerprint(self) -> str:
        return self.config.weights_sha256

    @property
    def title(self) -> str:
        """The feature space for people, to stand beside every figure measured in it."""
        config = self.config
        return f"{config.name}: {config.feature_dim} features of a classifier, {config.accuracy:.1%} held out".replace(
            "%", " %"
        )


def root(given: str | Path | None = None) -> Path:
    """Where classifiers are: `given`, else $LATENTBOARD_FEATURES, else features/ in the repository."""
    chosen = given or os.environ.get("LATENTBOARD_FEATURES") or Path(__file__).resolve().parents[1] / "features"
    return Path(chosen).expanduser()


def place(dataset: str, given: str | Path | None = None) -> Path:
    """The folder of the classifier of a data set; `sprites:500` has that of `sprites`."""
    base, _, argument = dataset.partition(":")
    return root(given) / (f"folder-{datasets.folder_name(argument)}" if base == "folder" else base)


def build(config: Config) -> Network:
    """A freshly initialised network, the same for the same seed; ValueError as `Network`."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)
        return Network(config.image_shape, len(config.classes), config.width, config.feature_dim)


def save(folder: Path, network: Network, config: Config) -> Classifier:
    """Write weights and description, each whole or not at all; ValueError where a weight is not finite, else OSError.

    A kill between the two leaves a pair that `load` refuses.
    """
    state = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    bad = [k for k, v in state.items() if not v.isfinite().all()]
    if bad:
        raise ValueError(f"not saved: {bad[0]} holds NaN or infinity")
    weights = safetensors.torch.save(state)
    config = dataclasses.replace(config, weights_sha256=fingerprint(weights))
    text = json.dumps(dataclasses.asdict(config), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((WEIGHTS, weights), (CONFIG, text.encode())):
        part = folder / f".{name}.part"
        part.write_bytes(content)
        os.replace(part, folder / name)
    return Classifier(config, network.eval().requires_grad_(False))


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise FeaturesError(f"{folder}: {name} cannot be read ({error.strerror})") from error


def _read_config(folder: Path) -> Config:
    try:
        raw = json.loads(_read(folder, CONFIG))
        if raw["schema_version"] > SCHEMA_VERSION:
            raise FeaturesError(f"{folder} was written by a newer Latentboard (schema {raw['schema_version']}); update")
        config = Config(**raw)
        config = dataclasses.replace(config, image_shape=tuple(config.image_shape), classes=tuple(config.classes))
        texts = (config.name, config.dataset, config.command, config.weights_sha256, *config.classes)
        whole = (config.width, config.feature_dim, config.epochs, config.seed, *config.image_shape)
        if not all(isinstance(v, str) for v in texts) or not all(type(v) is int for v in whole):
            raise TypeError("text or a whole number is something else")
        if not 0 <= config.accuracy <= 1:
            raise ValueError(f"an accuracy of {config.accuracy}")
    except KeyError as error:
        raise FeaturesError(f"{folder}: {CONFIG} names no {error.args[0]}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise FeaturesError(f"{folder}: {CONFIG} does not hold what it must ({error})") from error
    return config


def load(folder: str | Path) -> Classifier:
    """Read and check a classifier's folder; FeaturesError says in one line what is wrong with it."""
    folder = Path(folder)
    config = _read_config(folder)
    weights = _read(folder, WEIGHTS)
    if fingerprint(weights) != config.weights_sha256:
        raise FeaturesError(f"{folder}: {WEIGHTS} is not the file that {CONFIG} describes (its SHA-256 differs)")
    try:
        network = build(config)
        network.load_state_dict(safetensors.torch.load(weights))
    except (ValueError, OverflowError, safetensors.SafetensorError) as error:
        raise FeaturesError(f"{folder}: {error}") from error
    except RuntimeError as error:  # names or shapes
        last = str(error).strip().splitlines()[-1].strip()
        raise FeaturesError(f"{folder}: the weights do not fit their description: {last}") from error
    bad = [k for k, v in network.state_dict().items() if not v.isfinite().all()]
    if bad:
        raise FeaturesError(f"{folder}: {bad[0]} holds NaN or infinity")
    return Classifier(config, network.eval().requires_grad_(False))


def find(dataset: str, given: str | Path | None = None) -> Classifier:
    """The classifier of a data set; FeaturesError says how to train one where there is none."""
    folder = place(dataset, given)
    if not folder.is_dir():
        raise FeaturesError(f"{dataset} has no classifier in {folder}; `python -m train.features {dataset}` trains it")
    return load(folder)
