"""What only a real browser can show: drawing, lassoing, clicking and playing, on the shipped checkpoints."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import sync_playwright

from aemodels import checkpoint
from latent.decode import decode
from latent.space import LatentSpace
from tools.browser import ROOT, launch, serve, settle
from tools.crowd import crowd
from tools.screenshots import hover_point, lasso, point_place
from train.__main__ import main as train

pytestmark = pytest.mark.browser

PAGES = ("", "interpolate", "traverse", "sample", "compare", "checkpoints")

# Streamlit looks for its own endpoints below a deep-linked path first; the answer "not there" is part of that.
_STREAMLIT_PROBES = ("/_stcore/health", "/_stcore/host-config")


@pytest.fixture(scope="module")
def url(chromium_path, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    with serve(cwd=cache, LATENTBOARD_CACHE=str(cache)) as address:
        yield address


@pytest.fixture(scope="module")
def browser(chromium_path):
    with sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


@pytest.fixture
def open_page(url, browser):
    """Opens a path of the app; at the end the console must be free of errors."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    errors, SOCKETS[page] = [], []
    page.on("websocket", lambda socket: SOCKETS[page].append(socket))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(f"{m.text} {m.location}") if m.type == "error" else None)

    def go(path="", at=url):
        page.goto(f"{at}/{path}")
        settle(page)
        return page

    yield go
    page.close()
    assert not [e for e in errors if not any(p in e for p in _STREAMLIT_PROBES)]


SOCKETS = {}


def watch_socket(page) -> list:
    """What the page sends to the server from now on: a rerun of the script is asked for over its web socket."""
    said = []
    for socket in SOCKETS[page]:
        socket.on("framesent", lambda frame: said.append(frame))
    return said


def tiles(page, scope="main") -> int:
    return page.locator(f"{scope} .tile").count()


# What sticks out of its frame, in pixels, over all maps of the page.
OVERHANG = """() => Math.max(0, ...[...document.querySelectorAll('[class*="_frame_"] .js-plotly-plot')].map((chart) => {
    const inner = chart.getBoundingClientRect(), outer = chart.closest('[class*="_frame_"]').getBoundingClientRect();
    return Math.max(inner.bottom - outer.bottom, inner.right - outer.right);
}))"""


def atlas(page, script: str):
    """What a script makes of the page's atlas."""
    return page.locator(".root[data-drawn]").evaluate(f"(root) => {{ const atlas = root.atlas; return {script}; }}")


def wait_for_atlas(page, condition: str) -> None:
    page.wait_for_function(
        f"""() => [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.root')?.atlas)
            .filter(Boolean).some((atlas) => {condition})"""
    )


@pytest.mark.parametrize("data", ["", "?data=sprites"])
@pytest.mark.parametrize("path", PAGES)
def test_each_page_opens_in_both_themes_and_sizes_without_an_error_or_an_overflow(open_page, path, data):
    page = open_page(path + data)
    assert page.locator("h1").inner_text()
    for theme, width, height in (("light", 1280, 800), ("dark", 1920, 1080)):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": height})
        settle(page)
        assert page.locator('[data-testid="stException"]').count() == 0
        main = page.locator('[data-testid="stMain"]')
        assert main.evaluate("(el) => el.scrollWidth - el.clientWidth") <= 1
        assert page.evaluate(OVERHANG) <= 1


def test_every_map_is_wholly_in_view_on_a_small_screen(open_page):
    for path in ("", "interpolate"):
        page = open_page(path)
        page.set_viewport_size({"width": 1280, "height": 800})
        settle(page)
        bottoms = page.locator(".stack").evaluate_all("(all) => all.map((c) => c.getBoundingClientRect().bottom)")
        assert len(bottoms) == 2 and max(bottoms) < 800


