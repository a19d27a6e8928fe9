"""Flat maps of one or more checkpoints side by side, alive: what an atlas shows, said in a few numbers.

Points, colours and pictures are fetched from routes by the browser; what goes through a rerun is only their names.
"""

import base64
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from aemodels.checkpoint import Checkpoint
from dashboard import colours, components, palette, parts, resources, routes, state
from latent import project
from latent.align import View
from latent.space import LatentSpace

# Of more points a map shows their density, drawn by the server for the part in view.
MOST_POINTS = 100_000
# Rows of a selection that lines connect between two maps.
MOST_LINES = 60
BEHIND = {"none": "Nothing", "tiles": "Decoded tiles", "round-trip": "Round-trip error", "sensitivity": "Sensitivity"}
SPRITES = {"auto": "When few", "on": "Always", "off": "Never"}
MEANINGS = {
    "tiles": "Behind the points: what the model decodes at each place.",
    "round-trip": (
        "Behind the points: how far a code is from the one that its own decoded image is encoded to. The middle of the "
        "scale is what 95 % of the real codes stay below; bright places beyond it are holes."
    ),
    "sensitivity": (
        "Behind the points: how much the decoded image changes over a unit of map area (volume of the pullback "
        "metric, on a UMAP through its approximate inverse). Bright ridges are where one thing turns into another."
    ),
}


@dataclass(frozen=True)
class Layers:
    """What a map shows beside its points: `behind` them, images (`sprites`) on them, and whether maps are aligned."""

    behind: str = "none"
    sprites: str = "off"
    align: bool = False


@dataclass(frozen=True)
class Overlay:
    """What is drawn over each map: paths in latent space, rows with names, pinned codes with names, clouds of codes.

    A cloud is a colour and codes (M, D).
    """

    paths: Sequence[np.ndarray] = ()
    clouds: Sequence[tuple[str, np.ndarray]] = ()
    named: Sequence[tuple[str, int]] = ()
    pins: Sequence[tuple[str, np.ndarray]] = field(default_factory=tuple)


def layer_controls(count: int, settings: project.Settings) -> Layers:
    """The layers of flat maps, behind one button and in the link."""
    with st.popover("Layers", icon=":material/layers:"):
        behind = state.choice(
            st.selectbox, "Behind the points", list(BEHIND), "behind", text=lambda k: BEHIND[k],
            help="\n\n".join(MEANINGS.values()),
        )  # fmt: skip
        sprites = state.choice(
            st.segmented_control, "Images on the points", list(SPRITES), "sprites", text=lambda k: SPRITES[k]
        )
        turned = "on"
        if count > 1 and settings.method != "axes":
            turned = state.choice(
                st.segmented_control, "Align the maps", ["on", "off"], "align", text=str.capitalize,
                help="Turns, mirrors and scales every map onto the first one; no shear (Procrustes).",
            )  # fmt: skip
    return Layers(behind, sprites, turned == "on" and count > 1 and settings.method != "axes")


def views(found: Sequence[Checkpoint], settings: project.Settings, align: bool) -> list[View | None]:
    """The maps as they are shown; None for one that has to be computed first, or cannot be drawn.

    One that cannot be turned onto the first is shown as it is: there is no first, or it is one point.
    """
    shown = [_view(c, settings, None) for c in found]
    if align and shown[0] is not None:
        shown[1:] = [v and (_view(c, settings, found[0]) or v) for v, c in zip(shown[1:], found[1:], strict=True)]
    return shown


def _view(found: Checkpoint, settings: project.Settings, onto: Checkpoint | None) -> View | None:
    try:
        return resources.view(found, settings, onto)
    except ValueError:
        return None


