"""UMAP in a process of its own: `fit` asks it for a layout, `python -m latent.worker` is the process.

umap imports, compiles and optimises for up to a minute with Python's lock held; in a thread it would freeze every
page, and could not be stopped.  The child is started by the first fit and lives on, so that only its first map
waits for the compiler; a cancelled fit kills it.  Messages go over its stdin and stdout: a prefix with two lengths,
a JSON header, the raw float32 of an array.  It ends when its stdin does, so it never outlives its parent.
"""

import atexit
import contextlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from latent import layout
from latent.jobs import Cancellation, Cancelled, Progress

Message = tuple[dict, np.ndarray | None]

ROOT = Path(__file__).resolve().parents[1]
# The child yields to the pages: on a machine with few cores both want the same ones.
NICE = 5
# How soon a wish to cancel is noticed.
_LOOK_SECONDS = 0.1
_WARM_ROWS = 5000  # of fewer, umap compiles another search
_PREFIX = struct.Struct(">IQ")  # bytes of the header, bytes of the array


def send(stream: BinaryIO, header: dict, array: np.ndarray | None = None) -> None:
    """Write one message; OSError where nobody reads it."""
    body = b""
    if array is not None:
        body = memoryview(np.ascontiguousarray(array, np.float32)).cast("B")
        header = {**header, "shape": array.shape}
    text = json.dumps(header).encode()
    stream.write(_PREFIX.pack(len(text), len(body)))
    stream.write(text)
    stream.write(body)
    stream.flush()


def receive(stream: BinaryIO) -> Message:
    """Read one message, its array None where it has none; EOFError where the stream ends before or within it."""
    size, array_size = _PREFIX.unpack(_fill(stream, bytearray(_PREFIX.size)))
    header = json.loads(_fill(stream, bytearray(size)))
    if not array_size:
        return header, None
    array = np.empty(header.pop("shape"), np.float32)
    _fill(stream, memoryview(array).cast("B"))
    return header, array


def _fill(stream: BinaryIO, buffer: bytearray | memoryview) -> bytearray | memoryview:
    if stream.readinto(buffer) < len(buffer):
        raise EOFError
    return buffer


# --- the parent's side ----------------------------------------------------------------------------------------


class Worker:
    """A child process and the turn to use it: one fit at a time."""

    def __init__(self, command: Sequence[str] = (sys.executable, "-m", "latent.worker")):
        self._command = command
        self._turn = threading.Lock()
        self._process: subprocess.Popen | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id; None where none runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def fit(self, codes: np.ndarray, settings: dict, progress: Progress, cancelled: Cancellation) -> np.ndarray:
        """`layout.fit` in the child; (N, D) -> (N, dims), both float32.

        Cancelled within a moment of `cancelled()` coming true; ChildProcessError in one line where the child fails
        or dies.  Either way the next fit starts a new one.
        """
        with self._wait_for_turn(progress, cancelled):
            child, heard = self._child(), queue.SimpleQueue()
            threading.Thread(target=_converse, args=(child, settings, codes, heard), daemon=True).start()
            try:
                return _listen(child, heard, progress, cancelled)
            except BaseException:
                # Whatever went wrong, and be it in `progress`: no later fit may hear the rest of this one.
                self.stop()
                raise

    def warm(self) -> None:
        """Start the child and let it compile, in the background, unless there is one: a fit will soon be asked for."""
        if self.pid is None and not self._turn.locked():
            codes = np.random.default_rng(0).standard_normal((_WARM_ROWS, 4), np.float32)
            settings = {"dims": 2, "neighbours": 15, "min_dist": 0.1, "metric": "euclidean", "seed": 0}
            threading.Thread(target=self._fit_quietly, args=(codes, settings), daemon=True).start()

    def _fit_quietly(self, codes: np.ndarray, settings: dict) -> None:
        with contextlib.suppress(ChildProcessError):  # whoever asks for a map will be told
            self.fit(codes, settings, lambda fraction, message: None, lambda: False)

    def stop(self) -> None:
        """Kill the child, if there is one."""
        if self._process:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):  # the rest of a request that was under way
                    pipe.close()
            self._process = None

    @contextlib.contextmanager
    def _wait_for_turn(self, progress: Progress, cancelled: Cancellation) -> Iterator[None]:
        if not self._turn.acquire(blocking=False):
            progress(0.0, "Waiting for UMAP")
            while not self._turn.acquire(timeout=_LOOK_SECONDS):
                _stop_if(cancelled)
        try:
            _stop_if(cancelled)
            yield
        finally:
            self._turn.release()

    def _child(self) -> subprocess.Popen:
        if self.pid is None:
            self.stop()  # what one that died by itself left open
            paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                process_group=0,  # Ctrl-C is for the parent; a session of its own would make its niceness moot
            )
        return self._process


def _converse(child: subprocess.Popen, settings: dict, codes: np.ndarray, heard: queue.SimpleQueue) -> None:
    """Ask, and pass on what the child says up to its last word; None where it died.

    In a thread of its own, because a pipe cannot be read or written with one eye on `cancelled`.
    """
    try:
        send(child.stdin, settings, codes)
        last = False
        while not last:
            header, array = receive(child.stdout)
            last = array is not None or "error" in header
            heard.put((header, array))
    except (OSError, EOFError, ValueError):
        heard.put(None)


def _listen(child: subprocess.Popen, heard: queue.SimpleQueue, progress: Progress, cancelled: Cancellation):
    while True:
        _stop_if(cancelled)
        try:
            message = heard.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            continue
        if message is None:
            raise ChildProcessError(_obituary(child))
        header, points = message
        if points is not None:
            return points
        if "error" in header:
            raise ChildProcessError(header["error"])
        progress(header["fraction"], header["message"])


def _stop_if(cancelled: Cancellation) -> None:
    if cancelled():
        raise Cancelled("stopped before the map was finished")


def _obituary(child: subprocess.Popen) -> str:
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(1)
    status = child.poll()
    if status is None or status >= 0:
        return f"the UMAP process ended with status {status}; what it printed says more"
    if status == -signal.SIGKILL:
        return "the UMAP process was killed, most likely because memory ran out; free some or map fewer codes"
    return f"the UMAP process was ended by signal {-status} ({signal.strsignal(-status)}); try again"


_WORKER = Worker()
atexit.register(_WORKER.stop)
fit, warm = _WORKER.fit, _WORKER.warm


# --- the child's side -----------------------------------------------------------------------------------------


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Stdin and stdout for messages alone: whatever else is printed, by C code too, goes to stderr."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return source, sink


def _read_requests(source: BinaryIO, requests: queue.SimpleQueue) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            requests.put(receive(source))
    os._exit(0)  # the parent is gone, and nobody waits for the fit that may be under way


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests until the source ends."""
    requests = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(source, requests), daemon=True).start()

    def say(header: dict, array: np.ndarray | None = None) -> None:
        try:
            send(sink, header, array)
        except OSError:
            os._exit(0)  # as above, noticed here first

    while True:
        settings, codes = requests.get()
        try:
            points = layout.fit(codes, **settings, progress=lambda f, m: say({"fraction": f, "message": m}))
        except MemoryError:
            say({"error": "not enough memory for this map; free some or map fewer codes"})
        except Exception as error:
            traceback.print_exc()
            say({"error": f"{type(error).__name__} in UMAP ({(str(error).splitlines() or ['no details'])[0]})"})
        else:
            say({}, points)


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(NICE)
    serve(*_own_streams())
