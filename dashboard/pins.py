"""Pinned places: up to twelve decoded points of latent space, kept in the link.

A pin is a code in the model whose map was clicked and, in every other model shown, the code that this one gives the
decoded image: the same picture, seen by both.
"""

import re
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import atlas, components, links, palette, resources, state
from latent.decode import decode
from latent.space import LatentSpace

MOST = 12
_NUMBER = re.compile("[0-9]{1,3}")
RESULT = "="


@dataclass(frozen=True, eq=False)
class Pin:
    """A name and a code (D,) for each model, by the checkpoint's identity."""

    name: str
    codes: dict[str, np.ndarray]


def here(spaces: list[LatentSpace]) -> list[Pin]:
    """The pins that lie in one of these models, as all of them see them; the link holds them.

    Those of a model that is not shown now wait in the link; what makes no sense there is complained about.
    """
    pins, held = [], st.query_params.get_all("pins")
    for text in held:
        read = links.unpack_code(text)
        if read and not _NUMBER.fullmatch(read[0]):
            read = None
        home = next((n for n, s in enumerate(spaces) if read and s.identity.startswith(read[1])), None)
        if home is None and read and any(c.identity.startswith(read[1]) for c in resources.checkpoints()):
            continue
        if home is None or len(read[2]) != spaces[home].latent_dim:
            state.complain("The link holds a pinned place of a model that is not here, or was cut off; left out.")
            st.query_params["pins"] = [t for t in st.query_params.get_all("pins") if t != text]
            continue
        pins.append(Pin(f"P{read[0]}", resources.seen_by_all(spaces, home, read[2])))
    return pins


def add(spaces: list[LatentSpace], slot: int, code: np.ndarray) -> None:
    """Pin a code of the model in that place of `spaces`."""
    held = st.query_params.get_all("pins")
    if len(held) >= MOST:
        st.toast(f"{MOST} places are pinned already; take one out first.", icon=":material/push_pin:")
        return
    taken = {text.split(".")[0] for text in held}
    number = next(n for n in range(1, len(held) + 2) if str(n) not in taken)
    st.query_params["pins"] = [*held, links.pack_code(str(number), spaces[slot].identity, code)]


def remove(number: int) -> None:
    """Take out the pin of that number."""
    kept = [t for t in st.query_params.get_all("pins") if t.split(".")[0] != str(number)]
    if kept:
        st.query_params["pins"] = kept
    else:
        clear()


def clear() -> None:
    st.query_params.pop("pins", None)


def overlay(space: LatentSpace, pins: list[Pin], named) -> atlas.Overlay:
    """What a map shows of the pins."""
    return atlas.Overlay(named=named, pins=[(p.name, p.codes[space.identity]) for p in pins])


def arithmetic(spaces: list[LatentSpace], pins: list[Pin]) -> Pin | None:
    """A - B + C of three chosen pins, in each model's own space; None where fewer than two are there, or chosen."""
    if len(pins) < 2:
        return None
    names = [p.name for p in pins]
    chosen = [
        column.selectbox(
            label, names, index=n if n < len(names) else None, key=f"_pin_{n}_{len(names)}", placeholder="Choose"
        )
        for n, (column, label) in enumerate(zip(st.columns(3, gap="xsmall"), ("Take", "minus", "plus"), strict=True))
    ]
    if None in chosen:
        return None
    by_name = {p.name: p for p in pins}
    a, b, c = (by_name[name] for name in chosen)
    return Pin(RESULT, {s.identity: a.codes[s.identity] - b.codes[s.identity] + c.codes[s.identity] for s in spaces})


def panel(spaces: list[LatentSpace]) -> list[Pin]:
    """The pins beside the map, and what is made of them; returns all that the maps are to show."""
    pins = here(spaces)
    with st.container(border=True):
        st.markdown("**Pinned places**")
        if not pins:
            st.caption("Click beside the points: the place is pinned, to walk through it or to reckon with it.")
            return []
        ids = [int(p.name[1:]) for p in pins]
        for slot, space in enumerate(spaces):
            images = decode(space.model, np.stack([p.codes[space.identity] for p in pins]))
            strip = components.Strip(
                images, f"{'AB'[slot]} · {space.name}", palette.accent(slot), [f"{p.name}: take out" for p in pins],
                ids=ids,
            )  # fmt: skip
            components.gallery([strip], key=f"pins_{slot}", size=42, on_click=remove)
        st.caption(", ".join(p.name for p in pins) + " · a click takes one out")
        result = arithmetic(spaces, pins)
        if result is not None:
            strips = [
                components.Strip(decode(s.model, result.codes[s.identity][None]), "AB"[n], palette.accent(n))
                for n, s in enumerate(spaces)
            ]
            components.gallery(strips, key="pins_result", columns=1, size=90, beside=True)
        if len(pins) > 1:
            st.page_link(
                "views/interpolate.py", label="Walk through them", icon=":material/timeline:",
                query_params={"between": "Pins", "pins": st.query_params.get_all("pins")},
            )  # fmt: skip
        st.button("Clear pins", icon=":material/close:", on_click=clear)
    return [*pins, result] if result is not None else pins


def between(spaces: list[LatentSpace]) -> list[Pin]:
    """The pins that a walk goes through, where the page was asked for one; else none."""
    pins = here(spaces)
    if len(pins) < 2:
        if st.query_params.get("between", "").casefold() == "pins":
            state.complain("The link walks through pins, and holds fewer than two; showing a walk between rows.")
            del st.query_params["between"]
        return []
    asked = state.choice(st.segmented_control, "Between", ["rows", "pins"], "between", text=str.capitalize)
    return pins if asked == "pins" else []
