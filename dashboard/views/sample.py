"""Images that no one took: codes drawn by two samplers side by side from the same seed, decoded; prior and codes."""

import time

import numpy as np
import streamlit as st

from dashboard import atlas, components, figures, palette, parts, resources, samples, state
from latent import device, gap, metrics, pictures, sample
from latent.decode import decode
from latent.encode import model_device

GRID, PLANE = 20, 640  # a decoded plane: places and pixels a side
TILE, PAGE = 48, 100
ON_MAP = 300  # draws of each kind that the map shows
TITLES = {
    sample.PRIOR: "Prior N(0, I)", sample.AGGREGATE: "Aggregate posterior",
    sample.GAUSSIAN: "Gaussian fitted to the codes", sample.MIXTURE: "Gaussian mixture fitted to the codes",
}  # fmt: skip
ANY = "Any"

chosen = state.chosen()
spaces = chosen.spaces()

heading = st.container()
with st.container(horizontal=True, vertical_alignment="bottom"):
    sides = {"A beside B": (0, 1), "Two of A": (0, 0), "Two of B": (1, 1)} if chosen.b else {"One": (0,), "Two": (0, 0)}
    side = state.choice(st.segmented_control, "Show", list(sides), "sides")
    count = state.number(st.number_input, "Images", 4, 10_000, 100, "count", width=110)
    temperature = state.number(
        st.slider, "Temperature", 0.0, 2.0, 1.0, "temperature", step=0.05, width=150,
        help="Scale of the draws' deviations: 0 is the mean alone, 1 the distribution itself.",
    )  # fmt: skip
    truncation = state.number(
        st.slider, "Truncation", 0.5, 4.0, 4.0, "truncation", step=0.1, width=150,
        help="Draws further out than so many standard deviations are drawn again; 4 leaves all as they are.",
    )  # fmt: skip
    classes = [ANY, *parts.present_classes(spaces[0])] if spaces[0].labels is not None else [ANY]
    wanted = state.choice(st.selectbox, "Class", classes, "of_class", width=140)
    seed = state.number(st.number_input, "Seed", 0, 2**31 - 1, 0, "seed", width=120)

    def again() -> None:
        st.session_state["seed"] = (st.session_state["seed"] + 1) % 2**31

    st.button("Draw others", icon=":material/casino:", type="primary", key="again", on_click=again)

with heading:
    names = " beside ".join(dict.fromkeys(parts.named(spaces[slot]) for slot in sides[side]))
    parts.title(
        f"{chosen.dataset_title}: images that no one took", f"Codes drawn by the same seed and decoded · {names}"
    )

