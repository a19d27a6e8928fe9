"""`make screenshots`: one picture a page for the README, from the running app; more with --all.

python -m tools.screenshots [--all] [--out docs/screenshots]
"""

import argparse
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tools.browser import ROOT, launch, serve, settle

PAGES = {
    "map": "",
    "interpolate": "interpolate?beside=geodesic",
    "traverse": "traverse",
    "sample": "sample",
    "compare": "compare",
    "checkpoints": "checkpoints",
}


def lasso(page: Page, chart: int = 0, spread: float = 0.16, centre: tuple[float, float] = (0.2, 0.5)) -> None:
    """Draw a lasso round a part of a flat map, and wait until the page shows what is in it."""
    draw_round(page, chart, spread, centre)
    page.get_by_text("Selection:").wait_for()
    settle(page)


def draw_round(page: Page, chart: int, spread: float, centre: tuple[float, float]) -> None:
    """A closed stroke round a part of a flat map."""
    area = page.locator(".pane .front").nth(chart).bounding_box()
    x, y = area["x"] + centre[0] * area["width"], area["y"] + centre[1] * area["height"]
    dx, dy = spread * area["width"], spread * area["height"]
    page.mouse.move(x - dx, y - dy)
    page.mouse.down()
    for step in ((dx, -dy), (dx, dy), (-dx, dy), (-dx, -dy)):
        page.mouse.move(x + step[0], y + step[1], steps=8)
    page.mouse.up()


def point_place(page: Page, chart: int = 0, row: int = 25) -> tuple[float, float]:
    """Where on the screen one of the points of a flat map is drawn."""
    return page.locator(".root[data-drawn]").evaluate(
        """(root, [chart, row]) => {
            const pane = root.atlas.panes[chart], box = pane.front.getBoundingClientRect();
            const [x, y] = pane.toScreen(pane.placeOf(row));
            return [box.left + x, box.top + y];
        }""",
        [chart, row],
    )


def hover_point(page: Page, chart: int = 0, row: int = 25) -> None:
    """Move the pointer onto one of the points that are drawn."""
    x, y = point_place(page, chart, row)
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y, steps=4)
    page.wait_for_timeout(500)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="every page, both themes, 1280×800 and 1920×1080")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    looks = [("light", (1440, 900))]
    if args.all:
        looks = [(theme, size) for theme in ("light", "dark") for size in ((1280, 800), (1920, 1080))]
    with serve() as url, sync_playwright() as playwright:
        browser = launch(playwright)
        for theme, (width, height) in looks:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
            for name, path in PAGES.items():
                page.goto(f"{url}/{path}")
                settle(page)
                if name == "map":
                    lasso(page)
                    hover_point(page, chart=1)
                    page.get_by_text("nearest codes the map keeps").nth(1).wait_for()
                if name == "interpolate":
                    page.locator(".curve").nth(3).wait_for()  # of both models, both paths
                    settle(page)
                file = args.out / (f"{name}-{theme}-{width}.png" if args.all else f"{name}.png")
                page.screenshot(path=file)
                print(file)
            page.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
