"""What each direction of latent space draws: rows of decoded images, a slider each, decoded while it is dragged."""

import streamlit as st

from dashboard import directions, palette, parts, pins, resources, routes, state
from latent import traverse

CENTRES = {"mean": "Mean", "image": "An image", "pin": "A pinned place"}

chosen = state.chosen()
spaces = chosen.spaces()

heading = st.container()
with st.container(horizontal=True, vertical_alignment="bottom"):
    view = state.choice(st.segmented_control, "Show", ["Side by side", "A", "B"], "view") if chosen.b else "A"
    shown = {"A": [0], "B": [1], "Side by side": [0, 1]}[view]
    those = [spaces[i] for i in shown]
    kinds = [k for k in directions.KINDS if any(k in directions.offered(s) for s in those)]
    kind = state.choice(st.segmented_control, "Along", kinds, "along", text=lambda k: directions.KINDS[k])
    pair = directions.class_pair(those[0]) if kind == "classes" else None
    pinned = pins.here(spaces)
    centres = [c for c in CENTRES if c != "pin" or pinned]
    round_ = state.choice(st.segmented_control, "Round", centres, "round", text=lambda c: CENTRES[c])
    row = state.row("Row", spaces[0], parts.default_ends(spaces[0])[0], "row_centre") if round_ == "image" else None
    pin = state.choice(st.selectbox, "Pin", [p.name for p in pinned], "pin", width=90) if round_ == "pin" else None

found = [directions.of_kind(kind, space, pair) if kind in directions.offered(space) else [] for space in those]
with heading:
    parts.title(
        f"{chosen.dataset_title}: what each direction draws",
        f"{directions.KINDS[kind]} of {' beside '.join(map(parts.named, those))} · {directions.EXPLAINED[kind]}",
    )

originals = resources.originals(chosen.a)
for column, slot, space, rows in zip(st.columns(len(shown), gap="medium"), shown, those, found, strict=True):
    with column, st.container(border=True):
        if row is not None:
            centre, said = space.codes[space.positions([row])[0]], parts.captions(space, [row])[0]
        elif pin is not None:
            centre, said = next(p for p in pinned if p.name == pin).codes[space.identity], f"pinned place {pin}"
        else:
            centre = traverse.centre(space)
            said = "the prior's mean" if space.variational else "the mean of the codes"
        if not rows:
            st.caption(f"{space.name} has no directions of this kind.")
            continue
        directions.draw(
            space, rows, centre, f"round {said}", key=f"knobs_{slot}", accent=palette.accent(slot),
            label=f"{'AB'[slot]} · {space.name}", query=routes.query(chosen.models[slot], device=chosen.device),
        )  # fmt: skip

if kind in ("classes", "principal", "factors"):
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = [d.name for d in found[0]]
        which = st.selectbox("Keep a direction", names, key=f"keep_{kind}", width=280)
        name = st.text_input("under the name", which, key=f"keep_name_{kind}_{which}", width=220)
        st.button(
            "Keep", icon=":material/bookmark:", on_click=directions.keep,
            args=(name, [(s, next(d for d in ds if d.name == which).vector)
                         for s, ds in zip(those, found, strict=True) if any(d.name == which for d in ds)]),
        )  # fmt: skip
if kind == "kept":
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.selectbox("Kept", list(dict.fromkeys(d.name for ds in found for d in ds)), key="kept", width=280)
        st.button("Forget it", icon=":material/delete:", on_click=directions.forget, args=(which,))
