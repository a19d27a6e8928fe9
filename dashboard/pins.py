"""Pinned places: up to twelve decoded points of latent space, kept while the session lasts.

A pin is a code in the model whose map was clicked and, in every other model shown, the code that this one gives the
decoded image: the same picture, seen by both.
"""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard import atlas, components, palette, state
from latent.decode import decode
from latent.encode import encode
from latent.space import LatentSpace

MOST = 12
RESULT = "="


@dataclass(frozen=True, eq=False)
class Pin:
    """A name and a code (D,) for each model, by the checkpoint's identity."""

    name: str
    codes: dict[str, np.ndarray]


def here(spaces: list[LatentSpace]) -> list[Pin]:
    """The pins that every one of these models has a code for."""
    return [p for p in st.session_state.get("_pins", []) if all(s.identity in p.codes for s in spaces)]


def add(spaces: list[LatentSpace], slot: int, code: np.ndarray) -> None:
    """Pin a code of the model in that place of `spaces`."""
    pins = st.session_state.setdefault("_pins", [])
    if len(here(spaces)) >= MOST:
        st.toast(f"{MOST} places are pinned already; take one out first.", icon=":material/push_pin:")
        return
    taken = {p.name for p in pins}
    name = next(f"P{n}" for n in range(1, len(pins) + 2) if f"P{n}" not in taken)
    image = decode(spaces[slot].model, code[None])
    codes = {s.identity: code if n == slot else encode(s.model, image)[0] for n, s in enumerate(spaces)}
    pins.append(Pin(name, codes))


def remove(number: int) -> None:
    """Take out the pin of that number."""
    st.session_state["_pins"] = [p for p in st.session_state.get("_pins", []) if p.name != f"P{number}"]


def clear() -> None:
    st.session_state.pop("_pins", None)


def overlay(space: LatentSpace, pins: list[Pin], named) -> atlas.Overlay:
    """What a map shows of the pins."""
    return atlas.Overlay(named=named, pins=[(p.name, p.codes[space.identity]) for p in pins])


def arithmetic(spaces: list[LatentSpace], pins: list[Pin]) -> Pin | None:
    """A - B + C of three chosen pins, in each model's own space; None where fewer than two are there."""
    if len(pins) < 2:
        return None
    names = [p.name for p in pins]
    chosen = [
        column.selectbox(label, names, index=min(n, len(names) - 1), key=f"_pin_{n}_{len(names)}")
        for n, (column, label) in enumerate(zip(st.columns(3, gap="xsmall"), ("Take", "minus", "plus"), strict=True))
    ]
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
            st.page_link(
                "views/interpolate.py", label="Walk through them", icon=":material/timeline:",
                query_params={"between": "pins"},
            )  # fmt: skip
        st.button("Clear pins", icon=":material/close:", on_click=clear)
    return [*pins, result] if result is not None else pins


def between(spaces: list[LatentSpace]) -> list[Pin]:
    """The pins that a walk goes through, where the page was asked for one; else none."""
    pins = here(spaces)
    if len(pins) < 2:
        return []
    asked = state.choice(st.segmented_control, "Between", ["rows", "pins"], "between", text=str.capitalize)
    return pins if asked == "pins" else []
