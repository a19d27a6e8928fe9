"""How fast the map answers the pointer, and how well an approximate place on a UMAP is decoded.

    python -m benchmarks.live [--seconds 4]

The route is timed over loopback against a running app, beside an empty route of the same app.  In headless Chromium a
pointer goes round a map, one move a frame: counted are the pictures drawn, with the decode route and with the empty one
in its place.  The approximate inverse is judged on rows that are taken out of the map first: the image decoded from the
code that their place is given against the one decoded from their own code, beside simpler guesses.
"""

import argparse
import http.client
import statistics
import sys
import time
import urllib.parse

import numpy as np
from playwright.sync_api import sync_playwright

from aemodels import checkpoint, datasets
from dashboard import routes
from latent import maps, project
from latent.blend import Nearest, blend
from latent.decode import decode
from latent.space import LatentSpace
from latent.store import Store
from tools.browser import ROOT, launch, serve, settle

FOLDER = ROOT / "checkpoints" / "fashion-mnist"
UMAP = project.Settings()


def route_times(url: str, path: str, body_of, count: int = 300) -> list[float]:
    """Milliseconds of `count` requests on one kept connection."""
    at = urllib.parse.urlsplit(url)
    connection, taken = http.client.HTTPConnection(at.hostname, at.port), []
    for n in range(count + 30):
        body = body_of(n)
        began = time.perf_counter()
        connection.request("POST", path, body)
        answer = connection.getresponse()
        answer.read()
        taken.append(1000 * (time.perf_counter() - began))
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
    connection.close()
    return taken[30:]


# Moves the pointer once a frame for some seconds; the number of frames, and of pictures that were drawn meanwhile.
_ROUND = """(root, [seconds, empty]) => new Promise((done) => {
    const pane = root.atlas.panes[0], box = pane.front.getBoundingClientRect(), theirs = window.fetch;
    let canned = null;
    window.fetch = async (url, options) => {
        if (!empty || !String(url).includes('latentboard/decode')) return theirs(url, options);
        canned ??= await (await theirs(url, options)).arrayBuffer();
        await (await theirs(String(url).replace(/decode.*/, 'nothing'), options)).arrayBuffer();
        return new Response(canned.slice());
    };
    const looks = () => Number(root.dataset.looks ?? 0);
    let frames = 0, from = looks(), start = null;
    const step = (now) => {
        start ??= now;
        if (now - start > 1000 * seconds) { window.fetch = theirs; done([frames, looks() - from]); return; }
        frames += 1;
        const angle = frames / 40;
        pane.front.dispatchEvent(new PointerEvent('pointermove', {
            clientX: box.left + box.width * (0.5 + 0.35 * Math.cos(angle)),
            clientY: box.top + box.height * (0.5 + 0.35 * Math.sin(angle)),
        }));
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""


def pictures_a_second(url: str, seconds: float) -> tuple[list[float], list[float]]:
    """Pictures a second that follow the pointer, with the decode route and with the empty one, in turn."""
    live, empty = [], []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/?view=A")
        settle(page)
        page.wait_for_timeout(8000)  # what the page measures in the background the first time is not the pointer's
        root = page.locator(".root[data-drawn]")
        root.evaluate(_ROUND, [1, False])
        for _ in range(4):
            live.append(root.evaluate(_ROUND, [seconds, False])[1] / seconds)
            empty.append(root.evaluate(_ROUND, [seconds, True])[1] / seconds)
        browser.close()
    return live, empty


def inverse_errors(name: str, rows: int = 1000) -> dict[str, float]:
    """Mean squared error of decoded guesses for rows that the map does not know, by kind of guess."""
    folder = FOLDER / name
    space = LatentSpace.from_checkpoint(checkpoint.load(folder))
    points = maps.cached_fit(space, UMAP, Store(), folder).points
    out = np.random.default_rng(0).choice(len(space), rows, replace=False)
    kept = np.setdiff1d(np.arange(len(space)), out)
    near = Nearest(points[kept])
    guesses = {
        "weights over the 15 nearest (used)": blend(near, points[out], space.codes[kept]),
        "code of the nearest point": space.codes[kept][near(points[out])[0][:, 0]],
        "mean code": np.repeat(space.codes.mean(0, keepdims=True), rows, 0),
    }
    true = decode(space.model, space.codes[out]) / 255.0
    return {kind: float(((decode(space.model, codes) / 255.0 - true) ** 2).mean()) for kind, codes in guesses.items()}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4, help="of each round in the browser (4)")
    args = parser.parse_args(argv)
    ae, vae = (checkpoint.load(FOLDER / name) for name in ("conv-ae", "conv-vae"))
    rng = np.random.default_rng(0)
    points = maps.shipped(ae.path, UMAP, LatentSpace.from_checkpoint(ae).codes).points
    low, high = points.min(0), points.max(0)

    def places(count: int):
        return lambda n: rng.uniform(low, high, (count, 2)).astype("<f4").tobytes()

    query = routes.query(ae, UMAP)
    asked = {
        "empty route": (routes.NOTHING, places(1)),
        "1 place": (f"{routes.DECODE}?{query}", places(1)),
        "1 place, in both models": (f"{routes.DECODE}?{query}&other={vae.identity}&turned=1", places(1)),
        "1 row: original and reconstruction": (f"{routes.DECODE}?{query}&row=4711&original=1", places(1)),
        "64 places": (f"{routes.DECODE}?{query}", places(64)),
    }
    if not datasets.is_present("fashion-mnist"):
        del asked["1 row: original and reconstruction"]
    with serve(quiet="1") as url:
        print("| route, 28×28 on a UMAP of 10,000 codes | median (ms) | 95th percentile (ms) |\n| --- | --- | --- |")
        for name, (path, body) in asked.items():
            taken = route_times(url, path, body)
            print(f"| {name} | {statistics.median(taken):.2f} | {statistics.quantiles(taken, n=20)[-1]:.2f} |")
        live, empty = pictures_a_second(url, args.seconds)
    ratio = statistics.median(a / b for a, b in zip(live, empty, strict=True))
    print(
        f"\npictures a second that follow the pointer: {statistics.median(live):.1f}, with an empty route "
        f"{statistics.median(empty):.1f}: {100 * ratio:.0f} %"
    )
    print("\n| decoded place of a row the map does not know, MSE | conv-ae | conv-vae |\n| --- | --- | --- |")
    errors = [inverse_errors(name) for name in ("conv-ae", "conv-vae")]
    for kind in errors[0]:
        print(f"| {kind} | {errors[0][kind]:.4f} | {errors[1][kind]:.4f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