of_class = None if wanted == ANY else spaces[0].classes.index(wanted)
drawing = {
    "temperature": temperature, "truncation": None if truncation >= 4 else truncation, "of_class": of_class,
    "store": resources.store(),
}  # fmt: skip
clouds: dict[int, list] = {}
for n, (column, slot) in enumerate(zip(st.columns(len(sides[side]), gap="medium"), sides[side], strict=True)):
    found, space = chosen.models[slot], spaces[slot]
    accent = palette.accent(slot) if n == 0 or slot != sides[side][0] else palette.accent(n + 2)
    with column, st.container(border=True):
        first = sample.default(space) if n == 0 or slot != sides[side][0] else sample.MIXTURE
        if wanted != ANY and first == sample.PRIOR:
            first = sample.AGGREGATE
        kind = state.choice(
            st.selectbox, f"{'AB'[slot]} · {found.name}, drawn from", list(TITLES), f"sampler{n + 1}", first,
            text=TITLES.get,
        )  # fmt: skip
        refused = sample.why_not(kind, space, of_class=of_class)
        if refused:
            st.info(f"{refused[0].upper()}{refused[1:]}.", icon=":material/block:")
            continue

        def fit(progress, cancelled, kind=kind, space=space) -> bool:
            sample.sample(space, 1, 0, kind=kind, **drawing, progress=progress, cancelled=cancelled)
            return True

        if kind == sample.MIXTURE and not parts.background(
            ("mixture", found.identity, of_class), fit, "Fitting a mixture", key=f"mixture_{n}"
        ):
            continue
        drawn = sample.sample(space, int(count), int(seed), kind=kind, **drawing)
        pages = -(-len(drawn.codes) // PAGE)
        page = st.number_input(f"Page of {pages}", 1, pages, key=f"page_{n}_{pages}", width=130) if pages > 1 else 1
        shown = drawn.codes[(page - 1) * PAGE : page * PAGE]
        decode(space.model, shown[:1])  # what a first call sets up is not the decoder's time
        began = time.perf_counter()
        images = decode(space.model, shown)
        took = 1000 * (time.perf_counter() - began)
        strip = components.Strip(images, f"{'AB'[slot]} · {found.name}", accent)
        components.gallery([strip], key=f"samples_{n}", size=TILE)
        no_prior = "" if space.variational else " (an autoencoder has no prior)"
        mean = " · at temperature 0 every draw is the mean" if temperature == 0 else ""
        st.caption(
            f"{(page - 1) * PAGE + 1:,} to {(page - 1) * PAGE + len(shown):,} of {len(drawn.codes):,}, drawn from "
            f"{drawn.source}{no_prior}{mean} · seed {int(seed)} · decoded in {took:.0f} ms on "
            f"{device.describe(model_device(space.model))}"
        )
        st.download_button(
            "PNG", lambda images=images: pictures.png(pictures.contact_sheet(images)),
            f"{found.name}-samples-seed{int(seed)}.png", "image/png", icon=":material/image:", on_click="ignore",
            key=f"download_{n}",
        )  # fmt: skip
        how = (kind, int(count), int(seed), temperature, truncation, of_class)
        samples.judged(found, space, drawn.codes, how, accent, key=str(n))
        clouds.setdefault(slot, []).append((accent, drawn.codes[:ON_MAP]))

# --- where the draws lie, and how far the prior is from the codes ---
if clouds:
    st.subheader("Where the draws lie among the codes", anchor=False)
    settings = parts.projection_controls(chosen.models, spaces)
    slots = sorted(clouds)
    if settings and settings.dims == 2:
        atlas.draw(
            [chosen.models[s] for s in slots], [spaces[s] for s in slots], ["AB"[s] for s in slots],
            [palette.accent(s) for s in slots], settings, parts.default_colouring(spaces[0]), key="draws",
            device=chosen.device, layers=atlas.Layers(align=len(slots) > 1), selectable=False, on_pick=state.pick,
            overlays=[atlas.Overlay(clouds=clouds[s]) for s in slots], across=2,
        )  # fmt: skip
        st.caption(f"Ringed dots: the first {min(ON_MAP, int(count)):,} draws, in each sampler's colour.")
    elif settings:
        st.caption("Draws are shown on flat maps: choose 2 dimensions.")

variational = [(slot, s) for slot, s in enumerate(spaces) if s.variational and len(s) > 1]
for slot, space in variational:
    st.subheader(f"Prior and aggregate posterior of {space.name}", anchor=False)
    st.markdown(
        f"{resources.prior_gap(space).sentence()}. A sampler that draws where no image is encoded decodes what the "
        "model never learned; where the histograms leave the curve, it does."
    )
    kl = metrics.kl_per_dimension(space.codes, space.logvar)
    posterior = sample.sample(space, 10_000, 0, kind=sample.AGGREGATE)
    st.plotly_chart(
        figures.histograms(gap.histograms(posterior.codes), np.argsort(-kl)[:32], palette.accent(slot)),
        key=f"histograms_{slot}", config={"displayModeBar": False},
        alt=f"Histograms of the aggregate posterior of {space.name} by dimension, beside N(0, 1)",
    )  # fmt: skip
    st.caption(
        "Draws of the aggregate posterior by dimension, those of the largest KL first; the line is N(0, 1). "
        f"KL to the prior: {kl.sum():.1f} nats in all."
    )

# --- the whole plane of a model of two dimensions ---
planes = [(i, c, s) for i, (c, s) in enumerate(zip(chosen.models, spaces, strict=True)) if s.latent_dim == 2]
if planes:
    for column, (slot, found, space) in zip(st.columns(max(2, len(planes)), gap="medium"), planes, strict=False):
        with column, st.container(border=True):
            plane = pictures.sheet(decode(space.model, sample.grid(space, GRID).codes), GRID)
            strip = components.Strip(plane[None], f"{'AB'[slot]} · {found.name}", palette.accent(slot))
            components.gallery([strip], key=f"grid_{slot}", size=PLANE, columns=1)
            over = "the prior's" if space.variational else "its codes'"
            st.caption(
                f"The whole plane: {GRID}×{GRID} places, evenly spaced in {over} quantiles; "
                "dimension 1 to the right, 2 upwards."
            )