@pytest.fixture(scope="module")
def photo_url(chromium_path, tmp_path_factory):
    """The app on a folder of colour images, with models trained on them for a moment."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for kind, tint in (("red", (255, 60, 60)), ("green", (60, 255, 60))):
        (root / "images" / kind).mkdir(parents=True)
        for n in range(60):
            pixels = rng.integers(0, 256, (20, 30, 1)) * np.array(tint) // 255
            Image.fromarray(pixels.astype(np.uint8)).save(root / "images" / kind / f"{n}.png")
    for model in ("pca", "conv-vae"):
        out = root / "checkpoints" / "photos" / model
        options = ["--latent-dim", "3", "--image-size", "16x24", "--out", str(out)]
        options += ["--epochs", "1", "--width", "4"] if model == "conv-vae" else []
        assert train([model, "--dataset", f"folder:{root / 'images'}", *options]) == 0
    with serve(
        cwd=root, LATENTBOARD_CACHE=str(root / "cache"), LATENTBOARD_CHECKPOINTS=str(root / "checkpoints")
    ) as address:
        yield address


@pytest.mark.parametrize("path", PAGES)
def test_a_folder_of_colour_images_opens_on_each_page(open_page, photo_url, path):
    page = open_page(f"{path}?projection=pca", at=photo_url)
    assert page.locator('[data-testid="stException"]').count() == 0
    assert page.locator('[data-testid="stAlert"]').count() == 0
    if path not in ("", "checkpoints"):  # a map shows images where it is pointed at
        assert page.evaluate(COLOURED)


# Whether any tile or frame of the page holds colour.
COLOURED = """async () => {
    const roots = [...document.querySelectorAll('*')].map((e) => e.shadowRoot).filter(Boolean);
    const tiles = roots.flatMap((r) => [...r.querySelectorAll('.tile')])
        .map((t) => t.style.backgroundImage.slice(5, -2));
    const drawn = roots.flatMap((r) => [...r.querySelectorAll('canvas')]);
    for (const source of [...tiles, ...drawn]) {
        const inline = typeof source === 'string';
        const picture = inline ? await createImageBitmap(await (await fetch(source)).blob()) : source;
        const canvas = new OffscreenCanvas(picture.width, picture.height), context = canvas.getContext('2d');
        context.drawImage(picture, 0, 0);
        const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 0; i < data.length; i += 4) if (Math.abs(data[i] - data[i + 1]) > 8) return true;
    }
    return false;
}"""


LIT = "atlas.lit && atlas.lit.reduce((a, b) => a + b, 0)"


def test_a_click_in_the_legend_lights_up_a_class_on_every_map(open_page):
    page = open_page("?projection=pca")
    assert atlas(page, LIT) is None
    page.get_by_role("button", name="Shirt", exact=True).click()
    wait_for_atlas(page, f"({LIT}) === 1000")
    page.get_by_role("button", name="Coat", exact=True).click()
    wait_for_atlas(page, f"({LIT}) === 2000")
    assert "classes=Shirt&classes=Coat" in page.url
    page.get_by_role("button", name="Shirt", exact=True).click()
    page.get_by_role("button", name="Coat", exact=True).click()
    wait_for_atlas(page, "atlas.lit === null")


def choose(page, field: str, option: str) -> None:
    page.get_by_role("combobox", name=field).click()
    page.get_by_role("option", name=option, exact=True).click()
    page.wait_for_timeout(500)
    settle(page)


def shown_models(page) -> list[str]:
    """What the sidebar's fields read."""
    return [page.get_by_role("combobox", name=f"Model {letter}").input_value() for letter in "AB"]


def test_the_sidebar_reads_what_the_page_shows_after_another_data_set_or_model_was_chosen(open_page):
    page = open_page("?projection=PCA")
    choose(page, "Data set", "Digits")
    assert "Digits: ae (8 dimensions) beside vae" in page.locator("h1").inner_text()
    assert shown_models(page) == ["ae", "vae"]
    choose(page, "Model A", "vae")
    assert shown_models(page) == ["vae", "ae"], "A became what B was: they change places"
    assert "vae (8 dimensions) beside ae" in page.locator("h1").inner_text()


