"""A checkpoint is a folder that explains itself with `cat`, and never a pickle.

    config.json          what it is: model, arguments, data set, seed, command, versions, SHA-256 of the weights
    model.safetensors    the weights
    latents.safetensors  posterior mean and log-variance, labels or factors, row ids, errors of the held-out split
    metrics.json  history.csv  README.md  projections/

The codes ship with the weights, so a checkpoint opens at once, also where its data set is not.  It is written
beside its place and then renamed, so a full disk or a kill leaves the one before whole.  Loading checks
everything.  The weights' SHA-256 is the fingerprint; caches are keyed by `identity`, which counts the codes too: a
folder of images that grew gives the same weights other rows.
"""

import csv
import dataclasses
import hashlib
import io
import json
import math
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch

from aemodels import datasets, registry
from aemodels.autoencoder import Autoencoder

SCHEMA_VERSION = 1
CONFIG, WEIGHTS, LATENTS, METRICS, HISTORY, CARD = (
    "config.json", "model.safetensors", "latents.safetensors", "metrics.json", "history.csv", "README.md",
)  # fmt: skip
PROJECTIONS = "projections"
RESUME = "resume.safetensors"
_OWN = {CONFIG, WEIGHTS, LATENTS, METRICS, HISTORY, CARD, PROJECTIONS, RESUME}
_BACKUP = ".{}.previous"


class CheckpointError(Exception):
    """A checkpoint folder that cannot be used; one line that says which and why."""


@dataclass(frozen=True)
class Config:
    """What `config.json` holds."""

    model: str
    image_shape: tuple[int, int, int]
    latent_dim: int
    dataset: str
    arguments: dict = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    factor_names: tuple[str, ...] = ()
    dataset_options: dict = field(default_factory=dict)
    preprocessing: str = "uint8 / 255, float32 in [0, 1]"
    training: dict = field(default_factory=dict)
    command: str = ""
    versions: dict = field(default_factory=dict)
    weights_sha256: str = ""
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True)
class Latents:
    """The held-out split as the model sees it.

    `mean` (N, D) float32; `logvar` (N, D) or None; `row_ids` (N,) int64; `error` (N,) mean squared error of the
    reconstruction a pixel value; `labels` (N,) int64 or None; `factors` (N, F) float32 or None.
    """

    mean: np.ndarray
    row_ids: np.ndarray
    error: np.ndarray
    logvar: np.ndarray | None = None
    labels: np.ndarray | None = None
    factors: np.ndarray | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A folder that was read and checked.

    `name` is the folder's, longer where another of its data set has that too; `identity` names weights and codes.
    `history` is empty for a model without epochs, and where it cannot be read: `history_note` then says why.
    """

    path: Path
    name: str
    config: Config
    model: Autoencoder
    latents: Latents
    metrics: dict
    history: list[dict]
    card: str
    identity: str
    history_note: str = ""

    @property
    def fingerprint(self) -> str:
        return self.config.weights_sha256


@dataclass(frozen=True)
class Broken:
    """A folder that looks like a checkpoint and is none: where, and why."""

    path: Path
    reason: str

    @property
    def name(self) -> str:
        return self.path.name


def fingerprint(weights: bytes) -> str:
    """SHA-256 of the weights file."""
    return hashlib.sha256(weights).hexdigest()


# --- writing ------------------------------------------------------------------------------------------------


def save(
    path: Path,
    model: Autoencoder,
    config: Config,
    latents: Latents,
    *,
    metrics: dict,
    history: list[dict],
    card: str = "",
    resume: dict | None = None,
) -> Path:
    """Write a whole checkpoint beside `path`, then put it in its place; returns `path`.  A linked folder stays linked.

    `projections/` of an earlier checkpoint with the same weights is kept, and so is whatever is not ours.  ValueError
    where weights or codes are not finite: such a model is not written.  OSError (a full disk, say) leaves what was
    there.
    """
    state = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    bad = [k for k, v in state.items() if not v.isfinite().all()]
    if bad or not np.isfinite(latents.mean).all():
        raise ValueError(f"not saved: {bad[0] if bad else 'codes'} holds NaN or infinity")
    weights = safetensors.torch.save(state)
    config = dataclasses.replace(config, weights_sha256=fingerprint(weights))
    given, path = path, _real(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    recover(path)
    staging = Path(tempfile.mkdtemp(prefix=f".{path.name}.writing-", dir=path.parent))
    try:
        staging.chmod(0o755)
        (staging / WEIGHTS).write_bytes(weights)
        columns = {k: v for k, v in dataclasses.asdict(latents).items() if v is not None}
        (staging / LATENTS).write_bytes(
            safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in columns.items()})
        )
        texts = {
            CONFIG: _json(dataclasses.asdict(config)), METRICS: _json(metrics), HISTORY: _csv(history), CARD: card
        }  # fmt: skip
        for name, text in texts.items():
            (staging / name).write_text(text, encoding="utf-8")
        if resume is not None:
            (staging / RESUME).write_bytes(safetensors.torch.save(resume))
        if _recorded_fingerprint(path) == config.weights_sha256:
            _copy(path / PROJECTIONS, staging)
        for other in path.iterdir() if path.is_dir() else ():
            if other.name not in _OWN:
                _copy(other, staging)
        _sync(staging)
        _replace(staging, path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        recover(path)
    return given


def _copy(source: Path, into: Path) -> None:
    """Links stay links: what they lead to may be large, elsewhere, or not there now."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, into / source.name, symlinks=True)
    elif os.path.lexists(source):
        shutil.copy2(source, into, follow_symlinks=False)


