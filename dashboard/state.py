"""Session state and deep links.

Choices that a link should restore are widgets bound to a query parameter; a parameter that makes no sense is
answered with one line and the default.  A selection is kept as stable row ids, with the map it was made on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from aemodels import datasets
from aemodels.checkpoint import Checkpoint
from dashboard import links, palette, resources
from latent import region

PREFERRED_DATASET = "fashion-mnist"
PREFERRED_PAIR = ("conv-ae", "conv-vae"), ("ae", "vae")
NO_MODEL = "none"
# Parameters of the link that are no widget's.
_UNBOUND = ("row", "classes", "pins", "directions")


def complain(line: str) -> None:
    """Say in one line that a page parameter makes no sense; `voice` does, once a run."""
    st.session_state.setdefault("_complaints", []).append(line)


def _spell(key: str, titles: str | list[str]) -> None:
    """Put the exact titles into the link and begin anew: a widget knows no others, and would drop them from it."""
    st.query_params[key] = titles
    st.session_state["_seen"].discard(key)
    st.session_state["_anew"] = True
    st.rerun()


def voice() -> None:
    """All complaints of this run in one toast: over the page, so that nothing jumps."""
    if st.session_state.pop("_anew", False):
        return  # this run was cut short, and what it had to say would go with it
    lines = st.session_state.pop("_complaints", [])
    if lines:
        st.toast("\n\n".join(lines), icon=":material/link_off:", duration="long")


def _asked(key: str) -> str | None:
    """What the link asks for, the first time that this session draws the widget; later the widget has the word."""
    seen = st.session_state.setdefault("_seen", set())
    if key in seen:
        return None
    seen.add(key)
    return st.query_params.get(key)


def arrive(page: str) -> None:
    """What a change of page would lose stays: values of widgets that this page may not have, and the link's own."""
    st.session_state.pop("_anew", None)
    for key in st.session_state.get("_seen", ()):
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]
    if st.session_state.get("_page", page) != page:
        for name, values in st.session_state["_link"].items():
            if name not in st.query_params:
                st.query_params[name] = values
    st.session_state["_page"] = page
    st.session_state["_link"] = {n: st.query_params.get_all(n) for n in _UNBOUND if n in st.query_params}


def choice(widget: Callable, label: str, options: Sequence, key: str, default=None, *, text: Callable = str, **kwargs):
    """A selectbox or segmented control bound to `?key=`; what the link asks for in vain is complained about.

    A link may name an option by its title or its name, in any case.
    """
    default = options[0] if default is None else default
    asked = _asked(key)
    if asked is not None:
        meant = links.option(asked, options, text)
        if meant is not None and asked != text(meant):
            _spell(key, text(meant))
        elif meant is None:
            known = ", ".join(text(o) for o in options)
            complain(
                f"The link asks for {key} = {asked!r}, which is not here; showing {text(default)}. Known: {known}."
            )
    if st.session_state.get(key, default) not in options:
        st.session_state[key] = default  # deleted, it would go on showing the old one in the browser
    if widget is st.segmented_control:
        kwargs |= {"default": default, "required": True}
    else:
        kwargs["index"] = list(options).index(default)
    return widget(label, options, key=key, format_func=text, bind="query-params", **kwargs)


def number(widget: Callable, label: str, low, high, default, key: str, **kwargs):
    """A slider or number input bound to `?key=`, with the same care for links."""
    asked = _asked(key)
    if asked is not None:
        try:
            sensible = low <= type(default)(asked) <= high
        except ValueError:
            sensible = False
        if not sensible:
            complain(f"The link asks for {key} = {asked!r}; it is a number from {low} to {high}. Showing {default}.")
    if not low <= st.session_state.get(key, default) <= high:
        st.session_state[key] = default
    return widget(label, low, high, value=default, key=key, bind="query-params", **kwargs)


# --- which checkpoints -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chosen:
    """The sidebar's choice: checkpoints of one data set, A and, where wanted, B, and the device's name."""

    a: Checkpoint
    b: Checkpoint | None
    device: str

    @property
    def models(self) -> list[Checkpoint]:
        return [self.a] if self.b is None else [self.a, self.b]

    @property
    def dataset_title(self) -> str:
        return datasets.title(self.a.config.dataset)

    def spaces(self) -> list:
        return [resources.space(c, self.device) for c in self.models]


def accents(names: Sequence[str]) -> dict[str, str]:
    """A colour for each checkpoint: the sidebar's A and B keep theirs on every page, others come after."""
    fixed = [c.name for c in chosen().models]
    order = fixed + [n for n in names if n not in fixed]
    return {name: palette.accent(max(slot, 2) if name not in fixed else slot) for slot, name in enumerate(order)}


def preferred_pair(names: Sequence[str]) -> tuple[str, str]:
    """The AE and the VAE to open with, of one kind if there is one."""
    for a, b in PREFERRED_PAIR:
        if a in names and b in names:
            return a, b
    return names[0], names[1] if len(names) > 1 else NO_MODEL


def comparable(found: Checkpoint) -> list[Checkpoint]:
    """The checkpoints of its data set that were evaluated on the very same images, itself among them."""
    return [
        c for c in resources.checkpoints()
        if (c.config.dataset, c.config.image_shape) == (found.config.dataset, found.config.image_shape)
        and np.array_equal(c.latents.row_ids, found.latents.row_ids)
    ]  # fmt: skip


def chosen() -> Chosen:
    """What the sidebar holds; only for pages, which run after it."""
    return st.session_state["_chosen"]


