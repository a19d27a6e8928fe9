"""A data set downloaded in a child process, so that it can be watched and stopped.

torchvision's downloader reports to the terminal alone and cannot be stopped from another thread; what it leaves
half-done when it is killed, it fetches again the next time, because the checksum does not fit, and what it left
half-unpacked `datasets` does not take for present.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from aemodels import datasets
from aemodels.datasets import DatasetError

_LOOK_SECONDS = 0.2
_REPOSITORY = Path(__file__).resolve().parents[1]


def fetched_bytes(name: str, root: Path | str | None = None) -> int:
    """How much of the data set's archives is on this machine."""
    entry, _ = datasets.find(name)
    found = datasets.data_root(root).glob(entry.archives) if entry.archives else ()
    return sum(f.stat().st_size for f in found)


def fetch(
    name: str, root: Path | str | None = None, *, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
) -> bool:  # fmt: skip
    """Download both splits, reporting (bytes here, bytes in all); False where it was cancelled.

    DatasetError where it cannot be had, with the line that says where to put it.
    """
    entry, _ = datasets.find(name)
    command = [sys.executable, "-m", "aemodels", "download", name, "--data-root", str(datasets.data_root(root))]
    child = subprocess.Popen(
        command, cwd=_REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    with child:
        while True:
            try:
                _, said = child.communicate(timeout=_LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                progress(fetched_bytes(name, root), entry.archive_bytes)
            if cancelled():
                child.terminate()
                return False
    if child.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or [f"it ended with status {child.returncode}"]
        raise DatasetError(lines[-1].removeprefix("python -m aemodels: "))
    return True