@pytest.mark.parametrize(
    "link", ["?projection=pca", "?data=digits&dims=3d", "?behind=tiles", "interpolate?path=spherical"]
)
def test_a_link_by_names_opens_the_same_again_when_it_is_copied_from_the_address(open_page, link):
    page = open_page(link)
    said = page.locator("h1").inner_text() + page.locator("[data-testid=stMarkdown]").nth(0).inner_text()
    again = open_page(page.url.split("/", 3)[3])
    assert again.locator("h1").inner_text() + again.locator("[data-testid=stMarkdown]").nth(0).inner_text() == said
    name, value = link.split("?")[1].split("&")[-1].split("=")
    assert f"{name}=" in again.url and value in again.url.lower().replace("+", " ")


def test_settings_outlive_a_change_of_page_also_over_a_page_without_them(open_page):
    page = open_page("?projection=axes&axis2=5&colour=reconstruction+error&view=a&row=25&classes=Shirt")
    before = page.locator("h1").inner_text()

    def go(name):
        page.get_by_role("link", name=name).click()
        page.wait_for_url(f"**/{name.lower()}*" if name != "Map" else "**/?*")
        settle(page)

    for name in ("Interpolate", "Checkpoints", "Map"):
        go(name)
    assert page.locator("h1").inner_text() == before
    for part in ("projection=Axes", "axis2=5", "colour=Reconstruction+error", "view=A", "row=25", "classes=Shirt"):
        assert part in page.url, page.url
    assert page.get_by_text("Clicked: ").is_visible()


def test_a_copied_link_opens_with_the_same_selection(open_page):
    page = open_page("?projection=pca")
    lasso(page, chart=0)
    said, link = page.get_by_text("Selection:").inner_text(), page.url
    assert "rows=10000." in link
    again = open_page(link.split("/", 3)[3])
    assert again.get_by_text("Selection:").inner_text() == said


def test_a_lasso_on_one_map_fills_the_gallery_and_lights_up_the_other(open_page):
    page = open_page("?projection=PCA")
    assert page.get_by_text("Selection:").count() == 0
    lasso(page, chart=0)
    page.locator(".tile").nth(19).wait_for()
    lit = atlas(page, LIT)
    shown = page.get_by_text("Selection:").inner_text().split()[1].replace(",", "")
    assert lit == int(shown)
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("Selection:").wait_for(state="hidden")


def test_a_selection_outlives_a_change_of_colour(open_page):
    page = open_page("?projection=PCA")
    lasso(page, chart=1)
    before = page.get_by_text("Selection:").inner_text()
    page.get_by_role("combobox", name="Colour by").click()
    page.get_by_role("option", name="Reconstruction error").click()
    settle(page)
    assert page.get_by_text("Selection:").inner_text() == before


def lens(page) -> list[int]:
    """Sums of the pixels of the pictures beside the pointer, by their captions; empty where it is hidden."""
    return page.locator(".lens").evaluate(
        """(lens) => lens.style.visibility === 'hidden' ? {} : Object.fromEntries([...lens.querySelectorAll('figure')]
            .filter((f) => f.style.display !== 'none').map((f) => {
                const c = f.querySelector('canvas'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                return [f.querySelector('figcaption').textContent, d.reduce((a, b) => a + b, 0)];
            }))"""
    )


def wait_for_look(page, before: int) -> None:
    page.wait_for_function(
        f"""() => [...document.querySelectorAll('*')].some((e) =>
            Number(e.shadowRoot?.querySelector('.root')?.dataset.looks ?? 0) > {before})"""
    )


