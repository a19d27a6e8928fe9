"""Routes of the app's own process: what must follow the pointer, or is too large to be sent again at every rerun.

Plain Starlette: no rerun, no session.  What is asked for is named by a checkpoint's identity and the map's settings, so
answers never go stale and the browser keeps them.  Whatever is not there, or makes no sense, is a 4xx with one line;
another site's page gets nothing.
"""

import json
import math
import struct
import urllib.parse
from collections.abc import Callable

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboard import resources
from latent import alive, density, pictures, project
from latent.align import View
from latent.decode import Undecodable, decode
from latent.encode import encode

PREFIX = "/latentboard"
IMAGE, MAP, VALUES, MANY, DECODE, CODES, HEAT, SHEET, TRUST, NOTHING = (
    f"{PREFIX}/{name}"
    for name in ("image", "map", "values", "many", "decode", "codes", "heat", "sheet", "trust", "nothing")
)
KINDS = ("original", "reconstruction")
# Places that one request may ask for, and cells a side of a heat layer.
MOST_PLACES, MOST_CELLS = 1024, 128
MOST_DIMENSIONS = 1024
# Points of a part of a map that are sent as such, and cells a side of a picture of more.
MOST_DRAWN, MOST_FINE_CELLS = 20_000, 1024
_SHEET_COLUMNS = 50
_KEPT = {"Cache-Control": "private, max-age=86400, immutable"}
_BRIEFLY = {"Cache-Control": "private, max-age=600"}


class _Refused(Exception):
    def __init__(self, status: int, line: str):
        super().__init__(line)
        self.status = status


# --- what a query names ---------------------------------------------------------------------------------------


def query(found, settings: project.Settings | None = None, *, onto: str = "", device: str = "auto") -> str:
    """The query string that names a checkpoint and, where `settings` are given, a map of it, for the routes here."""
    named = {"checkpoint": found.identity, "device": device}
    if settings is not None:
        named |= {k: ",".join(map(str, v)) if isinstance(v, list) else v for k, v in settings.key().items()}
    return urllib.parse.urlencode(named | ({"onto": onto} if onto else {}))


def _number(text: str | None, name: str) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        raise _Refused(400, f"{name} must be a number") from None
    if not math.isfinite(value):
        raise _Refused(400, f"{name} must be finite")
    return value


def _whole(text: str | None, name: str, most: int) -> int:
    if not text or not text.isascii() or not text.isdecimal() or len(text) > 16 or int(text) > most:
        raise _Refused(400, f"{name} must be a whole number up to {most}")
    return int(text)


def _checkpoint(asked: QueryParams, name: str = "checkpoint"):
    try:
        return resources.by_identity(asked.get(name, ""))
    except KeyError:
        raise _Refused(404, "no such checkpoint") from None


def _space(asked: QueryParams, name: str = "checkpoint"):
    device = asked.get("device", "auto")
    if device not in resources.devices():
        raise _Refused(400, f"device must be one of {', '.join(resources.devices())}")
    return resources.space(_checkpoint(asked, name), device)


def _settings(asked: QueryParams) -> project.Settings:
    given: dict = {}
    for name, read in (("dims", int), ("neighbours", int), ("seed", int), ("min_dist", float)):
        if name in asked:
            try:
                given[name] = read(asked[name])
            except ValueError:
                raise _Refused(400, f"{name} must be a number") from None
    if "axes" in asked:
        try:
            given["axes"] = tuple(int(n) for n in asked["axes"].split(",")[:3])
        except ValueError:
            raise _Refused(400, "axes must be whole numbers") from None
    given |= {name: asked[name] for name in ("method", "metric") if name in asked}
    try:
        return project.Settings(**given)
    except (ValueError, OverflowError) as error:
        raise _Refused(400, str(error)) from None


def _view(asked: QueryParams, name: str = "checkpoint") -> View:
    settings = _settings(asked)
    if settings.dims != 2:
        raise _Refused(400, "places are for maps of 2 dimensions")
    onto = _checkpoint(asked, "onto") if asked.get("onto") else None
    try:
        view = resources.view(_checkpoint(asked, name), settings, onto)
    except ValueError as error:
        raise _Refused(400, str(error)) from None
    if view is None:
        raise _Refused(404, "this map has not been computed yet")
    return view


