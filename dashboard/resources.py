"""What all sessions share, cached: the only file with `st.cache_*`.

Keys are (identity, settings); arrays are passed unhashed.  Models are frozen, because every session's thread
decodes with the same ones.
"""

import copy
import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
import torch

from aemodels import checkpoint, datasets, features
from aemodels.checkpoint import Broken, Checkpoint
from dashboard import colours, palette
from latent import align, alive, compare, device, gap, maps, metrics, project, region, traverse, trust
from latent import profile as profiles
from latent.decode import decode
from latent.encode import encode, model_device
from latent.space import LatentSpace
from latent.store import Store


# By folder and by its files: a training run that writes its own while the page is open costs only that one again.
@st.cache_resource(show_spinner="Reading checkpoints…", max_entries=256)
def _load(folder: str, signature: tuple) -> Checkpoint | Broken:
    return checkpoint.load_or_broken(Path(folder))


@st.cache_resource(show_spinner=False)
def _signatures() -> dict[str, tuple]:
    """What each folder's files were when it was last read."""
    return {}


def _all() -> list[Checkpoint | Broken]:
    found, before = [], _signatures()
    for folder in checkpoint.folders(checkpoint.root()):
        files = sorted(f for f in folder.glob("*") if f.name != checkpoint.RESUME)
        signature = tuple((f.name, _stamp(f)) for f in files)
        if before.get(str(folder), signature) != signature:
            _load.clear(str(folder), before[str(folder)])  # a run in training saves every minute: only its last is kept
        before[str(folder)] = signature
        found.append(_load(str(folder), signature))
    return checkpoint.named_apart(found)


def _stamp(path: Path) -> int:
    """When it was last changed; 0 for what has just gone, as a checkpoint does while another takes its place."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def checkpoints() -> list[Checkpoint]:
    """Every usable checkpoint."""
    return [c for c in _all() if isinstance(c, Checkpoint)]


def broken() -> list[Broken]:
    """Every folder that looks like a checkpoint and is none."""
    return [c for c in _all() if isinstance(c, Broken)]


@st.cache_resource(show_spinner=False)
def _known() -> list[dict[str, Checkpoint]]:
    """Checkpoints by identity as of the last look at the folders, in one cell, so that they are exchanged at once."""
    return [{}]


def by_identity(identity: str) -> Checkpoint:
    """The checkpoint with these weights and codes; KeyError where none has."""
    cell = _known()
    if identity not in cell[0]:  # it never comes to mean another one, so a look at the folders is for new ones only
        cell[0] = {c.identity: c for c in checkpoints()}
    return cell[0][identity]


@st.cache_resource(show_spinner=False, max_entries=32)
def _space(path: str, name: str, identity: str, device_name: str, _found: Checkpoint) -> LatentSpace:
    space = LatentSpace.from_checkpoint(_found)
    # Convolutions are a quarter faster so; a pixel may come out one grey level off.
    model = copy.deepcopy(_found.model).to(torch.device(device_name), memory_format=torch.channels_last)
    model.eval().requires_grad_(False)
    return dataclasses.replace(space, model=model)


def space(found: Checkpoint, device_name: str = "auto") -> LatentSpace:
    """A checkpoint's codes and model, the model on that device."""
    return _space(str(found.path), found.name, found.identity, str(device.pick(device_name)), found)


def device_label(name: str) -> str:
    """What a device choice comes to on this machine."""
    return device.describe(device.pick(name))


def devices() -> tuple[str, ...]:
    """What can be chosen here."""
    return ("auto", *device.available())


# --- maps -----------------------------------------------------------------------------------------------------


def store() -> Store:
    return Store()


@st.cache_resource(show_spinner=False, max_entries=64)
def _projection(identity: str, settings: project.Settings, _space: LatentSpace, _folder: Path):
    found = maps.find(_space, settings, store(), _folder)
    if found is None:
        raise LookupError  # not cached: it may be computed a moment later
    return found


def projection(found: Checkpoint, settings: project.Settings) -> project.Projection | None:
    """The map if it is shipped, on disk or cheap; None where it has to be computed first.

    ValueError where the settings make no sense for these codes.
    """
    try:
        return _projection(found.identity, settings, LatentSpace.from_checkpoint(found), found.path)
    except LookupError:
        return None


