"""Background jobs for the page: one thread a job, one job a key, shared by all sessions of the process.

Work is a function of (progress, cancelled): it reports by calling the one and gives up, by raising `Cancelled`,
when the other says so.  No thread is ever killed.
"""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

Progress = Callable[[float, str], None]
Cancellation = Callable[[], bool]
Work = Callable[[Progress, Cancellation], Any]

RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"
# Finished jobs hold their results; this many of them are remembered.
KEPT = 32


class Cancelled(Exception):
    """Raised by work that was asked to stop."""


class Job:
    """Work in a daemon thread, started at once.

    `state` is running, done, failed or cancelled; `progress` is in [0, 1]; `message` is for people; `result` is
    what the work returned, `error` the exception it raised.
    """

    def __init__(self, work: Work):
        self.progress, self.message, self.state = 0.0, "", RUNNING
        self.result: Any = None
        self.error: BaseException | None = None
        self._began, self._ended = time.monotonic(), None
        self._stop, self._finished = threading.Event(), threading.Event()
        threading.Thread(target=self._run, args=(work,), name="latent-job", daemon=True).start()

    def _report(self, progress: float, message: str) -> None:
        self.progress, self.message = min(max(float(progress), 0.0), 1.0), message

    def _run(self, work: Work) -> None:
        state = FAILED
        try:
            self.result = work(self._report, self._stop.is_set)
            self.progress, state = 1.0, DONE
        except Cancelled as stopped:
            self.error, state = stopped, CANCELLED
        except BaseException as error:  # whatever it was, the page shows it; nobody else would
            self.error = error
        finally:
            self._ended = time.monotonic()
            self.state = state
            self._finished.set()

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran."""
        return (self._ended or time.monotonic()) - self._began

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def cancel(self) -> None:
        """Ask it to stop; it does at its next look, and may also finish before."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has finished, at most `timeout` seconds; whether it has."""
        return self._finished.wait(timeout)


_JOBS: dict[Hashable, Job] = {}
_LOCK = threading.Lock()


def start(key: Hashable, work: Work) -> Job:
    """The job of that key: the one that is running or done, else a new one that does `work`.

    A failed or cancelled one is replaced, and so is one that was asked to stop and has not stopped yet.
    """
    with _LOCK:
        job = _JOBS.get(key)
        if job is None or job.state in (FAILED, CANCELLED) or (job.stopping and job.state == RUNNING):
            _JOBS.pop(key, None)
            job = _JOBS[key] = Job(work)
            finished = [k for k, j in _JOBS.items() if j.state != RUNNING]
            for old in finished[: max(0, len(finished) - KEPT)]:
                del _JOBS[old]
        return job


def find(key: Hashable) -> Job | None:
    """The job of that key, running or finished; None where there is none."""
    with _LOCK:
        return _JOBS.get(key)


def forget(key: Hashable) -> None:
    """Drop the job of that key; one that runs goes on unseen."""
    with _LOCK:
        _JOBS.pop(key, None)
