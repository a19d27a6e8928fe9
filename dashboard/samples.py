"""Samples judged on a page, in the background and on request: how good they are, and whether they are copies."""

import numpy as np
import streamlit as st

from aemodels.checkpoint import Checkpoint
from aemodels.features import FeaturesError
from dashboard import components, parts, resources
from latent import jobs, judgement
from latent.decode import decode
from latent.space import LatentSpace

FEWEST, SHOWN = 50, 16


def judged(found: Checkpoint, space: LatentSpace, codes: np.ndarray, drawn: tuple, accent: str, *, key: str) -> None:
    """What is found of samples' codes (N, D), or the offer to measure it; `drawn` names how they were drawn."""
    if resources.originals(found) is None:
        st.caption("Quality and memory are measured beside the data set's images, which are not on this machine.")
        return
    if len(codes) < FEWEST:
        st.caption(f"Quality and memory are measured of {FEWEST} images and more.")
        return
    try:
        classifier, without = resources.classifier(found), ""
    except FeaturesError as error:
        classifier, without = None, str(error)

    def work(progress: jobs.Progress, cancelled: jobs.Cancellation) -> judgement.Judgement:
        return judgement.judge(
            space, codes, lambda split: resources.images_of(found, split), classifier, resources.store(),
            shown=SHOWN, progress=progress, cancelled=cancelled,
        )  # fmt: skip

    job = ("judged", found.identity, *drawn)
    if jobs.find(job) is None:
        st.button(
            "Measure quality and memory", icon=":material/query_stats:", key=f"judge_{key}", on_click=jobs.start,
            args=(job, work),
        )  # fmt: skip
        return
    result = parts.background(job, work, "Measuring", key=f"judged_{key}")
    if result is None:
        return
    good = result.good.sentence() if result.good else f"Not measured: {without}."
    st.markdown(
        f"- **Quality.** {good}\n- **Memory, pixels.** {result.pixels.sentence()}\n"
        f"- **Memory, latent space.** {result.codes.sentence()}"
    )
    strips = [
        components.Strip(decode(space.model, codes[:SHOWN]), "first samples", accent),
        components.Strip(result.nearest, "nearest training images"),
        components.Strip(result.nearest_codes, "nearest by their codes"),
    ]
    components.gallery(strips, key=f"nearest_{key}", size=32, columns=SHOWN)