def view(found: Checkpoint, settings: project.Settings, onto: Checkpoint | None = None) -> align.View | None:
    """The map as it is shown, turned onto that of another checkpoint; None where one has to be computed first.

    ValueError where the settings make no sense for these codes, or the rows are not the same.
    """
    projection_of, target = projection(found, settings), onto and projection(onto, settings)
    if projection_of is None or (onto and target is None):
        return None
    if onto is None:
        return align.View(projection_of)
    return _aligned((found.identity, onto.identity), settings, projection_of, target)


@st.cache_resource(show_spinner=False, max_entries=64)
def _aligned(identities: tuple[str, str], settings: project.Settings, _projection, _onto) -> align.View:
    return align.aligned(_projection, _onto)


@st.cache_resource(show_spinner=False, max_entries=64)
def _heat(identity: str, settings, onto: str, device_name: str, extent, across: int, up: int, kind: str, _view, _model):
    return alive.heat(_model, _view, extent, across, up, kind)


@st.cache_resource(show_spinner=False, max_entries=64)
def _typical(identity: str, device_name: str, _space: LatentSpace) -> float:
    return alive.typical_round_trip(_space.model, _space.codes)


def heat(
    found: Checkpoint, shown: align.View, of: LatentSpace, extent: alive.Extent, across: int, up: int, kind: str
) -> tuple[np.ndarray, float]:
    """A layer over a part of a map (up, across), and the round trip that 95 % of the real codes stay below."""
    on = str(model_device(of.model))
    layer = _heat(found.identity, shown.settings, _turned(shown), on, extent, across, up, kind, shown, of.model)
    return layer, _typical(found.identity, on, of)


def _turned(shown: align.View) -> str:
    return str(shown.similarity and (shown.similarity.target.tolist(), shown.similarity.turn.tolist()))


@st.cache_resource(show_spinner=False, max_entries=8)
def _index(identity: str, settings, turned: str, _points: np.ndarray) -> region.Index:
    return region.Index(_points)


def index(found: Checkpoint, shown: align.View) -> region.Index:
    """The points of a map as it is shown, to be asked for the nearest one."""
    return _index(found.identity, shown.settings, _turned(shown), shown.points)


