"""Custom components (v2): what must follow the pointer or the clock lives in the page itself.

Each is one JavaScript and one CSS file beside this one; pictures go down as one sheet, never image by image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import streamlit as st

from latent import pictures

_HERE = Path(__file__).resolve().parent


def _component(name: str, *scripts: str, folder: Path = _HERE) -> Callable:
    """The script and the style of that name beside this file or in a folder, after other scripts beside this file."""
    js = "\n".join([*((_HERE / f"{s}.js").read_text() for s in scripts), (folder / f"{name}.js").read_text()])
    css = (folder / f"{name}.css").read_text()
    return st.components.v2.component(f"latentboard_{name}", html="<div class='root'></div>\n", js=js, css=css)


_gallery, _legend, _player, _pointer = (_component(n) for n in ("gallery", "legend", "player", "pointer"))
_knobs = _component("knobs", "shared")
_ATLAS = ("points", "plane", "lens", "sprites", "pane")
_atlas = _component("atlas", "shared", *(f"atlas/{part}" for part in _ATLAS), folder=_HERE / "atlas")
_SHEET_COLUMNS = 16


@dataclass(frozen=True)
class Strip:
    """A labelled run of images: uint8 (N, C, H, W), with a caption and a frame colour each, and ids to click on.

    `curve` is a figure of each image, drawn under the strip of a player: beyond 1 in red.
    """

    images: np.ndarray
    label: str = ""
    accent: str = ""
    captions: Sequence[str] = ()
    colours: Sequence[str] = ()
    ids: Sequence[int] = field(default_factory=tuple)
    curve: Sequence[float] = ()

    def payload(self) -> dict:
        height, width = self.images.shape[-2:]
        columns = min(_SHEET_COLUMNS, max(1, len(self.images)))
        return {
            "sheet": pictures.data_url(pictures.sheet(self.images, columns)) if len(self.images) else "",
            "columns": columns,
            "count": len(self.images),
            "width": width,
            "height": height,
            "label": self.label,
            "accent": self.accent,
            "captions": list(self.captions),
            "colours": list(self.colours),
            "ids": [int(i) for i in self.ids],
            "curve": [float(v) for v in self.curve],
        }


def gallery(
    strips: Sequence[Strip],
    *,
    key: str,
    size: int = 48,
    columns: int | None = None,
    beside: bool = False,
    on_click: Callable | None = None,
) -> None:
    """Images as tiles of about `size` pixels, as many a row as fit, or `columns` of them.

    Strips stand one under the other, or `beside` each other.

    With `on_click(row_id)`, a click on a tile calls it with the tile's id.
    """

    def clicked() -> None:
        row_id = st.session_state[key].clicked
        if row_id is not None:
            on_click(int(row_id))

    _gallery(
        key=key,
        data={
            "strips": [s.payload() for s in strips], "size": size, "columns": columns, "beside": beside,
            "clickable": on_click is not None,
        },
        on_clicked_change=clicked if on_click else lambda: None,
    )  # fmt: skip


def legend(classes: Sequence[tuple[str, str]], lit: Sequence[str], *, key: str, on_change: Callable) -> None:
    """Classes as (name, colour): a click lights up that class alone, more clicks add others and take them away.

    `lit` are those that are lit, all if empty; a click calls `on_change(names)` with those that shall be.
    """

    def changed() -> None:
        names = st.session_state[key].lit
        if names is not None:
            on_change(list(names))

    items = [{"name": name, "colour": colour} for name, colour in classes]
    _legend(key=key, data={"classes": items, "lit": list(lit)}, on_lit_change=changed)


def scale(title: str, colours: Sequence[str], low: str, high: str, *, key: str) -> None:
    """The legend of a continuous colour: a bar from `low` to `high`."""
    data = {"title": title, "gradient": list(colours), "low": low, "high": high}
    _legend(key=key, data=data, on_lit_change=lambda: None)


def player(strips: Sequence[Strip], *, key: str, seconds: float = 3.0) -> None:
    """Frames of one or more walks in step: plays, loops and scrubs in the browser, the server is not asked."""
    _player(key=key, data={"strips": [s.payload() for s in strips], "seconds": seconds})


def pointer(models: Sequence[dict], *, key: str, has_originals: bool, on_pick: Callable, on_clear: Callable) -> None:
    """The pictures of the row under the pointer, on whichever map of the page that is; no rerun.

    `models`: checkpoint identity, device, label and accent of each model that reconstructs.  A click on a point calls
    `on_pick(row_id)`, a double click on a map `on_clear()`, as it takes Plotly's own selection away.
    """

    def picked() -> None:
        row_id = st.session_state[key].picked
        if row_id is not None:
            on_pick(int(row_id))

    data = {"models": list(models), "hasOriginals": has_originals}
    _pointer(key=key, data=data, on_picked_change=picked, on_cleared_change=on_clear)


@dataclass(frozen=True)
class Knob:
    """A direction that a slider goes along: a unit vector (D,), or a latent dimension's number.

    `sd` is the codes' standard deviation along it; `low` and `high` are how many of them the slider goes to.
    """

    name: str
    note: str
    sd: float
    low: float
    high: float
    axis: int | None = None
    vector: np.ndarray | None = None
    collapsed: bool = False

    def payload(self) -> dict:
        along = {"axis": self.axis} if self.axis is not None else {"vector": self.vector.tolist()}
        return along | {n: getattr(self, n) for n in ("name", "note", "sd", "low", "high", "collapsed")}


def knobs(rows: Sequence[Knob], centre: np.ndarray, *, key: str, steps: int, data: dict) -> None:
    """Directions as rows of `steps` decoded images with a slider each, round the code `centre` (D,); no rerun.

    `data`: query of the model for the routes, label, accent, image shape, what is said of the centre, whether the model
    has a prior to draw from.
    """
    rows = [r.payload() for r in rows]
    _knobs(key=key, data=data | {"rows": rows, "centre": centre.tolist(), "steps": steps})


@dataclass(frozen=True)
class Pane:
    """One map of an atlas.

    `query` names its map for the routes, `partner` the other model beside it, `values` its points' colours.  `bounds`
    are those of its points: left, bottom, right, top.  `paths` and `linked` are places (S, 2), the second of rows
    that lines connect to the next map; `named` and `pins` are names with places; `clouds` colours with places.
    """

    letter: str
    short: str
    accent: str
    query: str
    values: str
    alt: str
    bounds: Sequence[float]
    partner: str = ""
    titles: Sequence[str] = ("", "")
    note: str = ""
    paths: Sequence[np.ndarray] = ()
    linked: np.ndarray | None = None
    named: Sequence[tuple[str, Sequence[float]]] = ()
    pins: Sequence[tuple[str, Sequence[float]]] = ()
    clouds: Sequence[tuple[str, Sequence[Sequence[float]]]] = ()

    def payload(self) -> dict:
        return {
            "letter": self.letter, "short": self.short, "label": self.short, "accent": self.accent,
            "query": self.query, "partner": self.partner, "values": self.values, "alt": self.alt,
            "titles": list(self.titles), "note": self.note, "bounds": [float(b) for b in self.bounds],
            "paths": [p.tolist() for p in self.paths],
            "linked": None if self.linked is None else self.linked.tolist(),
            "named": [[name, list(place)] for name, place in self.named],
            "pins": [[name, list(place)] for name, place in self.pins], "clouds": list(self.clouds),
        }  # fmt: skip


def atlas(
    panes: Sequence[Pane], *, key: str, data: dict, on_pick: Callable, on_lasso: Callable | None = None,
    on_pin: Callable | None = None, on_clear: Callable | None = None,
) -> None:  # fmt: skip
    """Maps of the same rows that are decoded under the pointer.

    `data` holds what all share (see `dashboard.atlas`).  A click on a point calls `on_pick(row_id)`, one beside all
    points `on_pin(slot, place)`; a shape drawn on a map calls `on_lasso(slot, polygon)`, a double click `on_clear()`.
    """

    def said(name: str):
        return getattr(st.session_state[key], name)

    def picked() -> None:
        if (row_id := said("picked")) is not None:
            on_pick(int(row_id))

    def lassoed() -> None:
        if (shape := said("lassoed")) is not None and on_lasso:
            on_lasso(int(shape["slot"]), np.array(shape["polygon"], np.float64))

    def pinned() -> None:
        if (place := said("pinned")) is not None and on_pin:
            on_pin(int(place["slot"]), [float(v) for v in place["place"]])

    payload = {"maps": [p.payload() for p in panes], "selectable": on_lasso is not None, "pins": on_pin is not None}
    _atlas(
        key=key, data=payload | data, on_picked_change=picked, on_lassoed_change=lassoed, on_pinned_change=pinned,
        on_cleared_change=on_clear or (lambda: None),
    )  # fmt: skip