def test_the_pointer_shows_the_row_in_every_model_and_on_the_other_map_without_a_rerun(open_page):
    page = open_page("?projection=PCA")
    said = watch_socket(page)
    hover_point(page, chart=0)
    wait_for_look(page, 0)
    shown = lens(page)
    assert {"A · conv-ae", "B · conv-vae"} <= set(shown)
    for name in ("conv-ae", "conv-vae"):
        space = LatentSpace.from_checkpoint(checkpoint.load(ROOT / "checkpoints" / "fashion-mnist" / name))
        made = decode(space.model, space.codes[25:26])[0]
        total = 3 * int(made.sum(dtype=np.int64)) + 255 * 784
        assert shown[f"{'A' if name == 'conv-ae' else 'B'} · {name}"] == pytest.approx(total, abs=30)
    assert atlas(page, "atlas.panes.map((p) => p.mark?.row)") == [25, 25]
    assert not said


def test_over_empty_space_both_models_draw_what_lies_there_and_it_changes_with_the_place(open_page):
    page = open_page("")
    said = watch_socket(page)
    box, pictures = page.locator(".pane .front").first.bounding_box(), []
    for fraction in (0.42, 0.5):
        page.mouse.move(box["x"] + fraction * box["width"], box["y"] + 0.55 * box["height"])
        page.wait_for_timeout(700)
        assert atlas(page, "atlas.panes[0].mark") is None
        pictures.append(lens(page))
        assert page.get_by_text("decoded here, approximately").is_visible()
        assert len(atlas(page, "atlas.panes[1].mark.place")) == 2, "the place on the other map"
    assert set(pictures[0]) == {"A · conv-ae", "B · conv-vae"}
    assert all(pictures[0][name] != pictures[1][name] for name in pictures[0])
    assert not said


def test_every_map_says_how_far_it_can_be_trusted(open_page):
    page = open_page("")
    for pane in (0, 1):
        page.locator(".trust").nth(pane).get_by_text("nearest codes the map keeps").wait_for()


def test_two_hundred_moves_leave_no_error(open_page):
    page = open_page("")
    box = page.locator(".pane .front").nth(1).bounding_box()
    for n in range(200):
        angle = n / 200 * 12
        page.mouse.move(
            box["x"] + box["width"] * (0.5 + 0.4 * np.cos(angle)),
            box["y"] + box["height"] * (0.5 + 0.4 * np.sin(angle)),
        )
    page.wait_for_timeout(500)
    assert atlas(page, "Number(root.dataset.looks)") > 5
    assert page.locator(".message").inner_text() == ""


def test_pins_are_shown_on_both_maps_reckoned_with_and_walked_through(open_page):
    page = open_page("?projection=pca")
    for n, (across, up) in enumerate(((0.06, 0.06), (0.94, 0.06), (0.06, 0.94)), 1):
        box = page.locator(".pane .front").first.bounding_box()
        page.mouse.click(box["x"] + across * box["width"], box["y"] + up * box["height"])
        wait_for_atlas(page, f"atlas.panes.every((p) => p.map.pins.filter(([name]) => name !== '=').length === {n})")
        settle(page)
    # P1 - P2 + P3 lies where the plane says, in the model whose map it is.
    places = atlas(page, "Object.fromEntries(atlas.panes[0].map.pins)")
    page.get_by_role("combobox", name="plus").click()
    page.get_by_role("option", name="P3").click()
    expected = [a - b + c for a, b, c in zip(places["P1"], places["P2"], places["P3"], strict=True)]
    wait_for_atlas(
        page,
        f"Math.hypot(atlas.panes[0].map.pins.at(-1)[1][0] - {expected[0]}, "
        f"atlas.panes[0].map.pins.at(-1)[1][1] - {expected[1]}) < 1e-3",
    )
    page.get_by_role("link", name="Walk through them").click()
    page.get_by_text("From P1 through P2 to P3").wait_for()
    settle(page)
    assert page.locator("button.frame canvas").count() == 32
    # The address holds the pins and the walk.
    copied = page.url.split("/", 3)[3]
    page.goto("about:blank")
    page = open_page(copied)
    page.get_by_text("From P1 through P2 to P3").wait_for()
    again = atlas(page, "Object.fromEntries(atlas.panes[0].map.pins)")
    assert all(again[name] == pytest.approx(place, abs=1e-4) for name, place in places.items() if name != "=")