# --- what points are coloured by ------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False, max_entries=32)
def trusted(identity: str, settings: project.Settings, _codes: np.ndarray, _points: np.ndarray) -> trust.Trust:
    """How far that map can be trusted; ValueError where there are too few rows."""
    return trust.kept_measure(_codes, _points, min(trust.K, (len(_codes) - 1) // 2), store())


def trust_of(found: Checkpoint, settings: project.Settings) -> trust.Trust | None:
    """None where the map has to be computed first, cannot be drawn, or has too few rows for such a figure."""
    try:
        shown = projection(found, settings)
    except ValueError:
        return None
    if shown is None or len(shown.codes) < trust.FEWEST:
        return None
    return trusted(found.identity, settings, shown.codes, shown.points)


def values(found: Checkpoint, by: str, settings: project.Settings, other: str = "") -> np.ndarray:
    """What a map's points are coloured by, (N,) in the rows' order, NaN where it was not measured.

    KeyError for a colouring that this space does not have; ValueError where the map is yet to be computed.
    """
    of = LatentSpace.from_checkpoint(found)
    if by == colours.BY_CHANGE:
        against = by_identity(other)
        return 1 - overlap((found.identity, other), of, LatentSpace.from_checkpoint(against)).per_row
    if by not in colours.OF_TRUST:
        return colours.measured(of, by)
    measured = {colours.BY_TRUST: "trustworthiness", colours.BY_CONTINUITY: "continuity"}[by]
    trusted_map = trust_of(found, settings)
    if trusted_map is None:
        raise ValueError("this map has not been computed yet, or has too few codes")
    filled = np.full(len(of), np.nan)
    filled[trusted_map.rows] = getattr(trusted_map, measured)
    return filled


@st.cache_resource(show_spinner=False, max_entries=8)
def _shades(identity: str, by: str, settings, other: str, low: float, high: float, _found: Checkpoint) -> np.ndarray:
    given = values(_found, by, settings, other)
    if by == colours.BY_CLASS:
        return palette.rgb(palette.classes(len(_found.config.classes)))[given]
    scale = palette.rgb(palette.gradient(colours.scale(by), 256))
    share = np.clip((given - low) / max(high - low, 1e-12), 0, 1)
    return scale[np.nan_to_num(255 * share).round().astype(int)]


def shades(found: Checkpoint, by: str, settings: project.Settings, other: str, low: float, high: float) -> np.ndarray:
    """The colour of every point, (N, 3) in [0, 255], on a scale from `low` to `high`; errors as `values`."""
    return _shades(found.identity, by, settings, other, low, high, found)


def seen_by_all(spaces: Sequence[LatentSpace], home: int, code: np.ndarray) -> dict[str, np.ndarray]:
    """A code (D,) of one of the models, and those that the others give to its decoded image, by identity."""
    return _seen(tuple(s.identity for s in spaces), home, code.tobytes(), str(model_device(spaces[home].model)), spaces)


@st.cache_resource(show_spinner=False, max_entries=256)
def _seen(identities: tuple[str, ...], home: int, code: bytes, device_name: str, _spaces) -> dict[str, np.ndarray]:
    at_home = np.frombuffer(code, np.float32)
    image = decode(_spaces[home].model, at_home[None])
    return {s.identity: at_home if n == home else encode(s.model, image)[0] for n, s in enumerate(_spaces)}


@st.cache_resource(show_spinner="Looking for directions…", max_entries=64)
def _directions(identity: str, device_name: str, kind: str, pair: tuple[str, str] | None, _space: LatentSpace):
    if kind == "dimensions":
        return traverse.dimensions(_space)
    if kind == "principal":
        return traverse.principal(_space, min(_space.latent_dim, len(_space)))
    if kind == "factors":
        return traverse.factor_directions(_space)
    more, less = (_space.classes.index(name) for name in pair)
    return [traverse.class_difference(_space, more, less, 0)]


@st.cache_resource(show_spinner="Measuring the gap…", max_entries=32)
def _gap(identity: str, _space: LatentSpace) -> gap.Gap:
    return gap.of_prior(_space, 0)


def prior_gap(of: LatentSpace) -> gap.Gap:
    """How far the aggregate posterior of a variational model lies from its prior; ValueError for one row."""
    return _gap(of.identity, of)


@st.cache_resource(show_spinner="Looking for what is typical of the codes…", max_entries=128)
def _profile(identity: str, device_name: str, path: bytes, _space: LatentSpace) -> profiles.Profile:
    return profiles.measure(_space, np.frombuffer(path, np.float32).reshape(-1, _space.latent_dim))


def profile(of: LatentSpace, path: np.ndarray) -> profiles.Profile:
    """The figures of a path (S, D) in a space."""
    return _profile(of.identity, str(model_device(of.model)), path.astype(np.float32).tobytes(), of)


def directions(of: LatentSpace, kind: str, pair: tuple[str, str] | None = None) -> list[traverse.Direction]:
    """Directions of a space: dimensions, principal, factors, or classes, which are one class minus another."""
    return _directions(of.identity, str(model_device(of.model)), kind, pair, of)


# Which rows stand out is told to a page by name: of many rows even one bit each would be much to send at every rerun.
@st.cache_resource(show_spinner=False)
def _lit() -> dict[str, np.ndarray]:
    return {}


def keep_lit(mask: np.ndarray) -> str:
    """Remember which rows (N,) bool stand out; the name to ask `lit` by.  The last 64 are remembered."""
    bits, kept = np.packbits(mask), _lit()
    name = hashlib.sha256(bits.tobytes()).hexdigest()[:16]
    kept.pop(name, None)
    kept[name] = bits
    for old in list(kept)[:-64]:
        kept.pop(old, None)
    return name


def lit(name: str, count: int) -> np.ndarray:
    """The rows that stand out, (count,) bool; KeyError where nobody remembers."""
    return np.unpackbits(_lit()[name], count=count).astype(bool)


# --- images ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Originals:
    """The held-out images of a data set: uint8 (N, C, H, W), found by row id."""

    images: np.ndarray
    position: dict[int, int]

    def take(self, row_ids) -> np.ndarray:
        return self.images[[self.position[int(i)] for i in row_ids]]


# Data may be put in place while the page is open; asking the disk at every hover would cost more than the image.
@st.cache_resource(show_spinner=False, ttl="5s", max_entries=16)
def _data_stamp(dataset: str, root: str) -> tuple[int | None]:
    """None where the data set is not under that root, else a number that changes when a folder of images does."""
    if not datasets.is_present(dataset):
        return (None,)
    folder = Path(datasets.find(dataset)[1]).expanduser()
    return (max(map(_stamp, [folder, *folder.glob("*/")])) if dataset.startswith("folder:") else 0,)


@st.cache_resource(show_spinner="Reading the images…", max_entries=4)
def _originals(dataset: str, options: tuple, root: str, stamp: int) -> Originals | str:
    """The images, or that they are too many, which is kept as well: to find out may take as long as reading them.

    DatasetError, which is not kept, where they cannot be read: they may be mended at any time.
    """
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in dict(options).items()}
    data = datasets.load(dataset, "held-out", download=False, **given)
    if not isinstance(data.images, torch.Tensor):
        return f"the {len(data):,} held-out images of {datasets.title(dataset)} are too many for the free memory"
    return Originals(data.images.numpy(), {int(i): n for n, i in enumerate(data.row_ids)})


def _read_originals(found: Checkpoint) -> Originals | str | None:
    root = str(datasets.data_root())
    (stamp,) = _data_stamp(found.config.dataset, root)
    if stamp is None:
        return None
    options = tuple(
        sorted((k, tuple(v) if isinstance(v, list) else v) for k, v in found.config.dataset_options.items())
    )
    try:
        images = _originals(found.config.dataset, options, root, stamp)
    except datasets.DatasetError as error:
        return str(error)
    if isinstance(images, str):
        return images
    return images if _covers(found.identity, root, stamp, images, found.latents.row_ids) else None


def images_of(found: Checkpoint, split: str) -> np.ndarray:
    """All images of a split of its data set, uint8 (N, C, H, W); DatasetError where they are not here or too many."""
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in found.config.dataset_options.items()}
    images = datasets.load(found.config.dataset, split, download=False, **given).images
    if not isinstance(images, torch.Tensor):
        raise datasets.DatasetError(f"the images of {datasets.title(found.config.dataset)} are too many for the memory")
    return images.numpy()


