"""The app as a user meets it: served by `streamlit run`, opened in a headless Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Maps are WebGL: without a GPU, Chromium draws them with SwiftShader.
FLAGS = (
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip


# Every map that is there has its points.
_MAPS_DRAWN = """() => [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.root'))
    .every((root) => !root?.atlas || root.dataset.drawn)"""


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serve(cwd: Path = ROOT, timeout: float = 90, **environment: str) -> Iterator[str]:
    """`streamlit run dashboard/main.py` on a free port; yields its URL, stops it afterwards."""
    port = _free_port()
    command = [
        sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard" / "main.py"), "--server.port", str(port),
        "--server.headless", "true", "--server.address", "127.0.0.1",
    ]  # fmt: skip
    log = subprocess.PIPE if environment.pop("quiet", None) else None
    server = subprocess.Popen(command, cwd=cwd, env={**os.environ, **environment}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + timeout
        while True:
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=5).read()
                break
            except (urllib.error.URLError, OSError):
                if server.poll() is not None:
                    raise RuntimeError(f"the server ended with status {server.returncode}") from None
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the server did not answer within {timeout:.0f} s") from None
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def launch(playwright: Playwright) -> Browser:
    """A headless Chromium that can draw WebGL; FileNotFoundError where none is installed."""
    path = find_chromium()
    if path is None:
        raise FileNotFoundError("no Chromium found; install one (on Debian: apt-get install chromium)")
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


def settle(page: Page, timeout: float = 60_000) -> None:
    """Wait until the script has run and what it drew is there."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=timeout)
    page.wait_for_function("() => !document.querySelector('[data-testid=\"stSkeleton\"]')", timeout=timeout)
    page.wait_for_function(_MAPS_DRAWN, timeout=timeout)
    page.wait_for_timeout(700)