def test_a_small_selection_is_tied_from_map_to_map(open_page):
    page = open_page("?projection=pca")
    lasso(page, chart=0, spread=0.02, centre=(0.75, 0.3))
    assert 0 < atlas(page, LIT) <= 60
    drawn = page.locator(".lines").evaluate(
        """(c) => c.style.display !== 'none'
            && c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v)"""
    )
    assert drawn


@pytest.mark.parametrize("layer", ["tiles", "round-trip", "sensitivity"])
def test_a_layer_behind_the_points_is_drawn(open_page, layer):
    page = open_page(f"?behind={layer}&projection=pca")
    page.locator(f'.pane[data-behind="{layer}"]').nth(1).wait_for()
    colours = page.locator(".back").first.evaluate(
        """(c) => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"""
    )
    assert colours > 50


def test_zooming_in_turns_points_into_their_images(open_page):
    page = open_page("?sprites=auto&view=B")
    assert not atlas(page, "atlas.panes[0].sprites.chosen.length")
    x, y = point_place(page, 0, 25)
    page.mouse.move(x, y)
    for _ in range(12):
        page.mouse.wheel(0, -240)
    wait_for_atlas(page, "atlas.panes[0].sprites.chosen.length > 0 && !atlas.panes[0].sprites.missing")


def test_a_lasso_and_a_hover_do_not_send_the_points_again(open_page):
    page = open_page("?projection=PCA")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    lasso(page, chart=0)
    hover_point(page, chart=1)
    page.get_by_role("combobox", name="Colour by").click()
    page.get_by_role("option", name="Reconstruction error").click()
    settle(page)
    assert not [url for url in asked if "latentboard/map" in url]
    assert len([url for url in asked if "latentboard/values" in url]) == 2  # the new colour, once a map


@pytest.fixture(scope="module")
def crowd_url(chromium_path, tmp_path_factory):
    """The app on an AE and a VAE of digits with 120,000 codes each: the shipped ones' with noise."""
    root = tmp_path_factory.mktemp("crowd")
    for name in ("ae", "vae"):
        crowd(ROOT / "checkpoints" / "digits" / name, root / "digits" / name, 120_000)
    with serve(cwd=root, LATENTBOARD_CACHE=str(root / "cache"), LATENTBOARD_CHECKPOINTS=str(root)) as address:
        yield address


def said(page, pane=0) -> str:
    return page.locator(".pane .said").nth(pane).inner_text()


def test_a_crowd_is_drawn_as_density_and_as_points_where_they_are_few(open_page, crowd_url):
    page = open_page("", at=crowd_url)
    assert said(page) == "120,000 codes as density"
    assert atlas(page, "atlas.panes.every((p) => p.part.picture && !p.places.length)")
    box = page.locator(".pane .front").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(8):
        page.mouse.wheel(0, -240)
    wait_for_atlas(page, "atlas.panes[0].part.points && !atlas.panes[0].asked")
    shown = int(said(page).removeprefix("120,000 codes as density, ").split()[0].replace(",", ""))
    assert 0 < shown <= atlas(page, "atlas.panes[0].places.length / 2") <= 20_000
    page.get_by_role("button", name="Whole map").click()
    wait_for_atlas(page, "atlas.panes[0].part.picture && !atlas.panes[0].asked")
    assert said(page) == "120,000 codes as density"


def test_a_lasso_round_a_crowd_selects_every_row_in_it(open_page, crowd_url):
    page = open_page("", at=crowd_url)
    lasso(page, chart=0, spread=0.3, centre=(0.5, 0.5))
    text = page.get_by_text("Selection:").inner_text()
    assert int(text.split()[1].replace(",", "")) > 30_000
    wait_for_atlas(page, "atlas.panes.every((p) => p.part.name.includes(atlas.data.lit) && atlas.data.lit)")