def classifier(found: Checkpoint) -> features.Classifier:
    """The shipped classifier of its data set; FeaturesError where there is none, or none for images of its shape."""
    known = features.find(found.config.dataset)
    if known.config.image_shape != found.config.image_shape:
        raise features.FeaturesError(f"{known.title} takes images of {known.config.image_shape}")
    return known


def originals(found: Checkpoint) -> Originals | None:
    """The data set's held-out images; None where it, or any row that the checkpoint speaks of, is not here."""
    images = _read_originals(found)
    return images if isinstance(images, Originals) else None


def unreadable(found: Checkpoint) -> str:
    """Why the data set, which is here, cannot be read; empty where that is not what is wrong with it."""
    images = _read_originals(found)
    return images if isinstance(images, str) else ""


@st.cache_resource(show_spinner=False, max_entries=64)
def _covers(identity: str, root: str, stamp: int, _images: Originals, _row_ids: np.ndarray) -> bool:
    return all(int(row) in _images.position for row in _row_ids)


def data_changed() -> None:
    """Look for data sets again."""
    _data_stamp.clear()
    _originals.clear()


def reconstructions(of: LatentSpace, row_ids) -> np.ndarray:
    """What the model makes of those rows: uint8 (n, C, H, W), decoded from the posterior means."""
    return decode(of.model, of.codes[of.positions(row_ids)])


# --- figures --------------------------------------------------------------------------------------------------


def figures(found: Checkpoint) -> metrics.Figures:
    """The figures of a checkpoint, from its metrics.json where that holds them all by today's convention."""
    return metrics.stored(found.metrics, found.latents) or _evaluated(found.identity, found)


@st.cache_resource(show_spinner=False, max_entries=64)
def _evaluated(identity: str, _found: Checkpoint) -> metrics.Figures:
    return metrics.evaluate(_found.latents)


@st.cache_resource(show_spinner=False, max_entries=64)
def overlap(identities: tuple[str, str], _a: LatentSpace, _b: LatentSpace) -> compare.Overlap:
    """Shared neighbours of two latent spaces on the rows that both have."""
    return compare.neighbour_overlap(*compare.rows([_a, _b]))
