"""Routes of the app's own process: one row's picture, as the pointer asks for it.

Plain Starlette: no rerun, no session.  Whatever is asked for that is not there is a 4xx with one line.
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboard import resources
from latent import pictures

IMAGE = "/latentboard/image"
KINDS = ("original", "reconstruction")


class _Refused(Exception):
    def __init__(self, status: int, line: str):
        super().__init__(line)
        self.status = status


def _picture(checkpoint: str, row: str, kind: str, device: str) -> bytes:
    if kind not in KINDS:
        raise _Refused(400, f"kind must be {' or '.join(KINDS)}")
    if device not in resources.devices():
        raise _Refused(400, f"device must be one of {', '.join(resources.devices())}")
    if not row.isascii() or not row.isdecimal() or len(row) > 16:
        raise _Refused(400, "row must be a row id")
    try:
        found = resources.by_identity(checkpoint)
        if kind == "original":
            originals = resources.originals(found)
            if originals is None:
                raise _Refused(404, "the data set is not on this machine")
            image = originals.take([int(row)])[0]
        else:
            image = resources.reconstructions(resources.space(found, device), [int(row)])[0]
    except KeyError:
        raise _Refused(404, "no such checkpoint or row") from None
    return pictures.png(image)


async def image(request: Request) -> Response:
    """`?checkpoint=IDENTITY&device=NAME&row=ID&kind=original|reconstruction` -> PNG in the image's own size."""
    asked = request.query_params
    try:
        picture = await run_in_threadpool(
            _picture,
            asked.get("checkpoint", ""),
            asked.get("row", ""),
            asked.get("kind", ""),
            asked.get("device", "auto"),
        )
    except _Refused as refused:
        return PlainTextResponse(str(refused), refused.status)
    return Response(picture, media_type="image/png", headers={"Cache-Control": "private, max-age=600"})


ROUTES = [Route(IMAGE, image, methods=["GET"])]
