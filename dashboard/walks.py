"""Paths on a page: at once, or from the background where they take their time, with their figures as a table."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import parts
from latent import export, jobs, path, pictures
from latent.path import Path
from latent.profile import Profile
from latent.space import LatentSpace


def _key(space: LatentSpace, kind: str, stops: np.ndarray, steps: int) -> tuple:
    return "walk", space.identity, kind, stops.tobytes(), steps


def through(space: LatentSpace, kind: str, title: str, stops: np.ndarray, steps: int) -> Path | None:
    """A path through codes (S, D); None while it is under way, when its progress is shown here."""
    if path.kind(kind).instant:
        return path.through(space, kind, stops, steps)

    def work(progress: jobs.Progress, cancelled: Callable[[], bool]) -> Path:
        return path.through(space, kind, stops, steps, progress=progress, cancelled=cancelled)

    where = f"walk_{space.name}_{kind}"
    return parts.background(_key(space, kind, stops, steps), work, f"{title} path of {space.name}", key=where)


def notes(space: LatentSpace, walked: Path, stops: np.ndarray, steps: int, label: str) -> None:
    """What there is to say of a path; one that was stopped can be walked to its end."""
    key = _key(space, walked.kind, stops, steps)
    for note in filter(None, walked.notes):
        st.caption(f"{label}: {note}")
    if (job := jobs.find(key)) and job.stopping:
        st.button(f"{label}: search to the end", key=f"again_{label}", on_click=jobs.forget, args=(key,))


def downloads(files: Sequence[export.Walk], names: Sequence[str], file: str, dataset: str) -> None:
    """The walks to keep, made when they are asked for; `names` are those of their stops, `file` has no ending."""
    rows, labels = [w.frames for w in files], [w.label for w in files]
    kinds = (
        ("PNG", "image", "The frames of every walk as strips", lambda: pictures.strips(rows, labels)),
        ("GIF", "gif_box", "An animation, the walks side by side", lambda: pictures.gif(rows, labels)),
        ("MP4", "movie", "The same as a film", lambda: pictures.mp4(rows, labels)),
        ("HTML", "html", "A page that plays the walks without a server", lambda: export.page(files, " → ".join(names))),
        ("NPZ", "data_array", "Codes and frames, for NumPy",
         lambda: export.npz(files, {"through": list(names), "data set": dataset})),
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        for kind, icon, what, make in kinds:
            st.download_button(
                kind, make, f"{file}.{kind.lower()}", icon=f":material/{icon}:", on_click="ignore", help=what
            )


def table(profiles: dict[str, Profile]) -> pd.DataFrame:
    """One row a figure of walks, one column a walk."""
    rows = {
        "Length in latent space": lambda p: f"{p.latent_length:.2f}",
        "Length in image space": lambda p: f"{p.image_length:.2f}",
        "Energy": lambda p: f"{p.energy:.1f}",
        "Largest step": lambda p: f"{p.largest_step:.2f}",
        "Farthest from a real code": lambda p: f"{p.farthest:.2f} (typical {p.typical.distance:.2f})",
        "Worst round trip": lambda p: f"{p.worst_round_trip:.2f} (typical {p.typical.round_trip:.2f})",
        "Frames in a hole": lambda p: f"{p.outside.sum()} of {len(p.outside)}",
    }
    return pd.DataFrame({name: [of(p) for of in rows.values()] for name, p in profiles.items()}, index=list(rows))
