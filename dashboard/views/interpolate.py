"""A walk between two images, in the AE and in the VAE in step: strips, an animation, and the path on the map."""

from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard import atlas, components, palette, parts, pins, resources, state, walks
from dashboard.figures import Marks
from latent import export
from latent.decode import decode

KINDS = {"linear": "Linear", "spherical": "Spherical", "geodesic": "Geodesic", "data": "Along the data"}
NONE = "none"

chosen = state.chosen()
spaces = chosen.spaces()
first = spaces[0]


def random_row(key: str, class_key: str | None = None) -> None:
    """Put a random row, of the chosen class if there is one, into the field."""
    pool = first.row_ids
    wanted = st.session_state.get(class_key) if class_key else None
    if wanted:
        pool = pool[first.labels == first.classes.index(wanted)]
    st.session_state[key] = int(np.random.default_rng().choice(pool))


def end(label: str, key: str, default: int) -> int:
    """One end of the walk: by row, by class, at random."""
    row = state.row(label, first, default, key)
    if first.labels is not None:
        st.selectbox(
            f"by class: {label}", parts.present_classes(first), index=None, placeholder="Any class",
            key=f"{key}_class", width=118, label_visibility="collapsed", on_change=random_row,
            args=(key, f"{key}_class"),
        )  # fmt: skip
    st.button(
        "", icon=":material/casino:", key=f"{key}_random", on_click=random_row,
        args=(key, f"{key}_class" if first.labels is not None else None), help="A random row, of that class",
    )  # fmt: skip
    return row


def take_end(row_id: int) -> None:
    """A click on a map sets the end whose turn it is."""
    which = "from" if next_end() == "start" else "to"
    st.session_state[which] = row_id
    st.session_state["_next_end"] = "end" if which == "from" else "start"


def next_end() -> str:
    """Which end of the walk a click sets: start or end."""
    return st.session_state.get("_next_end", "start")


heading = st.container()
default_from, default_to = parts.default_ends(first)
with st.container(horizontal=True, vertical_alignment="bottom"):
    stops = pins.between(spaces)
    if not stops:
        start, goal = end("From row", "from", default_from), end("To row", "to", default_to)
    kind = state.choice(st.selectbox, "Path", list(KINDS), "path", text=lambda k: KINDS[k], width=140)
    others = [NONE, *(k for k in KINDS if k != kind)]
    beside = state.choice(
        st.selectbox, "Beside it", others, "beside", text=lambda k: KINDS.get(k, "Nothing"), width=140,
        help="A second kind of path between the same ends.",
    )  # fmt: skip
    steps = max(state.number(st.slider, "Frames", 2, 64, 16, "frames", width=110), len(stops))

if stops:
    through = [np.stack([p.codes[s.identity] for p in stops]) for s in spaces]
    names, named, of = [p.name for p in stops], (), "pins"
else:
    through = [s.codes[s.positions([start, goal])] for s in spaces]
    names, named, of = parts.captions(first, [start, goal]), (("from", start), ("to", goal)), f"{start}-to-{goal}"
waiting = st.container()
kinds = [kind] if beside == NONE else [kind, beside]
# (model's place, kind) -> its path, as far as they are there
with waiting:
    made = {
        (i, k): walks.through(s, k, KINDS[k], t, steps)
        for i, (s, t) in enumerate(zip(spaces, through, strict=True)) for k in kinds
    }  # fmt: skip
made = {at: walked for at, walked in made.items() if walked is not None}
profiles = {(i, k): resources.profile(spaces[i], walked.codes) for (i, k), walked in made.items()}
frames = {(i, k): decode(spaces[i].model, walked.codes) for (i, k), walked in made.items()}
labels = {
    (i, k): f"{chosen.models[i].name}, {KINDS[k].lower()}" if len(kinds) > 1 else chosen.models[i].name
    for i, k in made
}  # fmt: skip
with heading:
    between = " and ".join(map(parts.named, spaces))
    way = f" through {', '.join(names[1:-1])}" if len(names) > 2 else ""
    parts.title(f"From {names[0]}{way} to {names[-1]}", f"{KINDS[kind]} path in {steps} frames · {between}")