# --- the answers ----------------------------------------------------------------------------------------------


def image(asked: QueryParams, body: bytes) -> Response:
    """`?checkpoint&device&row&kind=original|reconstruction` -> PNG in the image's own size."""
    kind, row = asked.get("kind", ""), _whole(asked.get("row"), "row", 2**53)
    if kind not in KINDS:
        raise _Refused(400, f"kind must be {' or '.join(KINDS)}")
    space = _space(asked)
    return Response(pictures.png(_images(asked, space, [row], kind)[0]), media_type="image/png", headers=_BRIEFLY)


def _images(asked: QueryParams, space, rows, kind: str) -> np.ndarray:
    try:
        if kind == "reconstruction":
            return resources.reconstructions(space, rows)
        originals = resources.originals(_checkpoint(asked))
        if originals is None:
            raise _Refused(404, "the data set is not on this machine")
        return originals.take(rows)
    except KeyError:
        raise _Refused(404, "no such row") from None


def points(asked: QueryParams, body: bytes) -> Response:
    """`?checkpoint&<map>` -> float32 (N, 2), the places of all rows."""
    return _raw(_view(asked).points, _KEPT)


def values(asked: QueryParams, body: bytes) -> Response:
    """`?checkpoint&by=rows|<colouring>[&<map>]` -> (N,): row ids as float64, else float32, NaN where unknown."""
    by, found = asked.get("by", ""), _checkpoint(asked)
    space = resources.space(found)
    if by == "rows":
        return _raw(space.row_ids.astype(np.float64), _KEPT)
    return _raw(_values(found, by, _settings(asked), asked.get("other", "")), _KEPT)


def many(asked: QueryParams, body: bytes) -> Response:
    """`?checkpoint&<map>&left&bottom&right&top&across&up&by&low&high[&lit]` -> what lies in a part of a large map.

    JSON of how many points those are, then either their float32 places, float32 values, uint32 numbers among all rows
    and uint8 whether they are lit, or, of more than `MOST_DRAWN`, a PNG of their density.
    """
    found, view, settings = _checkpoint(asked), _view(asked), _settings(asked)
    extent, (across, up) = _extent(asked), (_whole(asked.get(n), n, MOST_FINE_CELLS) for n in ("across", "up"))
    low, high = (_number(asked.get(name, "0"), name) for name in ("low", "high"))
    if not across or not up:
        raise _Refused(400, "across and up must be at least 1")
    inside = density.within(view.points, extent)
    within, about = int(inside.sum()), (asked.get("by", ""), settings, asked.get("other", ""))
    try:
        lit = resources.lit(asked["lit"], len(inside)) if asked.get("lit") else None
    except KeyError:
        raise _Refused(404, "nobody remembers what was selected; load the page again") from None
    if within <= MOST_DRAWN:
        at = np.flatnonzero(inside)
        shown = np.zeros(within, bool) if lit is None else lit[at]
        arrays = [view.points[at], _values(found, *about)[at], at.astype("<u4"), shown]
        return _framed({"within": within, "points": True}, arrays, _BRIEFLY)
    colours = _coloured(resources.shades, found, *about, low, high)
    grids = [density.count(view.points, colours, extent, across, up)]
    if lit is not None:
        grids.append(density.count(view.points[lit], colours[lit], extent, across, up))
    picture = np.frombuffer(pictures.png(density.picture(*grids)), np.uint8)
    return _framed({"within": within, "points": False}, [picture], _BRIEFLY)


def _extent(asked: QueryParams) -> alive.Extent:
    try:
        return alive.Extent(*(_number(asked.get(name), name) for name in ("left", "bottom", "right", "top")))
    except ValueError as error:
        raise _Refused(400, str(error)) from None


def _coloured(read: Callable, *about):
    """What `resources` knows of a colouring."""
    try:
        return read(*about)
    except KeyError:
        raise _Refused(404, "no such colouring") from None
    except ValueError as error:
        raise _Refused(400, str(error)) from None


