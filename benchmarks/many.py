"""How fast maps of many points come, and images on points.

    python -m benchmarks.many [--rounds 3]

Checkpoints of 10,000, 70,000 and 700,000 codes are made from a shipped pair, and chosen in a page that is open already:
timed is the way from there to two maps that are drawn, by PCA.  A lasso round the middle is timed to its answer in the
page, a zoom to points that are drawn.  Then a page of the shipped codes is opened with points and with images on them.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tools.browser import ROOT, launch, serve, settle
from tools.crowd import crowd
from tools.screenshots import draw_round

COUNTS = (10_000, 70_000, 700_000)
SHIPPED = ROOT / "checkpoints" / "fashion-mnist"
# Two maps are drawn, of so many codes, and nothing more is asked for.
_DRAWN = """(count) => [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.root')?.atlas)
    .filter(Boolean).some((a) => a.panes.length === 2 && a.root.dataset.drawn && a.panes.every((p) => !p.asked
        && (a.data.many || p.places?.length / 2) === count))"""
# All images of all maps have come.
_PAINTED = """() => [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.root')?.atlas)
    .filter(Boolean).some((a) => a.root.dataset.drawn && a.panes.length === 2 && a.panes.every((p) =>
        p.sprites.chosen.length && !p.sprites.missing))"""
# The first map shows points, or what is lit.
_POINTS = """() => [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.root')?.atlas)
    .filter(Boolean).some((a) => !a.panes[0].asked && a.panes[0].places.length)"""
_LIT = """() => [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.root')?.atlas)
    .filter(Boolean).some((a) => a.data.lit && a.panes.every((p) => !p.asked))"""


def memory_of(port: str) -> float:
    """Resident memory of the server of that port in GB."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes().split(b"\0")
            if port.encode() in command and b"streamlit" in command:
                return int(status.read_text().split("VmRSS:")[1].split()[0]) / 1e6
        except OSError:
            continue  # it ended meanwhile
    raise LookupError(f"no server on port {port}")


def from_choice_to_maps(page: Page, count: int) -> float:
    """Seconds from the choice of a data set in the sidebar to two maps of that many codes."""
    page.get_by_role("combobox", name="Data set").click()
    option = page.get_by_role("option", name=f"Folder {count}", exact=True)
    option.wait_for()
    began = time.perf_counter()
    option.click()
    page.wait_for_function(_DRAWN, arg=count, timeout=120_000)
    return time.perf_counter() - began


def crowds(rounds: int) -> None:
    print(
        "| codes | from the choice to two maps (s) | lasso round the middle (s) | from a zoom to points (s) | "
        "memory of the server (GB) |\n| --- | --- | --- | --- | --- |"
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root, browser = Path(folder), launch(playwright)
        for count in COUNTS:
            for name in ("conv-ae", "conv-vae"):
                crowd(SHIPPED / name, root / f"many-{count}" / name, count, dataset=f"folder:/many/{count}")
        crowd(SHIPPED / "pca", root / "start" / "pca", 100, dataset="folder:/start")
        for count in COUNTS:
            taken: list[list[float]] = []
            for _ in range(rounds):
                with serve(quiet="1", LATENTBOARD_CHECKPOINTS=folder, LATENTBOARD_CACHE=f"{folder}/cache") as url:
                    page = browser.new_page(viewport={"width": 1440, "height": 900})
                    page.goto(f"{url}/?data=folder:/start&projection=PCA")
                    settle(page)
                    drawn = from_choice_to_maps(page, count)
                    page.wait_for_timeout(15_000)  # what is measured of a map in the background is not the pointer's
                    began = time.perf_counter()
                    draw_round(page, 0, 0.3, (0.5, 0.5))
                    page.wait_for_function(_LIT, timeout=120_000)
                    lit = time.perf_counter() - began
                    box = page.locator(".pane .front").first.bounding_box()
                    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
                    began = time.perf_counter()
                    for _ in range(9):
                        page.mouse.wheel(0, -240)
                    page.wait_for_function(_POINTS, timeout=120_000)
                    taken.append([drawn, lit, time.perf_counter() - began, memory_of(url.rsplit(":", 1)[1])])
                    page.close()
            print(f"| {count:,} | {' | '.join(f'{statistics.median(t):.2f}' for t in zip(*taken, strict=True))} |")
        browser.close()


def images(rounds: int) -> None:
    """Seconds from a page's address to its two maps of 10,000 codes, as points and as images, in turn."""
    taken: dict[str, list[float]] = {"off": [], "on": []}
    with serve(quiet="1") as url, sync_playwright() as playwright:
        browser = launch(playwright)
        for n in range(rounds + 1):
            for sprites in taken:
                page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
                began = time.perf_counter()
                page.goto(f"{url}/?sprites={sprites}")
                page.wait_for_function(_PAINTED if sprites == "on" else _DRAWN, arg=10_000, timeout=120_000)
                if n:  # the first visitor pays for what all later ones share
                    taken[sprites].append(time.perf_counter() - began)
                page.context.close()
        browser.close()
    points, pictures = (statistics.median(t) for t in taken.values())
    print(f"\ntwo maps of 10,000 as points {points:.2f} s, as images {pictures:.2f} s: {pictures - points:+.2f} s")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(argv)
    images(args.rounds)
    crowds(args.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