originals = resources.originals(chosen.a)
left, right = st.columns([2, 3], gap="medium")
with left:
    maps = st.container(gap="small")
    with st.container(horizontal=True, vertical_alignment="center"):
        settings = parts.projection_controls(chosen.models, spaces, folded=True)
        if settings and settings.method == "umap":
            st.caption("A path's place on UMAP is approximate.", help="Each code is set among its nearest codes.")
with right:
    captions = [f"{t:.0%} of the way" for t in np.linspace(0, 1, steps)]
    if made:
        components.player(
            [
                components.Strip(
                    frames[i, k], f"{'AB'[i]} · {labels[i, k]}", palette.accent(i), captions,
                    curve=profiles[i, k].strangeness,
                )
                for i, k in made
            ],
            key="player",
        )  # fmt: skip
        st.table(walks.table({f"{'AB'[i]} · {labels[i, k]}": p for (i, k), p in profiles.items()}))
        st.caption(
            "The line under each strip: how far its frames are from real codes, in codes and by decoding and encoding "
            "again. Where it is red, 95 % of real codes are nearer: the path crosses a hole."
        )
        for (i, k), walked in made.items():
            walks.notes(spaces[i], walked, through[i], steps, f"{'AB'[i]} · {labels[i, k]}")
    ends, below = st.columns([1, 1], gap="small")
    with ends, st.container(border=True):
        st.markdown("**The pinned places**" if stops else "**The two originals**")
        if stops:
            st.caption(f"{' → '.join(names)}: places that were pinned on the map, images of no row.")
        elif originals is None:
            parts.missing_images(chosen.a)
        else:
            components.gallery(
                [parts.rows_strip(first, [start, goal], originals.take([start, goal]))], key="ends", size=80, columns=2
            )
            st.caption(" → ".join(names))
    with below:
        if settings and settings.dims == 3:
            parts.pointer(chosen, has_originals=originals is not None, on_pick=take_end)
        if not stops:
            st.caption(f"A click on a point makes it the {next_end()} of the walk; the one after, the other end.")
    name = f"{chosen.a.config.dataset.replace(':', '-').replace('/', '-')}-{of}-{kind}"
    if made:
        files = [export.Walk(labels[at], walked.codes, frames[at]) for at, walked in made.items()]
        walks.downloads(files, names, name, chosen.a.config.dataset)
        st.caption(f"Each model walks between its own codes of the same {'pictures' if stops else 'images'}.")

accents = [palette.accent(slot) for slot in range(len(spaces))]
colouring = parts.default_colouring(first)
if settings and settings.dims == 2:
    with maps:
        atlas.draw(
            chosen.models, spaces, "AB"[: len(spaces)], accents, settings, colouring, key="walk", device=chosen.device,
            layers=atlas.Layers(align=len(spaces) > 1), selectable=False, on_pick=take_end, across=1,
            overlays=[
                replace(pins.overlay(s, stops, named), paths=[made[i, k].codes for k in kinds if (i, k) in made])
                for i, s in enumerate(spaces)
            ],
            look="walk" if len(spaces) > 1 else "walk-alone",
        )  # fmt: skip
elif settings:
    for slot, (found, space) in enumerate(zip(chosen.models, spaces, strict=True)):
        with maps, st.container(border=True, key=f"walk_frame_{len(spaces)}_{slot}", gap=None):
            parts.model_label(slot, found)
            projection = parts.known_projection(found, settings)
            walked = made.get((slot, kind))
            path_there = None if projection is None or walked is None else projection.transform(walked.codes)
            marks = Marks(path=path_there, named=named, accent=accents[slot])
            key = f"walk_{slot}_{found.identity[:8]}"
            parts.solid_map(found, space, settings, colouring, marks, key=key)