def _values(found, by: str, settings: project.Settings, other: str) -> np.ndarray:
    return _coloured(resources.values, found, by, settings, other).astype(np.float32)


def decoded(asked: QueryParams, body: bytes) -> Response:
    """Places as float32 (M, 2) in the body -> what the model draws there; with `other`, what that one makes of it.

    Answer: a uint32, that many bytes of JSON (shape, parts, places on the other map), then uint8 images: the model's
    and, with `other`, those that the other decodes from its own code of each image.  With `row` it is about that row,
    with `reach` about the one nearest to the first place, if there is one so near.
    """
    if not body or len(body) % 8:
        raise _Refused(400, "the body must be places, two float32 each")
    if len(body) // 8 > MOST_PLACES:
        raise _Refused(413, f"at most {MOST_PLACES} places at once")
    places = np.frombuffer(body, "<f4").reshape(-1, 2)
    if not np.isfinite(places).all():
        raise _Refused(400, "places must be finite")
    space, view = _space(asked), _view(asked)
    other = _space(asked, "other") if asked.get("other") else None
    if other and other.image_shape != space.image_shape:
        raise _Refused(400, "the other model is of other images")
    if "row" in asked:
        return _row(asked, space, other, _whole(asked.get("row"), "row", 2**53))
    if "reach" in asked:
        near = resources.index(_checkpoint(asked), view).nearest(places[0], abs(_number(asked["reach"], "reach")))
        if near is not None:
            return _row(asked, space, other, int(space.row_ids[near]), view.points[near])
    images = decode(space.model, _finite(view.inverse(places)))
    about, parts = {"shape": images.shape, "exact": view.exact, "parts": ["model"]}, [images]
    if other:
        codes = encode(other.model, images)
        about |= {"places": _view(_turned(asked), "other").transform(codes).tolist(), "parts": ["model", "other"]}
        parts.append(decode(other.model, codes))
    return _framed(about, parts)


def codes(asked: QueryParams, body: bytes) -> Response:
    """`?checkpoint&device`, codes as float32 (M, D) in the body -> JSON of the shape, then uint8 (M, C, H, W)."""
    space = _space(asked)
    width = 4 * space.latent_dim
    if not body or len(body) % width or len(body) // width > MOST_PLACES:
        raise _Refused(400, f"the body must be 1 to {MOST_PLACES} codes, {space.latent_dim} float32 each")
    images = decode(space.model, _finite(np.frombuffer(body, "<f4").reshape(-1, space.latent_dim)))
    return _framed({"shape": images.shape}, [images])


def _row(asked: QueryParams, space, other, row_id: int, place: np.ndarray | None = None) -> Response:
    """As above for a row: its original, where it is here and asked for, and what each model makes of it.

    Where it was found by its `place`, the answer says which row it is, its class, and its place on the other map.
    """
    row, about = [row_id], {}
    if place is not None:
        label = None if space.labels is None else int(space.labels[space.positions(row)[0]])
        about = {"row": row_id, "label": label, "place": place.tolist()}
    parts = {"original": _images(asked, space, row, "original")} if asked.get("original") else {}
    parts["model"] = _images(asked, space, row, "reconstruction")
    if other:
        parts["other"] = _images(asked, other, row, "reconstruction")
        if place is not None:
            about["places"] = _view(_turned(asked), "other").points[other.positions(row)].tolist()
    return _framed(about | {"shape": parts["model"].shape, "parts": list(parts)}, list(parts.values()))


def _turned(asked: QueryParams) -> QueryParams:
    """The query for the other map: turned onto this one, or the one that this is turned onto."""
    given = dict(asked)
    onto, turned = given.pop("onto", ""), given.pop("turned", "")
    return QueryParams(given | ({"onto": given["checkpoint"]} if turned and not onto else {}))


def _finite(codes: np.ndarray) -> np.ndarray:
    if not np.isfinite(codes).all():
        raise _Refused(400, "codes and places must be finite, and not too far away")
    return codes


