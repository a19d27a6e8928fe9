"""Images decoded from each model's own distribution of codes, and the decoded grid of a 2-dimensional one."""

import time

import streamlit as st

from dashboard import components, palette, parts, state
from latent import device, pictures, sample
from latent.decode import decode
from latent.encode import model_device

chosen = state.chosen()
spaces = chosen.spaces()
GRID, PLANE = 20, 640  # a decoded plane: places and pixels a side
TILE = 48

heading = st.container()
with st.container(horizontal=True, vertical_alignment="bottom"):
    count = state.number(st.slider, "Images", 4, 400, 100, "count", width=220)
    temperature = state.number(
        st.slider, "Temperature", 0.0, 2.0, 1.0, "temperature", step=0.05, width=220,
        help="Scale of the draws' standard deviation: 0 is the mean alone, 1 the distribution itself.",
    )  # fmt: skip
    seed = state.number(st.number_input, "Seed", 0, 2**31 - 1, 0, "seed", width=140)

    def again() -> None:
        st.session_state["seed"] = (st.session_state["seed"] + 1) % 2**31

    st.button("Draw others", icon=":material/casino:", type="primary", key="again", on_click=again)

SOURCES = {
    "prior": "decoded from the VAE's prior N(0, I)",
    "gaussian": "an autoencoder has no prior: decoded from a Gaussian fitted to its codes",
}
with heading:
    names = " beside ".join(map(parts.named, spaces))
    parts.title(
        f"{chosen.dataset_title}: images that no one took", f"Points drawn in latent space and decoded · {names}"
    )

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

columns = st.columns(len(spaces), gap="medium")
for slot, (column, found, space) in enumerate(zip(columns, chosen.models, spaces, strict=True)):
    with column, st.container(border=True):
        drawn = sample.sample(space, count, int(seed), temperature)
        decode(space.model, drawn.codes[:1])  # what a first call sets up is not the decoder's time
        began = time.perf_counter()
        images = decode(space.model, drawn.codes)
        took = 1000 * (time.perf_counter() - began)
        runs_on = device.describe(model_device(space.model))
        components.gallery(
            [components.Strip(images, f"{'AB'[slot]} · {found.name}", palette.accent(slot))], key=f"samples_{slot}",
            size=TILE if count <= 100 else TILE // 2,
        )  # fmt: skip
        source = SOURCES[sample.default(space)]
        mean = " · at temperature 0 every draw is the mean" if temperature == 0 else ""
        st.caption(
            f"{count} images, {source} · temperature {temperature:.2f}{mean} · seed {int(seed)} · "
            f"decoded in {took:.0f} ms on {runs_on}"
        )
        st.download_button(
            "PNG", lambda images=images: pictures.png(pictures.contact_sheet(images)),
            f"{found.name}-samples-seed{int(seed)}.png", "image/png", icon=":material/image:", on_click="ignore",
            key=f"download_{slot}",
        )  # fmt: skip
