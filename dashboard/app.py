"""The router and the sidebar: which data set, which models, which device.  Pages do the rest."""

import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # also when started by AppTest, without main.py
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from aemodels import datasets  # noqa: E402
from aemodels.checkpoint import Checkpoint  # noqa: E402
from dashboard import resources, state  # noqa: E402

PAGES = [
    st.Page("views/map.py", title="Map", icon=":material/scatter_plot:", default=True,
            help="The latent codes as a map: colour, lasso, and see what lies where."),
    st.Page("views/interpolate.py", title="Interpolate", icon=":material/timeline:",
            help="Walk from one image to another through the latent space of each model."),
    st.Page("views/traverse.py", title="Traverse", icon=":material/tune:",
            help="What each dimension and direction of latent space draws, with a slider each."),
    st.Page("views/sample.py", title="Sample", icon=":material/casino:",
            help="Decode points drawn from the prior, or from a distribution fitted to the codes."),
    st.Page("views/compare.py", title="Compare", icon=":material/compare:",
            help="Two or more models on the same rows: maps, reconstructions and figures."),
    st.Page("views/checkpoints.py", title="Checkpoints", icon=":material/inventory_2:",
            help="What there is: model cards and learning curves."),
]  # fmt: skip


def sidebar() -> state.Chosen | None:
    """The choice that all pages share; None where there is no usable checkpoint."""
    by_dataset: dict[str, list[Checkpoint]] = {}
    for found in resources.checkpoints():
        by_dataset.setdefault(found.config.dataset, []).append(found)
    if not by_dataset:
        return None
    names = sorted(by_dataset)
    preferred = state.PREFERRED_DATASET if state.PREFERRED_DATASET in names else names[0]
    titles = Counter(map(datasets.title, names))

    def title(name: str) -> str:
        """Two folders of one name are told apart by their paths."""
        return datasets.title(name) if titles[datasets.title(name)] == 1 else name

    dataset = state.choice(st.selectbox, "Data set", names, "data", preferred, text=title, on_change=state.forget_rows)
    models = {c.name: c for c in by_dataset[dataset]}
    first, second = state.preferred_pair(list(models))
    a = state.choice(st.selectbox, "Model A", list(models), "a", first)
    others = [state.NO_MODEL, *(c.name for c in state.comparable(models[a]) if c.name != a)]
    former = st.session_state.get("_former_a")
    if st.session_state.get("b") == a and former in others:
        st.session_state["b"] = former  # A became what B was: they change places
    st.session_state["_former_a"] = a
    if st.session_state.pop("_alone", False) and len(others) > 1:
        st.session_state["b"] = second if second in others else state.NO_MODEL  # "none" was nobody's choice
    st.session_state["_alone"] = len(others) == 1
    b = state.choice(st.selectbox, "Model B", others, "b", second if second in others else state.NO_MODEL)
    device = state.choice(st.selectbox, "Device", resources.devices(), "device")
    st.caption(f"Models run on {resources.device_label(device)}")
    if resources.broken():
        st.caption(f":material/warning: {len(resources.broken())} unusable: see Checkpoints")
    return state.Chosen(models[a], models.get(b), device)


st.set_page_config(page_title="Latentboard", page_icon=Path(__file__).with_name("icon.png"), layout="wide")
st.logo(Path(__file__).with_name("logo.svg"), size="large")
# What no theme option sets: maps get the room that the wide layout leaves empty round them, and are square as far as
# the window goes; buttons in a row of controls are as high as the fields.
st.html(Path(__file__).with_name("style.css"))
page = st.navigation(PAGES)
state.arrive(page.title)
with st.sidebar:
    chosen = sidebar()
if chosen is None and page.title != "Checkpoints":
    st.title("No checkpoint yet")
    st.markdown(
        "Latentboard shows what a trained autoencoder has learned, and there is none under the checkpoints folder. "
        "Train one in seconds, without a download:"
    )
    st.code("python -m train vae --dataset digits --latent-dim 8 --epochs 60", language="bash")
    st.button("Look again", icon=":material/refresh:")
    if resources.broken():
        st.caption(f"{len(resources.broken())} folders there cannot be used; the Checkpoints page says why.")
else:
    st.session_state["_chosen"] = chosen
    try:
        page.run()
    finally:
        state.voice()