def test_over_a_crowd_the_nearest_row_is_shown_in_both_models_and_ringed_on_both_maps(open_page, crowd_url):
    page = open_page("", at=crowd_url)
    box = page.locator(".pane .front").nth(1).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait_for_look(page, 0)
    assert set(lens(page)) == {"A · ae", "B · vae"}
    row = atlas(page, "atlas.panes.map((p) => p.mark.row)")
    assert row[0] == row[1] and 0 <= row[0] < 120_000
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_text(f"#{row[0]}", exact=False).first.wait_for()


def test_a_click_on_a_point_shows_its_reconstructions_and_neighbours(open_page):
    page = open_page("?projection=PCA")
    lasso(page, chart=0)
    hover_point(page, chart=1, row=30)
    page.mouse.down()
    page.mouse.up()
    page.get_by_text("Clicked:").wait_for()
    settle(page)
    assert page.get_by_text("Nearest in conv-ae").is_visible()
    assert page.get_by_text("Nearest in conv-vae").is_visible()
    assert tiles(page) >= 22
    assert page.get_by_text("Selection:").is_visible(), "a click must not lose the selection"


def test_a_click_in_three_dimensions_picks_the_point_too(open_page):
    page = open_page("?projection=PCA&dims=3D&view=A")
    page.wait_for_timeout(1500)
    box = page.locator(".js-plotly-plot").bounding_box()
    found = False
    for dx in range(-60, 61, 12):
        x, y = box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.wait_for_timeout(150)
        if page.locator(".head").inner_text() != "Point at the map":
            page.mouse.down()
            page.mouse.up()
            found = True
            break
    assert found, "no point lies under the middle of the 3-D map"
    page.get_by_text("Clicked:").wait_for()


SPOTS = "atlas.panes.map((p) => p.box.dataset.spot)"
PATH_ENDS = "atlas.panes.map((p) => p.toScreen(p.map.paths[0].at(-1)).map((v) => v.toFixed(1)).join())"


def test_the_interpolation_plays_and_scrubs_in_the_browser(open_page):
    page = open_page("interpolate?projection=PCA")
    said = watch_socket(page)
    player = page.locator(".root[data-frame]")
    assert player.get_attribute("data-frame") == "0"
    wait_for_atlas(page, "atlas.panes.every((p) => p.box.dataset.spot)")
    starts = atlas(page, SPOTS)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_role("button", name="▶ Play").click()
    page.wait_for_function(
        """() => [...document.querySelectorAll('*')].some((e) => {
            const root = e.shadowRoot?.querySelector('.root[data-frame]');
            return root && Number(root.dataset.frame) > 4;
        })"""
    )
    page.get_by_role("button", name="❚❚ Pause").click()
    page.get_by_role("slider", name="Place on the path").evaluate(
        "(el) => { el.value = el.max; el.dispatchEvent(new Event('input')); }"
    )
    assert player.get_attribute("data-frame") == "15"
    assert page.get_by_text("frame 16 of 16").is_visible()
    # The spot on each map has walked from the one end to the other.
    assert atlas(page, SPOTS) != starts
    assert atlas(page, SPOTS) == atlas(page, PATH_ENDS)
    assert not [u for u in requests if "_stcore" not in u and not u.startswith("data:")]
    assert not said


def test_the_frames_of_a_walk_differ_and_its_ends_are_the_two_rows(open_page):
    page = open_page("interpolate?projection=PCA")
    sums = (
        page.locator(".row")
        .first.locator("canvas")
        .evaluate_all(
            """(all) => all.map((c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data
            .reduce((a, b) => a + b, 0))"""
        )
    )
    big, *frames = sums
    assert len(set(frames)) > 10
    found = checkpoint.load(ROOT / "checkpoints" / "fashion-mnist" / "conv-ae")
    space = LatentSpace.from_checkpoint(found)
    ends = decode(space.model, space.codes[space.positions([4, 9995])])
    opaque = 255 * 28 * 28
    assert [frames[0], frames[-1]] == pytest.approx([3 * int(i.sum(dtype=np.int64)) + opaque for i in ends], abs=30)
    assert big == frames[0]