def _json(value: dict) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(history: list[dict]) -> str:
    out = io.StringIO()
    if history:
        writer = csv.DictWriter(out, list(history[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
    return out.getvalue()


def _sync(folder: Path) -> None:
    """Make the bytes durable before the rename that makes them count."""
    for file in (f for f in folder.rglob("*") if f.is_file() and not f.is_symlink()):
        with open(file, "rb") as handle:
            os.fsync(handle.fileno())


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve raises where a link leads to itself


def _backup(path: Path) -> Path:
    place = _real(path) if path.is_symlink() else path
    return place.with_name(_BACKUP.format(place.name))


def _replace(staging: Path, path: Path) -> None:
    if path.exists():
        shutil.rmtree(_backup(path), ignore_errors=True)
        path.rename(_backup(path))
    staging.rename(path)
    shutil.rmtree(_backup(path), ignore_errors=True)


def recover(path: Path) -> None:
    """Put back what a kill between the two renames of a save left aside: for whoever writes, never for readers."""
    if _backup(path).is_dir() and not path.exists():
        _backup(path).rename(_real(path))


def is_replaceable(path: Path) -> bool:
    """Whether `path` is a checkpoint, what is left of one, or nothing; what else lies in it is kept by `save`."""
    if not path.is_dir():
        return not path.exists()
    held = {p.name for p in path.iterdir()}
    # A broken one has its codes; other projects, too, have a config.json beside a model.safetensors.
    return not held or LATENTS in held or _recorded_fingerprint(path) is not None


def _recorded_fingerprint(path: Path) -> str | None:
    try:
        return json.loads((path / CONFIG).read_bytes()).get("weights_sha256")
    except (OSError, ValueError, AttributeError):
        return None


def _place(path: Path) -> Path:
    """Where to read a checkpoint from: its folder, or what a save that was killed, or is under way, set aside."""
    return path if path.is_dir() or not _backup(path).is_dir() else _backup(path)


# --- reading ------------------------------------------------------------------------------------------------


def load(path: str | Path) -> Checkpoint:
    """Read and check a checkpoint folder; CheckpointError says in one line what is wrong with it."""
    path = _place(Path(path))
    if not path.is_dir():
        raise CheckpointError(f"there is no checkpoint folder {path}")
    config = _read_config(path)
    try:
        datasets.title(config.dataset)
        datasets.check_options(config.dataset, config.dataset_options)
    except (datasets.DatasetError, ValueError, RuntimeError) as error:  # what a path may be made of
        raise CheckpointError(f"{path}: data set {config.dataset[:80]!r} cannot be used ({error})") from error
    weights = _read(path, WEIGHTS)
    model = _build(path, config, weights)
    # Asked last: truncated, wrong or not finite, the file differs as well, and those say more.
    if fingerprint(weights) != config.weights_sha256:
        raise CheckpointError(f"{path}: {WEIGHTS} is not the file that {CONFIG} describes (its SHA-256 differs)")
    codes = _read(path, LATENTS)
    latents = _read_latents(path, config, codes)
    if (latents.logvar is not None) != model.variational:
        what = "no logvar" if model.variational else "a logvar"
        raise CheckpointError(f"{path}: {LATENTS} holds {what}, and {config.model} needs the other")
    # A figure that is no number is as good as absent: the stored codes give it anew.
    metrics = {k: v for k, v in _read_json(path, METRICS, float).items() if _is_figure(v)}
    try:
        card = _read(path, CARD).decode()
    except ValueError as error:
        raise CheckpointError(f"{path}: {CARD} cannot be read ({error})") from error
    history, note = _read_history(_read(path, HISTORY))
    identity = fingerprint((config.weights_sha256 + fingerprint(codes)).encode())
    return Checkpoint(path, _own_name(path), config, model, latents, metrics, history, card, identity, note)


def _own_name(path: Path) -> str:
    """The folder's name, also where it is read from what a save set aside."""
    before, after = _BACKUP.split("{}")
    aside = path.name.startswith(before) and path.name.endswith(after)
    return path.name.removeprefix(before).removesuffix(after) if aside else path.name


def _read(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: {name} is missing") from None
    except OSError as error:
        raise CheckpointError(f"{path}: {name} cannot be read ({error.strerror})") from error


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _read_json(path: Path, name: str, constant: Callable[[str], object] = _no_constant) -> dict:
    """The JSON object in that file; `constant` makes something of the NaN and Infinity that JSON does not know."""
    try:
        raw = json.loads(_read(path, name), parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: {name} is not JSON ({error})") from error
    if not isinstance(raw, dict):
        raise CheckpointError(f"{path}: {name} is not a JSON object")
    return raw


def _read_history(table: bytes) -> tuple[list[dict], str]:
    """A row an epoch; none, and a line that says why, where the table is damaged: no picture but the curve needs it."""
    try:
        rows = csv.DictReader(io.StringIO(table.decode()))
        history = [{k: _number(v) for k, v in row.items()} for row in rows]
    except (ValueError, TypeError, csv.Error) as error:
        return [], f"{HISTORY} cannot be read ({error})"
    missing = [k for k in ("epoch", "loss", "val_loss") if k not in (rows.fieldnames or ())]
    if table.strip() and missing:
        return [], f"{HISTORY} cannot be read (it has no column {missing[0]})"
    return history, ""


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() and "." not in text else value


def _read_config(path: Path) -> Config:
    if not (path / CONFIG).exists() and not any(path.iterdir()):
        raise CheckpointError(f"{path} is empty")
    raw = _read_json(path, CONFIG)
    version = raw.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise CheckpointError(f"{path}: {CONFIG} names no schema_version; is this a Latentboard checkpoint?")
    if version > SCHEMA_VERSION:
        raise CheckpointError(
            f"{path} was written by a newer Latentboard (schema {version}, this one reads {SCHEMA_VERSION}); update"
        )
    known = {f.name for f in dataclasses.fields(Config)}
    try:
        config = Config(**{k: v for k, v in raw.items() if k in known})
        for name in ("model", "dataset", "command", "weights_sha256"):
            if not isinstance(getattr(config, name), str):
                raise TypeError(f"{name} is {getattr(config, name)!r}, not text")
        shape = tuple(int(n) for n in config.image_shape)
        return dataclasses.replace(
            config,
            image_shape=shape,
            latent_dim=int(config.latent_dim),
            arguments=dict(config.arguments),
            training=dict(config.training),
            versions=dict(config.versions),
            dataset_options=dict(config.dataset_options),
            classes=tuple(map(str, config.classes)),
            factor_names=tuple(map(str, config.factor_names)),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{path}: {CONFIG} does not hold what it must ({error})") from error


def _build(path: Path, config: Config, weights: bytes) -> Autoencoder:
    try:
        model = registry.build(config.model, config.image_shape, config.latent_dim, **config.arguments)
        model.load_state_dict(safetensors.torch.load(weights))
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise CheckpointError(f"{path}: {error.args[0] if error.args else error}") from error
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path}: {WEIGHTS} is damaged ({error})") from error
    except RuntimeError as error:  # load_state_dict: names or shapes
        heading, *reasons = str(error).strip().splitlines()
        first = reasons[0].strip() if reasons else heading
        raise CheckpointError(f"{path}: the weights do not fit {config.model}: {first}") from error
    bad = [k for k, v in model.state_dict().items() if not v.isfinite().all()]
    if bad:
        raise CheckpointError(f"{path}: {bad[0]} holds NaN or infinity")
    return model.eval().requires_grad_(False)


def _read_latents(path: Path, config: Config, codes: bytes) -> Latents:
    try:
        columns = safetensors.numpy.load(codes)
        latents = Latents(**columns)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path}: {LATENTS} is damaged ({error})") from error
    except (TypeError, KeyError) as error:  # KeyError: a number format that numpy does not know
        raise CheckpointError(f"{path}: {LATENTS} does not hold what it must ({error})") from error
    rows = len(latents.row_ids) if latents.row_ids.ndim else 0
    shapes = {
        "mean": (rows, config.latent_dim),
        "logvar": (rows, config.latent_dim),
        "row_ids": (rows,),
        "error": (rows,),
        "labels": (rows,),
        "factors": (rows, len(config.factor_names)),
    }
    for name, shape in shapes.items():
        column = getattr(latents, name)
        if column is None:
            continue
        if column.shape != shape:
            raise CheckpointError(f"{path}: {LATENTS} holds {name} of shape {column.shape}, not {shape}")
        kind = np.integer if name in ("row_ids", "labels") else np.floating
        if not np.issubdtype(column.dtype, kind):
            raise CheckpointError(f"{path}: {LATENTS} holds {name} as {column.dtype}, not {kind.__name__} numbers")
        if not np.isfinite(column).all():
            raise CheckpointError(f"{path}: {LATENTS} holds NaN or infinity in {name}")
    if not rows:
        raise CheckpointError(f"{path}: {LATENTS} holds no codes")
    ids, times = np.unique(latents.row_ids, return_counts=True)
    if len(ids) < rows:
        raise CheckpointError(f"{path}: {LATENTS} holds the row id {ids[times.argmax()]} {times.max()} times")
    if (latents.factors is None) != (not config.factor_names):
        raise CheckpointError(f"{path}: {LATENTS} does not hold the factors that {CONFIG} names")
    if latents.labels is not None and not (latents.labels.min() >= 0 and latents.labels.max() < len(config.classes)):
        raise CheckpointError(f"{path}: {LATENTS} holds labels beyond the {len(config.classes)} classes")
    return latents


def read_resume(path: str | Path) -> dict:
    """The training state beside a checkpoint, as tensors by name; CheckpointError where there is none."""
    try:
        return safetensors.torch.load(_read(Path(path), RESUME))
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path}: {RESUME} is damaged ({error})") from error


def root(given: str | Path | None = None) -> Path:
    """Where checkpoints are: `given`, else $LATENTBOARD_CHECKPOINTS, else checkpoints/ in the repository."""
    chosen = given or os.environ.get("LATENTBOARD_CHECKPOINTS") or Path(__file__).resolve().parents[1] / "checkpoints"
    return Path(chosen).expanduser()


def folders(root_folder: Path) -> list[Path]:
    """Every <data set>/<name> folder, sorted; hidden ones (half-written, set aside) left out."""
    if not root_folder.is_dir():
        return []
    inside = [p for d in root_folder.iterdir() if d.is_dir() and not d.name.startswith(".") for p in d.iterdir()]
    found = {p for p in inside if _place(p).is_dir() and not p.name.startswith(".")}
    aside = {p.with_name(_own_name(p)) for p in inside if _own_name(p) != p.name and p.is_dir()}
    return sorted(found | aside)


def load_or_broken(folder: Path) -> Checkpoint | Broken:
    """The checkpoint in a folder, or why it is none."""
    try:
        return load(folder)
    except CheckpointError as error:
        return Broken(folder, str(error).removeprefix(f"{folder}: ").removeprefix(f"{folder} "))


def named_apart(found: Sequence[Checkpoint | Broken]) -> list[Checkpoint | Broken]:
    """The same, with the parent folder before the name of checkpoints of one data set that share theirs."""
    shared = Counter((c.config.dataset, c.name) for c in found if isinstance(c, Checkpoint))
    return [
        dataclasses.replace(c, name=f"{c.path.parent.name}/{c.name}")
        if isinstance(c, Checkpoint) and shared[c.config.dataset, c.name] > 1
        else c
        for c in found
    ]


def load_all(root_folder: str | Path | None = None) -> list[Checkpoint | Broken]:
    """Every checkpoint under the root, the unusable ones as `Broken` with their reason."""
    return named_apart([load_or_broken(folder) for folder in folders(root(root_folder))])


def size_bytes(path: Path) -> int:
    """What the folder takes on disk, in bytes."""
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file())


def parameters(model: Autoencoder) -> int:
    """Number of trained (or fitted) values."""
    return sum(math.prod(v.shape) for v in model.state_dict().values())
