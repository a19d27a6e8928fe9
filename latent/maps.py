"""Maps that are kept: shipped with a checkpoint, on disk, or fitted now and then kept."""

import hashlib
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from latent import project
from latent import store as files
from latent.jobs import Cancellation, Progress
from latent.project import Projection, Settings
from latent.space import LatentSpace
from latent.store import Store

VERSION = 1  # raised whenever the same settings give another map
FOLDER = "projections"
_KIND = "projection"
# Maps that the disk did not take, newest last: at most this many, so that `find` finds them in this process.
_UNKEPT: dict[str, Projection] = {}
_UNKEPT_MAPS = 8


def _codes_digest(codes: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(codes, np.float32).tobytes()).hexdigest()


def file_name(settings: Settings) -> str:
    """`umap-2d-3f9a0c12de.safetensors`: the same for all settings that give the same map."""
    short = hashlib.sha256(files.canonical(settings.key()).encode()).hexdigest()[:10]
    return f"{settings.method}-{settings.dims}d-{short}{files.SUFFIX}"


def save(projection: Projection, path: str | Path) -> Path:
    """Write a map to one file, whole or not at all; OSError where it cannot be written."""
    about = {"version": VERSION, "settings": projection.settings.key(), "codes": _codes_digest(projection.codes)}
    return files.write(Path(path), projection.arrays(), about)


def load(path: str | Path, codes: np.ndarray) -> Projection:
    """The map in that file; ValueError in one line where it is damaged or not a map of these codes, else OSError."""
    arrays, about = files.read(Path(path))
    if about.get("version") != VERSION:
        raise ValueError(f"{path} is a map of version {about.get('version')}, not {VERSION}; fit it anew")
    if about.get("codes") != _codes_digest(codes):
        raise ValueError(f"{path} is a map of other codes; fit it anew")
    try:
        return project.restore(codes, Settings(**about["settings"]), arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} does not hold a map ({error})") from error


def shipped(checkpoint_folder: str | Path, settings: Settings, codes: np.ndarray) -> Projection | None:
    """The map that came with a checkpoint, None where there is none; ValueError or OSError as `load`."""
    path = Path(checkpoint_folder) / FOLDER / file_name(settings)
    return load(path, codes) if path.is_file() else None


def _key(codes: np.ndarray, settings: Settings) -> dict:
    return {"version": VERSION, "codes": _codes_digest(codes), "settings": settings.key()}


def find(
    space: LatentSpace, settings: Settings, store: Store, checkpoint_folder: str | Path | None = None
) -> Projection | None:
    """The map if it costs no more than a moment: of a cheap method, shipped or on disk; None where it must be fitted.

    A shipped file that cannot be used is passed over with a warning.  ValueError where the settings cannot map
    these codes.
    """
    project.check(space.codes, settings)
    if project.is_cheap(settings.method):
        return project.fit(space.codes, settings)
    if checkpoint_folder is not None:
        try:
            if found := shipped(checkpoint_folder, settings, space.codes):
                return found
        except (ValueError, OSError) as error:
            warnings.warn(f"a shipped map is passed over: {error}", RuntimeWarning, stacklevel=2)
    arrays = store.get(_KIND, _key(space.codes, settings))
    if arrays is not None:
        try:
            return project.restore(space.codes, settings, arrays)
        except (TypeError, ValueError) as error:
            warnings.warn(f"a cached map is passed over: {error}", RuntimeWarning, stacklevel=2)
    return _UNKEPT.get(files.canonical(_key(space.codes, settings)))


def cached_fit(
    space: LatentSpace,
    settings: Settings,
    store: Store,
    checkpoint_folder: str | Path | None = None,
    progress: Progress | None = None,
    cancelled: Cancellation | None = None,
) -> Projection:
    """The map from wherever it is had first: shipped, on disk, fitted and then kept.

    Where the disk does not take it the map is still returned, its `note` says so, and this process remembers it as
    one of its last few.  ValueError, Cancelled and ChildProcessError as `fit`.
    """
    found = find(space, settings, store, checkpoint_folder)
    if found is not None and not found.note:
        return found
    fitted = found or project.fit(space.codes, settings, progress=progress, cancelled=cancelled)
    key = _key(space.codes, settings)
    try:
        store.put(_KIND, key, fitted.arrays())
    except OSError as error:
        fitted = replace(fitted, note=f"This map could not be kept in {store.root} ({error.strerror or error}).")
        _UNKEPT[files.canonical(key)] = fitted
        for old in list(_UNKEPT)[:-_UNKEPT_MAPS]:
            _UNKEPT.pop(old, None)
        return fitted
    _UNKEPT.pop(files.canonical(key), None)
    return replace(fitted, note="")
