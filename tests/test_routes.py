"""The app's own routes, asked as a browser asks and as nobody should; on shipped checkpoints, without a server."""

import asyncio
import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette

from aemodels import checkpoint
from dashboard import resources, routes
from latent import project, trust
from latent.decode import decode
from latent.space import LatentSpace

ROOT = Path(__file__).resolve().parents[1]
APP = Starlette(routes=routes.ROUTES)
PCA = project.Settings("pca")


@pytest.fixture(scope="module")
def ae():
    return checkpoint.load(ROOT / "checkpoints" / "fashion-mnist" / "conv-ae")


@pytest.fixture(scope="module")
def vae():
    return checkpoint.load(ROOT / "checkpoints" / "fashion-mnist" / "conv-vae")


@pytest.fixture(autouse=True)
def shipped(monkeypatch):
    monkeypatch.setenv("LATENTBOARD_CHECKPOINTS", str(ROOT / "checkpoints"))


def ask(path: str, query: str = "", body: bytes = b"", method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """Status and body of a request, straight through the ASGI interface."""
    given = {"host": "localhost:8501"} | {k.replace("_", "-"): v for k, v in headers.items()}
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [(k.encode(), v.encode()) for k, v in given.items()], "http_version": "1.1", "scheme": "http",
        "server": ("localhost", 8501), "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip
    parts = [{"type": "http.request", "body": body, "more_body": False}]
    said: list[dict] = []

    async def receive():
        return parts.pop() if parts else {"type": "http.disconnect"}

    async def send(message):
        said.append(message)

    asyncio.run(APP(scope, receive, send))
    return said[0]["status"], b"".join(m.get("body", b"") for m in said[1:])


def unframed(answer: bytes) -> tuple[dict, bytes]:
    (size,) = struct.unpack("<I", answer[:4])
    return json.loads(answer[4 : 4 + size]), answer[4 + size :]


def places(*rows) -> bytes:
    return np.array(rows, "<f4").tobytes()


def alike(pixels: bytes, others: bytes) -> bool:
    """The same images but for a grey level: the app's models lie otherwise in memory."""
    a, b = (np.frombuffer(p, np.uint8).astype(int) for p in (pixels, others))
    return len(a) == len(b) and np.abs(a - b).max() <= 1


def test_points_and_values_are_the_maps_own(ae):
    status, body = ask(routes.MAP, routes.query(ae, PCA))
    assert status == 200
    points = np.frombuffer(body, "<f4").reshape(-1, 2)
    np.testing.assert_array_equal(points, project.fit(ae.latents.mean, PCA).points)
    assert np.frombuffer(ask(routes.VALUES, routes.query(ae) + "&by=rows")[1]).tolist() == ae.latents.row_ids.tolist()
    error = np.frombuffer(ask(routes.VALUES, routes.query(ae, PCA) + "&by=Reconstruction+error")[1], "<f4")
    np.testing.assert_array_equal(error, ae.latents.error)


def test_a_place_is_decoded_as_its_code_is(ae):
    status, body = ask(routes.DECODE, routes.query(ae, PCA), places((0.5, -1), (2, 2)), "POST")
    about, pixels = unframed(body)
    assert status == 200 and about["shape"] == [2, 1, 28, 28] and about["exact"]
    codes = project.fit(ae.latents.mean, PCA).inverse(np.array([[0.5, -1], [2, 2]], np.float32))
    assert alike(pixels, decode(ae.model, codes).tobytes())


def test_codes_are_decoded_as_they_are(ae):
    given = ae.latents.mean[:3]
    about, pixels = unframed(ask(routes.CODES, routes.query(ae), given.astype("<f4").tobytes(), "POST")[1])
    assert about["shape"] == [3, 1, 28, 28]
    assert alike(pixels, decode(ae.model, given).tobytes())


def test_a_row_is_decoded_from_its_own_code_in_both_models(ae, vae):
    row = int(ae.latents.row_ids[7])
    query = f"{routes.query(ae, project.Settings())}&other={vae.identity}&row={row}"
    about, pixels = unframed(ask(routes.DECODE, query, places((0, 0)), "POST")[1])
    assert about["parts"] == ["model", "other"]
    made = [decode(c.model, c.latents.mean[7:8]).tobytes() for c in (ae, vae)]
    assert alike(pixels, b"".join(made))


def test_the_other_model_sees_the_picture_that_this_one_draws(ae, vae):
    query = f"{routes.query(ae, PCA)}&other={vae.identity}&turned=1"
    about, pixels = unframed(ask(routes.DECODE, query, places((0, 0)), "POST")[1])
    assert about["parts"] == ["model", "other"] and len(pixels) == 2 * 784
    (place,) = about["places"]
    turned = np.frombuffer(ask(routes.MAP, routes.query(vae, PCA, onto=ae.identity))[1], "<f4").reshape(-1, 2)
    assert (turned.min(0) < place).all() and (place < turned.max(0)).all()


def test_a_heat_layer_has_the_cells_that_were_asked_for_and_says_what_is_typical(ae):
    query = f"{routes.query(ae, PCA)}&left=-2&right=2&bottom=-1&top=1&across=8&up=4&kind=round-trip"
    about, values = unframed(ask(routes.HEAT, query)[1])
    assert len(np.frombuffer(values, "<f4")) == 32 and about["typical"] > 0


def test_trust_is_said_in_one_sentence(ae):
    status, said = ask(routes.TRUST, routes.query(ae, PCA))
    measured = trust.measure(ae.latents.mean, project.fit(ae.latents.mean, PCA).points)
    assert status == 200 and said.decode() == measured.sentence()


def part(ae, box="left=-4&right=4&bottom=-4&top=4", more="") -> tuple[dict, bytes]:
    query = f"{routes.query(ae, PCA)}&{box}&across=40&up=30&by=Class{more}"
    status, body = ask(routes.MANY, query)
    assert status == 200, body
    return unframed(body)


def test_a_part_of_a_large_map_is_its_points_where_they_are_few(ae):
    points = project.fit(ae.latents.mean, PCA).points
    about, body = part(ae)
    inside = np.flatnonzero(((points >= -4) & (points < 4)).all(1))
    n = len(inside)
    assert about == {"within": n, "points": True} and 100 < n < len(points)
    np.testing.assert_array_equal(np.frombuffer(body, "<f4", 2 * n).reshape(-1, 2), points[inside])
    np.testing.assert_array_equal(np.frombuffer(body, "<f4", n, 8 * n), ae.latents.labels[inside])
    np.testing.assert_array_equal(np.frombuffer(body, "<u4", n, 12 * n), inside)


def test_a_part_of_a_large_map_is_a_picture_of_all_its_points_where_they_are_many(ae, monkeypatch):
    monkeypatch.setattr(routes, "MOST_DRAWN", 100)
    about, body = part(ae)
    picture = np.asarray(Image.open(io.BytesIO(body)))
    assert not about["points"] and picture.shape == (30, 40, 4) and (picture[..., 3] > 0).sum() > 200
    lit = np.zeros(len(ae.latents.mean), bool)
    lit[:500] = True
    dimmed = np.asarray(Image.open(io.BytesIO(part(ae, more=f"&lit={resources.keep_lit(lit)}")[1])))
    assert 0 < (dimmed[..., 3] > 50).sum() < (picture[..., 3] > 50).sum() / 2


def test_lit_rows_of_a_part_are_those_that_were_remembered(ae):
    lit = ae.latents.labels == 3
    about, body = part(ae, more=f"&lit={resources.keep_lit(lit)}")
    n = about["within"]
    np.testing.assert_array_equal(np.frombuffer(body, bool, n, 16 * n), np.frombuffer(body, "<f4", n, 8 * n) == 3)


def test_within_reach_of_a_place_the_nearest_row_answers_with_its_places_on_both_maps(ae, vae):
    points = project.fit(ae.latents.mean, PCA).points
    query = f"{routes.query(ae, PCA)}&other={vae.identity}&turned=1&reach=0.05"
    about, _ = unframed(ask(routes.DECODE, query, places(points[9] + 0.001), "POST")[1])
    near = np.linalg.norm(points - (points[9] + np.float32(0.001)), axis=1).argmin()
    assert about["row"] == ae.latents.row_ids[near] and about["label"] == ae.latents.labels[near]
    np.testing.assert_array_equal(np.float32(about["place"]), points[near])
    turned = np.frombuffer(ask(routes.MAP, routes.query(vae, PCA, onto=ae.identity))[1], "<f4").reshape(-1, 2)
    np.testing.assert_array_equal(np.float32(about["places"]), turned[[near]])
    assert "row" not in unframed(ask(routes.DECODE, query, places((90, 90)), "POST")[1])[0]


def test_a_sheet_of_rows_by_number_holds_them_in_that_order(ae):
    body = np.array([4, 2501, 9], "<u4").tobytes()
    picture = np.asarray(
        Image.open(io.BytesIO(ask(routes.SHEET, routes.query(ae) + "&kind=reconstruction", body, "POST")[1]))
    )
    space = LatentSpace.from_checkpoint(ae)
    np.testing.assert_allclose(picture[:28, 28:56], decode(space.model, space.codes[2501:2502])[0, 0], atol=1)


def junk(ae) -> list:
    good, box = routes.query(ae, PCA), "left=0&right=1&bottom=0&top=1&across=4&up=4&kind=round-trip"
    one = places((0, 0))
    return [
        (routes.DECODE, "", one, 404), (routes.DECODE, "checkpoint=nobody", one, 404),
        (routes.DECODE, good, b"123", 400), (routes.DECODE, good, b"1234567", 400),
        (routes.DECODE, good, places((np.nan, 0)), 400), (routes.DECODE, good, places((np.inf, 0)), 400),
        (routes.DECODE, good, places(*[(0, 0)] * 1025), 413), (routes.DECODE, good, bytes(8 * 10**6), 413),
        (routes.DECODE, good + "&device=abacus", one, 400), (routes.DECODE, good + "&other=nobody", one, 404),
        (routes.DECODE, good.replace("method=pca", "method=tsne"), one, 400),
        (routes.DECODE, good.replace("dims=2", "dims=3"), one, 400),
        (routes.DECODE, good.replace("dims=2", "dims=x"), one, 400),
        (routes.DECODE, routes.query(ae, project.Settings(neighbours=77)), one, 404),
        (routes.DECODE, good + "&row=-1", one, 400), (routes.DECODE, good + "&row=99999999", one, 404),
        (routes.DECODE, good + f"&onto={'f' * 64}", one, 404),
        (routes.MAP, "checkpoint=nobody", b"", 404), (routes.MAP, good + "&onto=nobody", b"", 404),
        (routes.VALUES, good, b"", 404), (routes.VALUES, good + "&by=Shoe+size", b"", 404),
        (routes.VALUES, good + "&by=Neighbourhood+change&other=nobody", b"", 404),
        (routes.HEAT, good, b"", 400), (routes.HEAT, f"{good}&{box.replace('right=1', 'right=0')}", b"", 400),
        (routes.HEAT, f"{good}&{box.replace('right=1', 'right=inf')}", b"", 400),
        (routes.HEAT, f"{good}&{box.replace('across=4', 'across=100000')}", b"", 400),
        (routes.HEAT, f"{good}&{box.replace('round-trip', 'smell')}", b"", 400),
        (routes.SHEET, good, b"1234", 400),
        (routes.SHEET, good + "&kind=reconstruction", b"\xff" * 4, 404),
        (routes.SHEET, good + "&kind=original", b"123", 400),
        (routes.SHEET, good + "&kind=reconstruction", bytes(8 * 1024), 400),
        (routes.DECODE, good + "&reach=far", one, 400), (routes.DECODE, good + "&reach=nan", one, 400),
        (routes.CODES, good, b"1234", 400), (routes.CODES, good, bytes(64 * 1025), 400),
        (routes.CODES, good, np.full(16, np.nan, "<f4").tobytes(), 400), (routes.CODES, good, bytes(8 * 10**6), 413),
        (routes.CODES, "checkpoint=nobody", bytes(64), 404),
        (routes.MANY, good, b"", 400), (routes.MANY, f"{good}&{box}&by=Shoe+size", b"", 404),
        (routes.MANY, f"{good}&{box}&by=Class&lit=nobody", b"", 404),
        (routes.MANY, f"{good}&{box.replace('across=4', 'across=0')}&by=Class", b"", 400),
        (routes.MANY, f"{good}&{box.replace('up=4', 'up=99999')}&by=Class", b"", 400),
        (routes.MANY, f"{good}&{box.replace('top=1', 'top=nan')}&by=Class", b"", 400),
        (routes.MANY, f"{good}&{box}&by=Class&low=nan", b"", 400),
        (routes.IMAGE, good + "&kind=original", b"", 400), (routes.IMAGE, good + "&kind=x&row=0", b"", 400),
    ]  # fmt: skip


def test_a_place_far_beyond_the_map_is_decoded_or_refused_but_breaks_nothing(ae):
    far = places((3e38, -3e38))
    status, said = ask(routes.DECODE, routes.query(ae, PCA), far, "POST")
    assert status == 400 and (b"NaN" in said or b"finite" in said)
    assert ask(routes.DECODE, routes.query(ae, project.Settings()), far, "POST")[0] == 200, "a mean of known codes"


def test_junk_is_answered_by_one_line_and_never_by_a_traceback(ae):
    for path, query, body, expected in junk(ae):
        status, said = ask(path, query, body, "POST" if body else "GET")
        assert status == expected, (path, query[-90:], status, said)
        assert said and b"\n" not in said and len(said) < 300


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://elsewhere.example"}, {"sec_fetch_site": "cross-site"}, {"origin": "null"}],
)
def test_another_sites_page_gets_nothing(ae, headers):
    assert ask(routes.MAP, routes.query(ae, PCA), **headers)[0] == 403
    assert (
        ask(routes.MAP, routes.query(ae, PCA), origin="http://localhost:8501", sec_fetch_site="same-origin")[0] == 200
    )