def heat(asked: QueryParams, body: bytes) -> Response:
    """`?checkpoint&<map>&left&bottom&right&top&across&up&kind` -> JSON of the scale, then float32 (up, across)."""
    sides = [_whole(asked.get(name), name, MOST_CELLS) for name in ("across", "up")]
    extent = _extent(asked)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            layer, typical = resources.heat(
                _checkpoint(asked), _view(asked), _space(asked), extent, *sides, asked.get("kind", "")
            )
    except ValueError as error:
        raise _Refused(400, str(error)) from None
    return _framed({"typical": typical}, [layer], _BRIEFLY)


def sheet(asked: QueryParams, body: bytes) -> Response:
    """`?checkpoint&device&kind`, numbers of rows as uint32 (M,) in the body -> a PNG of their images, 50 a line."""
    kind, space = asked.get("kind", ""), _space(asked)
    if kind not in KINDS:
        raise _Refused(400, f"kind must be {' or '.join(KINDS)}")
    if not body or len(body) % 4 or len(body) // 4 > MOST_PLACES:
        raise _Refused(400, f"the body must be 1 to {MOST_PLACES} rows, a uint32 each")
    numbers = np.frombuffer(body, "<u4")
    if numbers.max() >= len(space):
        raise _Refused(404, "no such row")
    picture = pictures.sheet(_images(asked, space, space.row_ids[numbers], kind), _SHEET_COLUMNS)
    return Response(pictures.png(picture), media_type="image/png")


def trusted(asked: QueryParams, body: bytes) -> Response:
    """`?checkpoint&<map>` -> one sentence on how far the map can be trusted."""
    found = resources.trust_of(_checkpoint(asked), _settings(asked))
    # Nothing to say of a handful of codes is an answer.
    return PlainTextResponse(found.sentence() if found else "", headers=_BRIEFLY if found else None)


def nothing(asked: QueryParams, body: bytes) -> Response:
    """An empty answer: the floor that the others are measured against."""
    return Response(b"")


def _raw(array: np.ndarray, headers: dict) -> Response:
    return Response(np.ascontiguousarray(array).tobytes(), media_type="application/octet-stream", headers=headers)


def _framed(about: dict, arrays: list[np.ndarray], headers: dict | None = None) -> Response:
    text = json.dumps(about).encode()
    text += b" " * (-len(text) % 4)  # what follows may be float32, which must be aligned
    body = b"".join([struct.pack("<I", len(text)), text, *(np.ascontiguousarray(a).tobytes() for a in arrays)])
    return Response(body, media_type="application/octet-stream", headers=headers)


# --- the door -------------------------------------------------------------------------------------------------


def _foreign(request: Request) -> bool:
    """Whether another site's page asks: a browser says so itself."""
    origin = request.headers.get("origin")
    if origin and urllib.parse.urlsplit(origin).netloc != request.headers.get("host"):
        return True
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


async def _body(request: Request, most: int) -> bytes:
    """The body, read no further than a request may be long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise _Refused(413, f"at most {MOST_PLACES} places at once, and {most:,} bytes")
    return body


def _served(
    answer: Callable[[QueryParams, bytes], Response], *, thread: bool = True, most: int = 8 * MOST_PLACES
) -> Callable:
    async def endpoint(request: Request) -> Response:
        try:
            if _foreign(request):
                raise _Refused(403, "for this app's own pages only")
            body = await _body(request, most)
            if not thread:
                return answer(request.query_params, body)
            return await run_in_threadpool(answer, request.query_params, body)
        except _Refused as refused:
            return PlainTextResponse(str(refused), refused.status)
        except Undecodable as error:
            return PlainTextResponse(str(error), 400)

    return endpoint


ROUTES = [
    Route(IMAGE, _served(image), methods=["GET"]),
    Route(MAP, _served(points), methods=["GET"]),
    Route(VALUES, _served(values), methods=["GET"]),
    Route(MANY, _served(many), methods=["GET"]),
    Route(DECODE, _served(decoded), methods=["POST"]),
    Route(CODES, _served(codes, most=4 * MOST_PLACES * MOST_DIMENSIONS), methods=["POST"]),
    Route(HEAT, _served(heat), methods=["GET"]),
    Route(SHEET, _served(sheet), methods=["POST"]),
    Route(TRUST, _served(trusted), methods=["GET"]),
    Route(NOTHING, _served(nothing, thread=False), methods=["POST"]),
]