def test_a_geodesic_stands_beside_the_straight_line_in_both_models_with_its_figures(open_page):
    page = open_page("interpolate?beside=geodesic&projection=PCA&frames=8")
    page.wait_for_function(
        """() => [...document.querySelectorAll('*')].some((e) =>
            e.shadowRoot?.querySelectorAll('.curve .now').length === 4)"""
    )
    settle(page)
    assert page.get_by_text("Frames in a hole").is_visible()
    wait_for_atlas(page, "atlas.panes.every((p) => p.map.paths.length === 2)")


def test_samples_appear_and_draw_others_changes_them(open_page):
    page = open_page("sample?count=16")
    sheet = "(all) => getComputedStyle(all[0]).backgroundImage"
    assert tiles(page) == 32
    before = page.locator(".tile").evaluate_all(sheet)
    page.get_by_role("button", name="Draw others").click()
    settle(page)
    assert page.locator(".tile").evaluate_all(sheet) != before


def knobs(page, script: str):
    """What a script makes of the first model's sliders."""
    return page.locator(".root[data-drawn]").first.evaluate(
        f"(root) => {{ const knobs = root.knobs; return {script}; }}"
    )


PIXELS = "knobs.big.getContext('2d').getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 === 0)"


def test_a_slider_decodes_live_what_the_code_moved_along_its_direction_is(open_page):
    page = open_page("traverse?a=conv-vae&view=A")
    page.locator(".root[data-drawn]").first.wait_for()
    said, space = (
        watch_socket(page),
        LatentSpace.from_checkpoint(checkpoint.load(ROOT / "checkpoints/fashion-mnist/conv-vae")),
    )
    page.get_by_label("conv-vae, dimension 7,").fill("1.5")
    page.wait_for_function(
        "() => [...document.querySelectorAll('*')].some((e) => e.shadowRoot?.querySelector('.root')?.dataset.looks)"
    )
    code = np.zeros((1, 16), np.float32)
    code[0, 6] = 1.5 * space.codes[:, 6].std()
    shown = np.array(list(knobs(page, f"[...{PIXELS}]")))
    np.testing.assert_allclose(shown, decode(space.model, code)[0, 0].ravel(), atol=2)
    page.get_by_role("button", name="Reset").click()
    page.wait_for_timeout(700)
    np.testing.assert_allclose(knobs(page, f"[...{PIXELS}]"), decode(space.model, 0 * code)[0, 0].ravel(), atol=2)
    assert not said


def test_a_direction_is_kept_by_name_and_goes_with_the_address(open_page):
    page = open_page("traverse?along=classes&more=Bag&less=Shirt")
    page.get_by_role("textbox", name="under the name").fill("bagness")
    page.get_by_role("textbox", name="under the name").press("Enter")
    settle(page)
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("radio", name="Kept").wait_for()
    copied = page.url.split("/", 3)[3].replace("along=Class+differences", "along=kept")
    page.goto("about:blank")
    page = open_page(copied)
    assert page.get_by_label("bagness, in standard deviations").count() == 2


def test_a_map_is_computed_on_demand_with_progress_and_kept(open_page):
    page = open_page("?data=Digits&view=A&neighbours=7")
    page.get_by_role("button", name="Compute this map").click()
    page.get_by_role("button", name="Cancel").wait_for()
    page.locator(".root[data-drawn]").wait_for(timeout=120_000)
    again = open_page("?data=Digits&view=A&neighbours=7")
    assert again.locator(".pane").count() == 1
