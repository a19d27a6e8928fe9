"""Claims about the disk cache and about background jobs."""

import os
import threading
import time

import numpy as np
import pytest

from latent import jobs
from latent.store import Store, read, write

KEY = {"codes": "abc", "settings": {"neighbours": 15, "axes": [0, 1]}}
ARRAYS = {"points": np.arange(6, dtype=np.float32).reshape(3, 2), "rows": np.array([3, 1], np.int64)}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache")


def test_what_was_put_is_got_bit_for_bit_by_another_store_of_the_same_folder(store):
    store.put("projection", KEY, ARRAYS)
    got = Store(store.root).get("projection", KEY)
    assert got.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_array_equal(got[name], array)


def test_a_view_is_kept_as_it_reads(store):
    view = np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::-2]
    store.put("projection", KEY, {"points": view})
    np.testing.assert_array_equal(store.get("projection", KEY)["points"], view)


def test_what_was_never_put_is_missing(store):
    assert store.get("projection", KEY) is None
    assert not store.root.exists()


def test_a_place_depends_on_the_keys_content_and_not_on_its_order(store):
    shuffled = {"settings": {"axes": [0, 1], "neighbours": 15}, "codes": "abc"}
    assert store.path("projection", KEY) == store.path("projection", shuffled)
    others = [store.path("projection", {**KEY, "codes": "abd"}), store.path("figure", KEY)]
    assert len({store.path("projection", KEY), *others}) == 3


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b[:-1] + b"\xff", lambda b: b"", lambda b: b"?" * 99]
)
def test_a_damaged_entry_counts_as_missing_and_is_deleted(store, damage):
    path = store.put("projection", KEY, ARRAYS)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="is damaged"):
        read(path)
    assert store.get("projection", KEY) is None
    assert not path.exists()
    store.put("projection", KEY, ARRAYS)
    assert store.get("projection", KEY) is not None


def test_a_cache_that_cannot_be_written_raises_oserror_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError):
        Store(tmp_path / "file").put("projection", KEY, ARRAYS)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_midway_leaves_the_file_before_whole(store, monkeypatch):
    path = store.put("projection", KEY, ARRAYS)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write(path, {"points": np.zeros(9)})
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    np.testing.assert_array_equal(store.get("projection", KEY)["points"], ARRAYS["points"])


def test_the_least_recently_used_entries_go_first(store):
    keys = [{"n": n} for n in range(4)]
    for age, key in enumerate(reversed(keys)):
        os.utime(store.put("projection", key, ARRAYS), (1000 - age, 1000 - age))
    assert store.get("projection", keys[0]) is not None
    size = store.path("projection", keys[0]).stat().st_size
    store.trim(2 * size + size // 2)
    kept = [key["n"] for key in keys if store.path("projection", key).exists()]
    assert kept == [0, 3], "0 was read just now, 3 was the newest of the others"


def test_put_keeps_the_cache_within_its_size(tmp_path):
    store = Store(tmp_path, max_bytes=3000)
    for n in range(10):
        store.put("projection", {"n": n}, {"points": np.zeros(100)})
    assert 0 < sum(p.stat().st_size for p in tmp_path.rglob("*.safetensors")) <= 3000
    assert store.get("projection", {"n": 9}) is not None


def test_trimming_touches_only_what_the_store_wrote(store):
    foreign = store.root / "photos" / "holiday.safetensors"
    write(foreign, ARRAYS)
    store.put("projection", KEY, ARRAYS)
    store.trim(0)
    assert foreign.exists() and store.get("projection", KEY) is None


def test_the_root_is_given_or_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTBOARD_CACHE", str(tmp_path / "env"))
    assert Store().root == tmp_path / "env"
    assert Store(tmp_path / "given").root == tmp_path / "given"
    monkeypatch.delenv("LATENTBOARD_CACHE")
    assert Store().root.parts[-2:] == (".cache", "latentboard")


# --- jobs -----------------------------------------------------------------------------------------------------


@pytest.fixture
def key(request):
    yield request.node.name
    jobs.forget(request.node.name)


def until(gate: threading.Event):
    def work(progress, cancelled):
        progress(0.5, "half way")
        while not gate.wait(0.005):
            if cancelled():
                raise jobs.Cancelled
        return "result"

    return work


def test_a_job_reports_and_returns(key):
    gate = threading.Event()
    job = jobs.start(key, until(gate))
    deadline = time.monotonic() + 5
    while job.message != "half way" and time.monotonic() < deadline:
        time.sleep(0.002)
    assert (job.state, job.progress, job.message, job.result) == ("running", 0.5, "half way", None)
    assert not job.wait(0.01)
    gate.set()
    assert job.wait(5)
    assert (job.state, job.progress, job.result, job.error) == ("done", 1.0, "result", None)
    took = job.seconds
    time.sleep(0.02)
    assert 0 < took == job.seconds


def test_many_sessions_asking_at_once_share_one_job(key):
    gate, runs = threading.Event(), []

    def work(progress, cancelled):
        runs.append(1)
        return until(gate)(progress, cancelled)

    asked = []
    sessions = [threading.Thread(target=lambda: asked.append(jobs.start(key, work))) for _ in range(16)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()
    gate.set()
    assert asked[0].wait(5) and len(set(asked)) == 1 and len(runs) == 1
    assert jobs.find(key) is asked[0] is jobs.start(key, work)


def test_a_cancelled_job_says_so_and_is_replaced(key):
    job = jobs.start(key, until(threading.Event()))
    job.cancel()
    again = jobs.start(key, lambda progress, cancelled: 7)
    assert again is not job, "one that is stopping is no use to who asks now"
    assert job.wait(5) and job.state == "cancelled" and isinstance(job.error, jobs.Cancelled)
    assert again.wait(5) and again.result == 7


def test_a_failed_job_keeps_its_exception_and_is_replaced(key):
    def work(progress, cancelled):
        raise ValueError("no such thing")

    job = jobs.start(key, work)
    assert job.wait(5) and job.state == "failed" and str(job.error) == "no such thing"
    again = jobs.start(key, lambda progress, cancelled: 7)
    assert again.wait(5) and again.state == "done"


def test_a_forgotten_job_is_not_found_and_a_new_start_does_the_work_again(key):
    jobs.start(key, lambda progress, cancelled: 1).wait(5)
    jobs.forget(key)
    assert jobs.find(key) is None
    jobs.forget(key)
    job = jobs.start(key, lambda progress, cancelled: 2)
    assert job.wait(5) and job.result == 2


def test_only_so_many_finished_jobs_are_remembered():
    names = [("kept", n) for n in range(jobs.KEPT + 10)]
    for name in names:
        jobs.start(name, lambda progress, cancelled: 1).wait(5)
    found = [name for name in names if jobs.find(name)]
    assert len(found) <= jobs.KEPT + 1 and found[-1] == names[-1]
    for name in names:
        jobs.forget(name)


def test_progress_stays_between_0_and_1(key):
    seen = []

    def work(progress, cancelled):
        for value in (-1, 2):
            progress(value, "")
            seen.append(jobs.find(key).progress)

    with jobs._LOCK:  # so that the job is found from its own first line on
        job = jobs._JOBS[key] = jobs.Job(work)
    assert job.wait(5) and seen == [0.0, 1.0]
