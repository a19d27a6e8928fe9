"""Downloads from a server of the test's own: real requests, torchvision's own code, no network."""

import gzip
import hashlib
import http.server
import struct
import threading
import time
from functools import partial

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from aemodels import datasets, download
from aemodels.datasets import DatasetError
from latent import jobs
from tests.test_pages import APP, words
from train.__main__ import main as train

COUNTS = {"train": 12, "t10k": 5}


def idx(values: np.ndarray) -> bytes:
    """The format of the MNIST family: magic number, sizes, bytes; gzipped."""
    header = struct.pack(f">I{values.ndim}I", 0x800 + values.ndim, *values.shape)
    return gzip.compress(header + values.tobytes())


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A server with a tiny KMNIST, known to every Python started from here; `hold` keeps it from answering."""
    served, rng, resources = tmp_path / "served", np.random.default_rng(0), []
    served.mkdir()
    for part, count in COUNTS.items():
        for kind, values in (
            ("images-idx3", rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)),
            ("labels-idx1", np.arange(count, dtype=np.uint8) % 10),
        ):
            file = served / f"{part}-{kind}-ubyte.gz"
            file.write_bytes(idx(values))
            resources.append((file.name, hashlib.md5(file.read_bytes()).hexdigest()))
    hold = threading.Event()
    hold.set()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            hold.wait(60)
            super().do_GET()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "from torchvision.datasets import KMNIST\n"
        f"KMNIST.mirrors, KMNIST.resources = ['http://127.0.0.1:{server.server_port}/'], {resources!r}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    yield hold
    hold.set()
    server.shutdown()
    server.server_close()


def test_a_download_leaves_both_splits_and_tells_how_far_it_is(mirror, tmp_path):
    root, reports = tmp_path / "data", []
    assert not datasets.is_present("kmnist", root)
    assert download.fetch("kmnist", root, progress=lambda *r: reports.append(r), cancelled=lambda: False)
    assert [len(datasets.load("kmnist", s, root=root, download=False)) for s in datasets.SPLITS] == [12, 5]
    assert {total for _, total in reports} == {datasets.find("kmnist")[0].archive_bytes}
    assert download.fetched_bytes("kmnist", root) == sum(f.stat().st_size for f in root.rglob("*.gz")) > 0


def test_a_download_is_stopped_within_a_moment_and_can_be_begun_again(mirror, tmp_path):
    root = tmp_path / "data"
    mirror.clear()
    began = time.monotonic()
    assert not download.fetch(
        "kmnist", root, progress=lambda *r: None, cancelled=lambda: time.monotonic() - began > 1
    )  # fmt: skip
    assert not datasets.is_present("kmnist", root)
    mirror.set()
    assert download.fetch("kmnist", root, progress=lambda *r: None, cancelled=lambda: False)
    assert datasets.is_present("kmnist", root)


def test_a_download_that_was_stopped_while_unpacking_is_made_whole_by_the_next(mirror, tmp_path):
    root = tmp_path / "data"
    assert download.fetch("kmnist", root, progress=lambda *r: None, cancelled=lambda: False)
    half = root / "KMNIST" / "raw" / "t10k-images-idx3-ubyte"
    whole = half.read_bytes()
    for left in (0, 3, 10, 16, -1):
        half.write_bytes(whole[:left])
        assert not datasets.is_present("kmnist", root)
    assert download.fetch("kmnist", root, progress=lambda *r: None, cancelled=lambda: False)
    assert datasets.is_present("kmnist", root) and half.read_bytes() == whole


def test_a_download_that_fails_says_in_one_line_where_to_put_the_files(mirror, tmp_path):
    for file in (tmp_path / "served").iterdir():
        file.write_bytes(b"not what the checksum says")
    with pytest.raises(DatasetError, match="place its files in") as caught:
        download.fetch("kmnist", tmp_path / "data", progress=lambda *r: None, cancelled=lambda: False)
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)


def test_the_page_offers_the_download_and_shows_the_originals_after_it(mirror, tmp_path, monkeypatch):
    assert download.fetch("kmnist", tmp_path / "data", progress=lambda *r: None, cancelled=lambda: False)
    out = tmp_path / "checkpoints" / "kmnist" / "pca"
    argv = ["pca", "--dataset", "kmnist", "--latent-dim", "2", "--out", str(out)]
    assert train([*argv, "--data-root", str(tmp_path / "data")]) == 0
    monkeypatch.setenv("LATENTBOARD_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("LATENTBOARD_DATA", str(tmp_path / "empty"))
    monkeypatch.setenv("LATENTBOARD_CACHE", str(tmp_path / "cache"))
    at = AppTest.from_file(APP, default_timeout=60)
    at.query_params["projection"] = "pca"
    at.run()
    assert not at.exception and "Originals are missing: KMNIST" in words(at)
    next(b for b in at.button if b.label == "Download KMNIST").click().run()
    assert jobs.find(("download", "kmnist")).wait(60)
    at.run()
    assert not at.exception and "Originals are missing" not in words(at)
