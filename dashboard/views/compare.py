"""Two or more models on the same rows: figures with what they mean, maps, reconstructions, shared neighbours."""

import numpy as np
import streamlit as st

from dashboard import atlas, components, figures, parts, resources, state
from dashboard.figures import Marks
from latent import metrics
from latent.verdict import verdict

MEANINGS = {
    "Reconstruction MSE": (
        "Mean squared error a pixel value on held-out images: how much of an image survives the code. Lower is better."
    ),
    "Neighbour accuracy": (
        "Share of held-out images whose class is the commonest among their 10 nearest codes: whether the latent space "
        "sorts by what one sees. Higher is better."
    ),
    "KL to prior": (
        "Nats an image that the posterior spends on leaving the prior. Not better or worse by itself: more carries "
        "more detail, less keeps the codes closer to what is sampled."
    ),
    "Active units": (
        "Latent dimensions whose mean varies over images by more than 0.01 in variance. Where these are fewer than the "
        "dimensions, the rest have collapsed."
    ),
}
EXAMPLES = 16

chosen = state.chosen()
available = {c.name: c for c in state.comparable(chosen.a)}
heading = st.container()
defaults = list(dict.fromkeys([c.name for c in chosen.models] + (["pca"] if "pca" in available else [])))
with st.container(horizontal=True, vertical_alignment="bottom"):
    picked = state.several("Checkpoints", list(available), "models", defaults)
if len(picked) < 2:
    with heading:
        parts.title(f"{chosen.dataset_title}: compare models", "Choose two or more checkpoints")
    st.info("Choose two or more checkpoints of this data set.", icon=":material/compare:")
    st.stop()
found = [available[name] for name in picked]
spaces = [resources.space(c, chosen.device) for c in found]
accents = state.accents(picked)
with heading:
    parts.title(
        f"{chosen.dataset_title}: {', '.join(picked)}",
        f"The same {len(spaces[0]):,} held-out rows, settings and colours for all",
    )

# --- figures ---
scores = {c.name: resources.figures(c) for c in found}
st.subheader("Which latent space is better, and by what measure", anchor=False)
lines = verdict(scores, {s.name: s.error for s in spaces}, {s.name: s.latent_dim for s in spaces})
st.markdown("\n".join(f"- {line}" for line in lines))
overlaps = {}
if len(spaces[0]) > metrics.K:
    for c, space in zip(found[1:], spaces[1:], strict=True):
        overlap = resources.overlap((found[0].identity, c.identity), spaces[0], space)
        overlaps[c.name] = overlap.mean
    MEANINGS["Neighbour overlap"] = (
        f"Share of a row's {metrics.K} nearest neighbours that this latent space has in common with that of "
        f"{found[0].name}; by chance it would be {overlap.expected_by_chance:.4f}. 1 means that both see the same "
        "images as alike."
    )
st.table(parts.figures_table(scores, MEANINGS, overlaps))

# --- maps ---
st.subheader("The same rows on each map", anchor=False)
with st.container(horizontal=True, vertical_alignment="bottom"):
    colour_slot = st.container(width="content")
    settings = parts.projection_controls(found, spaces)
    with colour_slot:
        colouring = parts.colour_control(spaces[0], settings, len(found))
    layers = atlas.layer_controls(len(found), settings) if settings and settings.dims == 2 else atlas.Layers()
selection, lit = state.selection(spaces[0]), state.lit_rows(spaces[0])
if settings:
    ends, across = parts.legend(spaces, colouring), min(3, len(found))
    if settings.dims == 2:
        atlas.draw(
            found, spaces, [""] * len(found), [accents[c.name] for c in found], settings, colouring, key="compare",
            device=chosen.device, layers=layers, lit=lit, across=across, on_pick=state.pick, ends=ends,
        )  # fmt: skip
    else:
        columns = st.columns(across)
        for n, (c, space) in enumerate(zip(found, spaces, strict=True)):
            key = f"compare_{n}_{c.identity[:8]}"
            with columns[n % across], parts.map_frame(key):
                parts.name_tag(c.name, accents[c.name])
                parts.solid_map(c, space, settings, colouring, Marks(lit=lit), key=key, ends=ends)
    st.caption(f"{parts.projection_title(settings)} of each latent space; a lasso on one map lights up the others.")

# --- reconstructions ---
st.subheader("Originals over each model's reconstructions", anchor=False)
with st.container(horizontal=True, vertical_alignment="bottom"):
    if selection is not None:
        st.markdown(f"From the selection: {len(selection):,} rows · {parts.shares(spaces[0], selection)}")
        st.button("Clear selection", icon=":material/close:", on_click=state.clear_selection)
    example_seed = state.number(st.number_input, "Other examples", 0, 9999, 0, "examples", width=150)
pool = spaces[0].row_ids if selection is None else np.asarray(selection, np.int64)
rows = np.random.default_rng(int(example_seed)).permutation(pool)[:EXAMPLES]
originals = resources.originals(found[0])
strips = []
if originals is None:
    parts.missing_images(found[0])
else:
    strips.append(parts.rows_strip(spaces[0], rows, originals.take(rows), "Original"))
for c, space in zip(found, spaces, strict=True):
    error = float(space.error[space.positions(rows)].mean()) if len(rows) else 0.0
    images = resources.reconstructions(space, rows)
    strips.append(parts.rows_strip(space, rows, images, f"{c.name} · MSE of these {error:.4f}", accents[c.name]))
if len(rows):
    components.gallery(strips, key="reconstructions", size=72, columns=EXAMPLES)
else:
    st.info("No row of the selection is of a class that is lit.", icon=":material/filter_alt_off:")

# --- what a VAE's dimensions carry ---
variational = [(c, s) for c, s in zip(found, spaces, strict=True) if s.variational]
if variational:
    st.subheader("What each dimension of a VAE carries", anchor=False)
    columns = st.columns(len(variational))
    spent = [metrics.kl_per_dimension(s.codes, s.logvar) for _, s in variational]
    most = max(float(kl.max()) for kl in spent)
    for column, (c, _), kl in zip(columns, variational, spent, strict=True):
        with column:
            st.markdown(f"**{c.name}**")
            st.plotly_chart(
                figures.kl_bars(kl, accents[c.name], most), key=f"kl_{c.name}",
                alt=f"KL to the prior by latent dimension of {c.name}, {kl.sum():.1f} nats in all",
            )  # fmt: skip
