"""Directions of latent space on a page: which kind, of which classes, kept by name in the link."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard import components, links, parts, resources, routes, state
from latent import metrics, traverse
from latent.space import LatentSpace

KINDS = {
    "dimensions": "Dimensions", "principal": "Principal directions", "classes": "Class differences",
    "factors": "Factors", "kept": "Kept",
}  # fmt: skip
EXPLAINED = {
    "dimensions": (
        "a VAE's sorted by KL, its active units first (variance of the mean above "
        f"{metrics.ACTIVE_THRESHOLD:g}), an AE's by how much they change the image"
    ),
    "principal": "the directions in which the codes vary most",
    "classes": "from the mean of one class to that of another, with what resampling the codes does to it",
    "factors": "the straight lines that a factor follows best, by ridge regression",
    "kept": "kept by name in the link",
}
PARAMETER = "directions"
MOST_ROWS, STEPS, MOST_KEPT = 64, 9, 12


def offered(space: LatentSpace) -> list[str]:
    """The kinds that a space has."""
    there = {
        "principal": space.latent_dim > 1,
        "classes": space.labels is not None and len(parts.present_classes(space)) > 1,
        "factors": bool(space.factor_names),
        "kept": bool(kept(space)),
    }
    return [kind for kind in KINDS if there.get(kind, True)]


def of_kind(kind: str, space: LatentSpace, pair: tuple[str, str] | None) -> list[traverse.Direction]:
    """The directions of that kind, the most telling first; `pair` are two classes, the first minus the second."""
    if kind == "kept":
        return kept(space)
    return resources.directions(space, kind, pair)[:MOST_ROWS]


def class_pair(space: LatentSpace) -> tuple[str, str]:
    """Which class minus which other, in the link."""
    present = parts.present_classes(space)
    preferred = [n for n in ("Ankle boot", "Sneaker") if n in present]
    first, second = preferred if len(preferred) == 2 else present[:2]
    more = state.choice(st.selectbox, "Class", present, "more", first, width=140)
    others = [c for c in present if c != more]
    less = state.choice(st.selectbox, "minus", others, "less", second if second in others else others[0], width=140)
    return more, less


# --- kept by name ---------------------------------------------------------------------------------------------


def kept(space: LatentSpace) -> list[traverse.Direction]:
    """The directions of this model that the link holds."""
    found = []
    for text in st.query_params.get_all(PARAMETER):
        read = links.unpack_code(text)
        fits = read and (not space.identity.startswith(read[1]) or (len(read[2]) == space.latent_dim and read[2].any()))
        if not fits:
            state.complain("The link holds a direction that is none, or was cut off; left out.")
            _put([t for t in st.query_params.get_all(PARAMETER) if t != text])
        elif space.identity.startswith(read[1]):
            found.append(traverse.along(space, read[2], read[0]))
    return found


def keep(name: str, by_space: Sequence[tuple[LatentSpace, np.ndarray]]) -> None:
    """Keep a direction (D,) of each of some models under one name; an older one of that name goes."""
    name = "".join(c for c in name if c.isalnum() or c in " -−+")[: links.LONGEST_NAME].strip() or "Direction"
    held = [t for t in st.query_params.get_all(PARAMETER) if t.split(".")[0] != name]
    if len({t.split(".")[0] for t in held}) >= MOST_KEPT:
        st.toast(f"{MOST_KEPT} directions are kept already; forget one first.", icon=":material/bookmark:")
        return
    _put([*held, *(links.pack_code(name, s.identity, vector) for s, vector in by_space)])


def forget(name: str) -> None:
    """Forget the direction of that name, in all models."""
    _put([t for t in st.query_params.get_all(PARAMETER) if t.split(".")[0] != name])


def _put(texts: list[str]) -> None:
    if texts:
        st.query_params[PARAMETER] = texts
    else:
        st.query_params.pop(PARAMETER, None)


# --- drawing --------------------------------------------------------------------------------------------------


def draw(
    space: LatentSpace, found: Sequence[traverse.Direction], centre: np.ndarray, said: str, *, key: str, label: str,
    accent: str, query: str,
) -> None:  # fmt: skip
    """The directions of one model as rows of images round a code (D,), with a slider each."""
    rows = []
    for direction in found:
        # As far as the data go, seen from the centre, and the centre itself always among it.
        low, high = np.array(traverse.ranges(space, direction)) - traverse.place(space, centre, direction)
        axis = np.flatnonzero(direction.vector)
        rows.append(
            components.Knob(
                direction.name, direction.note, direction.sd, float(min(low, -0.5)), float(max(high, 0.5)),
                axis=int(axis[0]) if len(axis) == 1 and direction.vector[axis[0]] == 1 else None,
                vector=direction.vector, collapsed=direction.collapsed,
            )
        )  # fmt: skip
    components.knobs(
        rows, centre, key=key, steps=STEPS,
        data={
            "query": query, "label": label, "accent": accent, "shape": list(space.image_shape), "said": said,
            "prior": space.variational, "most": routes.MOST_PLACES,
        },
    )  # fmt: skip