# --- selection and picked row ----------------------------------------------------------------------------------


def remember_region(space, points: np.ndarray, polygon: np.ndarray) -> None:
    """The rows within a shape drawn on a map are the selection; a shape round none changes nothing."""
    rows = space.row_ids[region.inside(polygon, points)]
    if len(rows):
        st.session_state["_selection"] = tuple(np.sort(rows).tolist())


def selection(space) -> tuple[int, ...] | None:
    """Row ids lassoed or boxed on a map, shared by all maps of the data set, and in the link.

    Where classes are lit, only theirs.
    """
    asked = st.query_params.get("rows")
    if asked is not None and st.session_state.get("_selection") is None:
        found = links.unpack(asked, space.row_ids)
        if found is None:
            complain("The link's selection (rows) is of another data set, or was cut off; showing none.")
        else:
            st.session_state["_selection"] = found
    ids = st.session_state.get("_selection")
    if ids is not None and not np.isin(ids, space.row_ids).all():  # of a model that knows other rows
        ids = tuple(i for i in ids if i in space.row_ids) or None
        st.session_state["_selection"] = ids
    in_link = None if ids is None else links.pack(ids, space.row_ids)
    if in_link is None:
        st.query_params.pop("rows", None)
    elif in_link != asked:
        st.query_params["rows"] = in_link
    lit = lit_classes(space)
    if ids is None or not lit:
        return ids
    return tuple(np.array(ids)[_of_classes(space, np.array(ids), lit)].tolist())


def clear_selection() -> None:
    """Forget it."""
    st.session_state.pop("_selection", None)
    st.query_params.pop("rows", None)


def lit_classes(space) -> list[str]:
    """The classes that were chosen in the legend, and are in the link; none chosen means all."""
    asked = st.query_params.get_all("classes")
    known = [c for c in space.classes if c in asked]
    if len(known) < len(set(asked)):
        unknown = ", ".join(sorted(set(asked) - set(known)))
        complain(f"The link asks for classes = {unknown[:60]}, which are not here.")
        light_up(known)
    return known


def light_up(classes: Sequence[str]) -> None:
    """Light up these classes, all if none is given."""
    if classes:
        st.query_params["classes"] = list(classes)
    else:
        st.query_params.pop("classes", None)


def _of_classes(space, row_ids: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Which of the rows are of one of the classes, (n,) bool."""
    return np.isin(space.labels[space.positions(row_ids)], [space.classes.index(c) for c in classes])


def lit_rows(space) -> np.ndarray | None:
    """The rows that stand out on a map: of the selection, of the lit classes, of both; None where all do."""
    chosen_rows, classes = selection(space), lit_classes(space)
    if chosen_rows is not None:
        return np.array(chosen_rows, np.int64)
    return space.row_ids[_of_classes(space, space.row_ids, classes)] if classes else None


def pick(row_id: int) -> None:
    """Make a row the one that is looked at closely, in the link too."""
    st.query_params["row"] = str(row_id)


def picked(space) -> int | None:
    """The row that was clicked, or that the link names."""
    asked = st.query_params.get("row")
    if asked is None:
        return None
    row_id = links.row_id(asked)
    if row_id is None or row_id not in space.row_ids:
        del st.query_params["row"]
        complain(f"The link asks for row = {asked[:40]!r}, which is no held-out row here.")
        return None
    return row_id


def forget_rows() -> None:
    """Row ids belong to a data set: with another one, selection and picked row go."""
    clear_selection()
    for key in _UNBOUND:
        st.query_params.pop(key, None)
    for key in ("from", "to", "models", "curves", "card"):
        st.session_state.pop(key, None)


def row(label: str, space, default: int, key: str) -> int:
    """A field for the id of a row that the space has; its buttons step to the next one that there is."""
    asked = _asked(key)
    known = np.sort(space.row_ids)
    if asked is not None and links.row_id(asked) not in known:
        complain(f"The link asks for {key} = {asked!r}, which is no held-out row here; showing #{default}.")
    if st.session_state.get(key, default) not in known:
        st.session_state[key] = default
    held = f"_held_{key}"

    def settle() -> None:
        # One step from a row leads to the next, wherever that is; what was typed goes to the nearest.
        wanted, before = st.session_state[key], st.session_state[held]
        if abs(wanted - before) == 1:
            place = np.searchsorted(known, before) + (wanted - before)
        else:
            place = np.abs(known - wanted).argmin()
        st.session_state[key] = int(known[np.clip(place, 0, len(known) - 1)])

    low, high = int(known[0]), int(known[-1])
    chosen_row = st.number_input(
        label, low, high, value=default, key=key, bind="query-params", width=120, step=1, on_change=settle
    )
    st.session_state[held] = int(chosen_row)
    return int(chosen_row)


def several(label: str, options: Sequence[str], key: str, default: Sequence[str]) -> list[str]:
    """A multiselect bound to `?key=`, kept to what there is."""
    asked = st.query_params.get_all(key) if _asked(key) is not None else []
    meant = {a: links.option(a, options) for a in asked}
    unknown = [a for a, option in meant.items() if option is None]
    if unknown:
        complain(f"The link asks for {key} = {', '.join(unknown)}, which is not here. Known: {', '.join(options)}.")
    if any(o not in (a, None) for a, o in meant.items()):
        _spell(key, list(dict.fromkeys(o for o in meant.values() if o is not None)))
    if key in st.session_state:
        st.session_state[key] = [o for o in st.session_state[key] if o in options]
    return st.multiselect(label, options, default=list(default), key=key, bind="query-params")
