"""The map of latent codes: AE beside VAE, the row under the pointer, the selection as a gallery."""

import streamlit as st

from dashboard import atlas, components, palette, parts, pins, resources, state
from dashboard.figures import Marks
from latent.neighbours import nearest

GALLERY = 60
NEIGHBOURS = 10

chosen = state.chosen()
spaces = chosen.spaces()
views = ["Side by side", "A", "B"]

heading = st.container()
with st.container(horizontal=True, vertical_alignment="bottom"):
    view = state.choice(st.segmented_control, "Show", views, "view") if chosen.b else "A"
    shown = {"A": [0], "B": [1], "Side by side": [0, 1]}[view]
    colour_slot = st.container(width="content")
    settings = parts.projection_controls(chosen.models, spaces)
    with colour_slot:
        colouring = parts.colour_control(spaces[0], settings, len(shown))
    layers = atlas.layer_controls(len(shown), settings) if settings and settings.dims == 2 else atlas.Layers()
with heading:
    names = " beside ".join(parts.named(spaces[i]) for i in shown)
    what = f"{parts.projection_title(settings)} of all" if settings else "No projection of"
    parts.title(f"{chosen.dataset_title}: {names}", f"{what} {len(spaces[0]):,} held-out codes")
if settings is None:
    st.stop()
originals = resources.originals(chosen.a)

ends = parts.legend([spaces[i] for i in shown], colouring)
main, side = st.columns([6, 1.7], gap="small")
selection, lit, picked = state.selection(spaces[0]), state.lit_rows(spaces[0]), state.picked(spaces[0])
named = ((f"#{picked}", picked),) if picked is not None else ()
with side:
    if settings.dims == 3:
        parts.pointer(chosen, has_originals=originals is not None, on_pick=state.pick)
    if originals is None:
        parts.missing_images(chosen.a)
    pinned = pins.panel(spaces) if settings.dims == 2 else []

with main:
    models, those = [chosen.models[i] for i in shown], [spaces[i] for i in shown]
    if settings.dims == 2:
        atlas.draw(
            models, those, ["AB"[i] for i in shown], [palette.accent(i) for i in shown], settings, colouring,
            key="map", device=chosen.device, layers=layers, overlays=[pins.overlay(s, pinned, named) for s in those],
            lit=lit, on_pick=state.pick, ends=ends,
            on_pin=lambda slot, code: pins.add(spaces, shown[slot], code),
        )  # fmt: skip
    else:
        for column, slot in zip(st.columns(len(shown), gap="small"), shown, strict=True):
            found, key = chosen.models[slot], f"map_{slot}_{chosen.models[slot].identity[:8]}"
            with column, parts.map_frame(key):
                parts.model_label(slot, found)
                marks = Marks(lit=lit, named=named, accent=palette.accent(slot))
                parts.solid_map(found, spaces[slot], settings, colouring, marks, key=key, ends=ends)

with side, st.container(border=True):
    if picked is None:
        st.markdown("**Clicked point**")
        st.caption("Click a point: its reconstructions and its nearest neighbours in each latent space.")
    else:
        st.markdown(f"**Clicked: {parts.captions(spaces[0], [picked])[0]}**")
        strips = []
        if originals is not None:
            strips.append(components.Strip(originals.take([picked]), "original"))
        for i, space in enumerate(spaces):
            error = space.error[space.positions([picked])[0]]
            made = resources.reconstructions(space, [picked])
            strips.append(components.Strip(made, f"{'AB'[i]} {error:.2g}", palette.accent(i)))
        components.gallery(strips, key="clicked", columns=1, size=140, beside=True)
        for i, (found, space) in enumerate(zip(chosen.models, spaces, strict=True)):
            here = space.positions([picked])
            near = space.row_ids[nearest(space.codes, min(NEIGHBOURS + 1, len(space)), space.codes[here])[0]]
            near = near[near != picked][:NEIGHBOURS]
            images, kind = parts.images_of(found, space, near)
            strip = parts.rows_strip(space, near, images, f"Nearest in {found.name}", palette.accent(i))
            components.gallery([strip], key=f"near_{i}", size=42, on_click=state.pick)
        st.caption(
            "Beside the letters: mean squared error. Neighbours by Euclidean distance in latent space; "
            f"{kind}, framed by class."
        )

with main, st.container(border=True):
    if selection is None:
        st.markdown("**Selection**")
        st.caption(
            "Draw a lasso or a box on a flat map: its rows appear here, with their classes, and light up on the other."
        )
    else:
        ids = list(selection)
        text = parts.shares(spaces[0], ids)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Selection: {len(ids):,} rows**{' · ' if text else ''}{text}")
            st.space("stretch")
            pages = -(-len(ids) // GALLERY)
            page = (
                st.number_input(f"Page of {pages}", 1, pages, key=f"gallery_page_{hash(selection)}", width=130)
                if pages > 1
                else 1
            )
            st.button("Clear", icon=":material/close:", key="clear_selection", on_click=state.clear_selection)
        part = ids[(page - 1) * GALLERY : page * GALLERY]
        images, kind = parts.images_of(chosen.a, spaces[0], part)
        components.gallery([parts.rows_strip(spaces[0], part, images)], key="selection", size=52, on_click=state.pick)
        st.caption(
            f"{kind.capitalize()} {(page - 1) * GALLERY + 1:,} to {(page - 1) * GALLERY + len(part):,}, "
            "framed by class; click one to look closer."
            if part
            else "No row of the selection is of a class that is lit."
        )
        if "rows" not in st.query_params:
            st.caption("These rows are too many to fit into the address: a copied link opens without them.")
