"""A disk cache whose entries are found by what they were made from, and so never go stale.

A file's name is the SHA-256 of its key's canonical JSON.  Files are safetensors with a checksum, written beside
their place and renamed: a reader sees a whole entry or none.  `write` and `read` serve other files as well.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

MAX_BYTES = 2_000_000_000
SUFFIX = ".safetensors"
_ENTRY = re.compile(r"[0-9a-f]{64}\.\w+")
_PART = ".part"
_STALE_SECONDS = 24 * 3600


def canonical(key: dict) -> str:
    """The one JSON text of a key: sorted, no spaces; TypeError for what JSON cannot hold, ValueError for NaN."""
    return json.dumps(key, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and bytes."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(canonical({"name": name, "type": array.dtype.str, "shape": array.shape}).encode())
        total.update(array.tobytes())
    return total.hexdigest()


def write(path: Path, arrays: dict[str, np.ndarray], about: dict | None = None) -> Path:
    """Write arrays and a JSON-able description to one file, whole or not at all; OSError where it cannot be."""
    arrays = {k: np.array(v, order="C") for k, v in arrays.items()}
    metadata = {"about": canonical(about or {}), "sha256": digest(arrays)}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{path.name[:40]}-", suffix=_PART, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(safetensors.numpy.save(arrays, metadata))
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    return path


def read(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and description of a file that `write` wrote; ValueError in one line where it is damaged, else OSError."""
    path = Path(path)
    path.stat()
    try:
        with safetensors.safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            arrays = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 not a dict
        about = json.loads(metadata["about"])
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({str(error).splitlines()[0]}); delete it") from error
    if metadata.get("sha256") != digest(arrays) or not isinstance(about, dict):
        raise ValueError(f"{path} is damaged (its checksum differs); delete it")
    return arrays, about


class Store:
    """The cache folder: `root`, else $LATENTBOARD_CACHE, else ~/.cache/latentboard; made on the first `put`."""

    def __init__(self, root: str | Path | None = None, max_bytes: int = MAX_BYTES):
        chosen = root or os.environ.get("LATENTBOARD_CACHE") or Path.home() / ".cache" / "latentboard"
        self.root, self.max_bytes = Path(chosen).expanduser(), max_bytes

    def path(self, kind: str, key: dict, suffix: str = SUFFIX) -> Path:
        """Where the entry of that key is or would be."""
        return self.root / kind / f"{hashlib.sha256(canonical(key).encode()).hexdigest()}{suffix}"

    def get(self, kind: str, key: dict) -> dict[str, np.ndarray] | None:
        """The arrays of that key; None where there are none.  A damaged entry counts as missing and is deleted."""
        path = self.path(kind, key)
        try:
            arrays, _ = read(path)
        except ValueError:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        except OSError:
            return None
        with contextlib.suppress(OSError):  # a cache that can only be read is still one
            os.utime(path)
        return arrays

    def put(self, kind: str, key: dict, arrays: dict[str, np.ndarray]) -> Path:
        """Keep arrays under that key, and the cache within its size; OSError where the disk does not take them."""
        path = write(self.path(kind, key), arrays, key)
        self.trim(self.max_bytes)
        return path

    def trim(self, max_bytes: int) -> None:
        """Delete the entries that were used longest ago until the rest takes at most `max_bytes`."""
        entries = []
        for path in self.root.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):  # another process trims, too
                found = path.stat()
                if _ENTRY.fullmatch(path.name):
                    entries.append((found.st_mtime_ns, found.st_size, path))
                elif path.name.endswith(_PART) and time.time() - found.st_mtime > _STALE_SECONDS:
                    path.unlink()
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size
