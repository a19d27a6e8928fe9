"""What there is: checkpoints with figures, model cards and learning curves; broken ones with the reason."""

import streamlit as st

from aemodels import checkpoint, datasets
from dashboard import figures, parts, resources, state

everything = resources.checkpoints()
broken = resources.broken()
parts.title("Checkpoints", f"{len(everything)} usable, {len(broken)} not, in the folder {checkpoint.root().name}/")

for found in broken:
    st.error(f"**{found.path.parent.name}/{found.name}**: {found.reason}", icon=":material/broken_image:")
if not everything:
    st.info("No usable checkpoint yet. Train one in seconds, without a download:", icon=":material/model_training:")
    st.code("python -m train vae --dataset digits --latent-dim 8 --epochs 60", language="bash")
    st.stop()

forms = {"Reconstruction MSE": "%.4f", "Neighbour accuracy": "%.3f", "KL (nats)": "%.2f", "Size (MB)": "%.2f"}
st.dataframe(
    parts.checkpoints_table(everything),
    column_config={name: st.column_config.NumberColumn(format=form) for name, form in forms.items()},
    hide_index=True,
    width="stretch",
    placeholder="–",
    alt="All usable checkpoints with their figures",
)

same = [c for c in everything if c.config.dataset == state.chosen().a.config.dataset]
title = datasets.title(same[0].config.dataset)
accents = state.accents([c.name for c in same])
left, right = st.columns([1, 1], gap="large")
with left:
    st.subheader("Model card", anchor=False)
    name = state.choice(st.selectbox, f"Checkpoint of {title}", [c.name for c in same], "card", state.chosen().a.name)
    card = next(c for c in same if c.name == name)
    with st.container(border=True):
        st.markdown(card.card.replace("\n# ", "\n#### ").replace("# ", "#### ", 1))
    with st.expander("config.json"):
        st.code((card.path / checkpoint.CONFIG).read_text(), language="json")
with right:
    st.subheader("Learning curves", anchor=False)
    trained = {c.name: c.history for c in same if c.history}
    pair = [c.name for c in state.chosen().models if c.history]
    shown = state.several("Curves", list(trained), "curves", pair or list(trained)[:1])
    if not trained:
        st.info("None of these has a learning curve.")
    elif not shown:
        st.info("Choose one or more checkpoints.")
    else:
        st.plotly_chart(
            figures.learning_curves({n: trained[n] for n in shown}, accents), key="curves_chart",
            alt=f"Training and held-out loss over epochs of {', '.join(shown)}",
        )  # fmt: skip
        st.caption(
            "Losses in nats per image. Curves of different objectives (another beta, another likelihood) "
            "do not share a scale."
        )
    for c in same:
        if c.history_note:
            st.caption(f"{c.name} has no curve: {c.history_note}.")
    closed = [c.name for c in same if c.model.closed_form]
    if closed:
        st.caption(f"Fitted in closed form, without epochs: {', '.join(closed)}.")
