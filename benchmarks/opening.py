"""How long a user waits: from the command to the first map, for a second visitor, and for the picture of a point.

    python -m benchmarks.opening [--rounds 3]

Everything is real: `streamlit run`, the shipped checkpoints, headless Chromium with software WebGL.
"""

import argparse
import statistics
import sys
import time
import urllib.request

from playwright.sync_api import Browser, sync_playwright

from aemodels import checkpoint
from tools.browser import ROOT, launch, serve

_DRAWN = """() => [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.root'))
    .some((root) => root?.dataset.drawn && root.atlas.panes.length === 2)"""


def first_map(browser: Browser, url: str) -> float:
    """Seconds from opening the page to both maps drawn, in a fresh browser profile."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_function(_DRAWN, timeout=120_000)
    took = time.perf_counter() - began
    context.close()
    return took


def pictures(url: str, count: int = 200) -> list[float]:
    """Milliseconds that the route takes for one row's reconstruction, over loopback."""
    found = checkpoint.load(ROOT / "checkpoints" / "fashion-mnist" / "conv-vae")
    taken = []
    for row in found.latents.row_ids[: count + 20]:
        address = f"{url}/latentboard/image?checkpoint={found.identity}&row={row}&kind=reconstruction"
        began = time.perf_counter()
        urllib.request.urlopen(address).read()
        taken.append(1000 * (time.perf_counter() - began))
    return taken[20:]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.opening", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(argv)
    ready, first, second, route = [], [], [], []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for _ in range(args.rounds):
            began = time.perf_counter()
            with serve(quiet="1") as url:
                ready.append(time.perf_counter() - began)
                first.append(first_map(browser, url))
                second.append(first_map(browser, url))
                route += pictures(url)
        browser.close()
    print("| | median | min to max |\n| --- | --- | --- |")
    for name, taken in (
        ("from the command to a server that answers (s)", ready),
        ("from there to two maps of 10,000 points each, first visitor (s)", first),
        ("the same, next visitor (s)", second),
        ("picture of the row under the pointer (ms)", route),
    ):
        print(f"| {name} | {statistics.median(taken):.2f} | {min(taken):.2f} to {max(taken):.2f} |")
    print(f"\npicture, 95th percentile: {statistics.quantiles(route, n=20)[-1]:.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