def draw(
    found: Sequence[Checkpoint], spaces: Sequence[LatentSpace], letters: Sequence[str], accents: Sequence[str],
    settings: project.Settings, colouring: str, *, key: str, device: str, on_pick: Callable,
    layers: Layers = Layers(), overlays: Sequence[Overlay] = (), lit: np.ndarray | None = None, look: str = "map",
    across: int | None = None, selectable: bool = True, on_pin: Callable | None = None, ends=None,
) -> None:  # fmt: skip
    """The maps that there are; where one has to be computed, the offer to do so in its place.

    `ends` are those of the colour scale; `on_pin(slot in found, code)` is told of clicks beside all points.
    """
    shown = views(found, settings, layers.align)
    missing = [n for n, view in enumerate(shown) if view is None]
    if missing:
        for column, n in zip(st.columns(len(missing)), missing, strict=True):
            with column:
                parts.missing_map(found[n], spaces[n], settings, key=f"{key}_{n}")
    there = [n for n in range(len(found)) if n not in missing]
    if not there:
        return
    first, rows = found[there[0]], spaces[there[0]]
    many = len(rows) > MOST_POINTS
    linked = rows.positions(lit) if lit is not None and len(there) == 2 and len(lit) <= MOST_LINES else None
    panes = [
        _pane(n, found, shown, spaces[n], letters[n], accents[n], settings, colouring, device, layers,
              overlays[n] if overlays else Overlay(), there, linked)
        for n in there
    ]  # fmt: skip
    mask = None if lit is None else np.isin(rows.row_ids, lit)
    originals = resources.originals(first) is not None

    def lassoed(slot: int, polygon: np.ndarray) -> None:
        view = shown[there[slot]]
        state.remember_region(spaces[there[slot]], view.points, polygon)

    def pinned(slot: int, place: Sequence[float]) -> None:
        code = shown[there[slot]].inverse(np.array([place], np.float32))[0]
        on_pin(there[slot], code)

    components.atlas(
        panes, key=f"{key}_{first.identity[:8]}", on_pick=on_pick, on_lasso=lassoed if selectable else None,
        on_pin=pinned if on_pin else None, on_clear=state.clear_selection,
        data={
            "rows": "" if many else f"{routes.query(first)}&by=rows", "look": look, "across": across or len(there),
            "many": len(rows) if many else 0,
            "lit": None if mask is None else resources.keep_lit(mask) if many else _packed(mask),
            "colour": _colour(spaces, colouring, ends), "linked": _linked(rows, linked, colouring),
            "layers": {"behind": layers.behind, "sprites": layers.sprites}, "heat": palette.gradient(palette.HEAT, 64),
            "trust": selectable, "trustMeaning": colours.MEANINGS[colours.BY_TRUST],
            "originals": originals, "faded": any(o.paths or o.clouds for o in overlays),
            "blend": layers.align and len(there) == 2 and not many,
            "sheets": {
                "kind": "original" if originals else "reconstruction", "shape": list(rows.image_shape),
            },
        },
    )  # fmt: skip
    if layers.behind != "none":
        st.caption(MEANINGS[layers.behind])


def _pane(
    n, found, shown, space, letter, accent, settings, colouring, device, layers, overlay, there, linked
) -> components.Pane:  # fmt: skip
    c, view = found[n], shown[n]
    bounds = [*view.points.min(0), *view.points.max(0)]
    onto = found[0].identity if view.similarity else ""
    query = routes.query(c, settings, onto=onto, device=device)
    other = next((m for m in there if m != n), None) if len(there) == 2 else None
    partner = (
        f"other={found[other].identity}" + ("&turned=1" if shown[other].similarity else "") if other is not None else ""
    )
    against = f"&other={found[0 if n else min(1, len(found) - 1)].identity}"
    short = f"{letter} · {c.name}" if letter else c.name
    said = (
        view.note,
        f"turned onto {found[0].name}: {view.similarity.disparity:.0%} differs".replace("%", " %") if onto else "",
        "" if view.exact or view.note else "decoded places are approximate",
    )
    return components.Pane(
        letter or c.name, short, accent, query, f"{query}&by={colouring}{against}",
        f"Latent codes of {c.name} projected by {settings.label()}, coloured by {colouring.lower()}", bounds, partner,
        view.axis_titles, " · ".join(filter(None, said)),
        [view.transform(walked) for walked in overlay.paths],
        None if linked is None else view.points[linked],
        [(text, view.points[space.positions([row])[0]].tolist()) for text, row in overlay.named],
        [(name, view.transform(code[None])[0].tolist()) for name, code in overlay.pins],
        [(colour, view.transform(codes).tolist()) for colour, codes in overlay.clouds],
    )  # fmt: skip


def _packed(mask: np.ndarray) -> str:
    """Lit rows (N,) bool as one bit a row, compressed."""
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


def _linked(space: LatentSpace, numbers: np.ndarray | None, colouring: str) -> list[str]:
    """The colours of lines between maps."""
    if numbers is None:
        return []
    if colouring != colours.BY_CLASS:
        return [palette.NEUTRAL] * len(numbers)
    return [palette.classes(len(space.classes))[label] for label in space.labels[numbers]]


def _colour(spaces: Sequence[LatentSpace], colouring: str, ends: tuple[float, float] | None) -> dict:
    if colouring == colours.BY_CLASS:
        return {"kind": "class", "colours": palette.classes(len(spaces[0].classes)), "names": spaces[0].classes}
    low, high = ends or colours.ends(spaces, colouring)
    return {"kind": "value", "colours": palette.gradient(colours.scale(colouring), 64), "low": low, "high": high}
