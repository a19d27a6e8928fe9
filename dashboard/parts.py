"""Pieces of a page that several pages share: map settings, a map that may have to be computed, missing images."""

import dataclasses
import html
from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from aemodels import checkpoint, datasets, download
from aemodels.checkpoint import Checkpoint
from dashboard import colours, components, figures, palette, resources, state
from latent import jobs, maps, metrics, project, worker
from latent.space import LatentSpace

METHODS = {"umap": "UMAP", "pca": "PCA", "axes": "Axes"}
SMALL_SHARE = 0.02
_FEWEST_ROWS = {"umap": 4, "pca": 2, "axes": 1}
MISSING = "Originals are missing: {title} is not on this machine. Everything decoded still works."
CHANGED = (
    "Originals are missing: {title} no longer holds the images of this checkpoint. Everything decoded still works."
)
UNREADABLE = "Originals are missing: {reason}. Everything decoded still works."


def projection_controls(
    found: Sequence[Checkpoint], spaces: Sequence[LatentSpace], *, folded: bool = False
) -> project.Settings | None:  # fmt: skip
    """The map's settings, bound to the link; None where they make no sense, with one line that says so.

    Offered is what at least one of the spaces can be drawn by; a map that cannot says so in its own place.  The
    default is UMAP where that is at hand, else PCA, which always is.  `folded` puts all of them behind one button.
    """
    if folded:
        with st.popover("Map settings", icon=":material/tune:"):
            return projection_controls(found, spaces)
    latent_dim, rows = max(s.latent_dim for s in spaces), min(map(len, spaces))
    with st.container(horizontal=True, vertical_alignment="bottom", width="content"):
        methods = [m for m in METHODS if rows >= _FEWEST_ROWS[m]] if latent_dim > 1 else ["umap"]
        at_hand = "umap" in methods and all(known_projection(c, project.Settings()) for c in found)
        default = methods[0] if at_hand or "pca" not in methods else "pca"
        method = state.choice(
            st.segmented_control, "Projection", methods, "projection", default, text=lambda m: METHODS[m]
        )
        possible = [2, 3] if method == "umap" or latent_dim > 2 else [2]
        dims = state.choice(st.segmented_control, "Dimensions", possible, "dims", 2, text=lambda n: f"{n}D")
        if method == "axes":
            return _axes_controls(latent_dim, dims)
        if method == "pca":
            return _settings(method="pca", dims=dims)
        with st.popover("UMAP settings", icon=":material/tune:"):
            neighbours = state.number(
                st.slider, "Neighbours", 2, min(200, max(rows - 1, 3)), min(15, max(rows - 1, 2)), "neighbours",
                help="How many nearest codes each point is tied to: "
                "few show fine structure, many the large one.",
            )  # fmt: skip
            min_dist = state.number(
                st.slider, "Minimum distance", 0.0, 0.99, 0.1, "min_dist", help="How tightly points may be packed."
            )
            metric = state.choice(st.selectbox, "Metric", project.METRICS, "metric")
            seed = state.number(st.number_input, "Seed", 0, 2**31 - 1, 0, "map_seed")
        return _settings(
            method="umap", dims=dims, neighbours=neighbours, min_dist=min_dist, metric=metric, seed=int(seed)
        )


def _axes_controls(latent_dim: int, dims: int) -> project.Settings | None:
    axes = [
        state.number(st.number_input, f"{name} axis", 1, latent_dim, min(n + 1, latent_dim), f"axis{n + 1}", width=90)
        for n, name in enumerate("xyz"[:dims])
    ]
    chosen: list[int] = []
    for wanted in map(int, axes):
        while wanted in chosen:
            wanted = wanted % latent_dim + 1
        chosen.append(wanted)
    if chosen != list(map(int, axes)):
        st.caption(f"Each axis needs a dimension of its own: showing {', '.join(map(str, chosen))}.")
    return _settings(method="axes", dims=dims, axes=tuple(a - 1 for a in chosen))


def _settings(**given) -> project.Settings | None:
    try:
        return project.Settings(**given)
    except ValueError as error:
        st.error(f"This map cannot be drawn: {error}.")
        return None


def solid_map(
    found: Checkpoint, space: LatentSpace, settings: project.Settings, colouring: str, marks: figures.Marks, *,
    key: str, ends: tuple[float, float] | None = None,
) -> None:  # fmt: skip
    """A map in 3-D, as high as its place is wide; where UMAP has not been computed yet, the offer to do so.

    `ends` are those of a colour scale that several maps share.
    """
    projection = known_projection(found, settings)
    if projection is None:
        missing_map(found, space, settings, key=key)
        return
    st.plotly_chart(
        figures.latent_map(projection, space, colouring, marks, ends=ends), key=key, height="stretch",
        alt=f"Latent codes of {found.name} projected by {settings.label()}, coloured by {colouring.lower()}",
        config={"displaylogo": False, "scrollZoom": True, "modeBarButtonsToRemove": ["toImage"]},
    )  # fmt: skip
    if len(space) > figures.MOST_SOLID:
        st.caption(
            f"{figures.MOST_SOLID:,} of {len(space):,} codes, those that are lit before others; flat maps show all."
        )
    if projection.note:
        st.caption(f":material/save: {projection.note}")


def missing_map(found: Checkpoint, space: LatentSpace, settings: project.Settings, *, key: str) -> None:
    """In place of a map that there is not: the offer to compute it, or why it cannot be drawn."""
    try:
        project.check(space.codes, settings)
    except ValueError as error:
        st.error(f"This map cannot be drawn: {error}.")
        return
    _compute(found, space, settings, key)


def map_frame(key: str):
    """A framed container for a map: as high as it is wide, and no higher than the window leaves room for."""
    return st.container(border=True, key=f"map_frame_{key}")


def _compute(found: Checkpoint, space: LatentSpace, settings: project.Settings, key: str) -> None:
    job_key = (found.identity, settings)
    with st.container(border=True):
        job = jobs.find(job_key)
        done = job is not None and job.state == "done"
        if done and resources.projection(found, settings) is not None:
            st.rerun()  # it was finished since the map was looked for
        # A map that was computed and is gone from the disk again is offered anew.
        if job is None or done or job.state == "cancelled":
            worker.warm()
            st.markdown(f"**{settings.label()}** of {found.name} has not been computed yet.")
            st.caption(
                f"{len(space):,} codes. The first map after a start or a cancel takes some seconds longer than others; "
                "it is kept on disk."
            )
            st.button(
                "Compute this map", icon=":material/play_arrow:", type="primary", key=f"{key}_compute",
                on_click=_start, args=(job_key, found, space, settings),
            )  # fmt: skip
        elif job.state == "failed":
            st.error(f"This map could not be computed: {job.error}.")
            st.button("Try again", key=f"{key}_again", on_click=_start, args=(job_key, found, space, settings))
        else:
            _progress(job_key, settings, key)


def _start(job_key, found: Checkpoint, space: LatentSpace, settings: project.Settings) -> None:
    store = resources.store()
    if (job := jobs.find(job_key)) and job.state == "done":
        jobs.forget(job_key)  # its map is gone from the disk, or nobody would start it
    jobs.start(
        job_key,
        lambda progress, cancelled: maps.cached_fit(
            space, settings, store, found.path, progress=progress, cancelled=cancelled
        ),
    )


def _cancel(job: jobs.Job) -> None:
    job.cancel()
    job.wait(1)  # it takes a moment, and then the page is drawn without it at once


def _progress(job_key, settings: project.Settings, key: str) -> None:
    @st.fragment(run_every=0.4)
    def watch() -> None:
        job = jobs.find(job_key)
        if job is None or job.state != "running":
            st.rerun()
        st.progress(min(job.progress, 1.0), text=f"{settings.label()}: {job.message} · {job.seconds:.0f} s")
        st.button("Cancel", icon=":material/close:", key=f"{key}_cancel", on_click=_cancel, args=(job,))

    watch()


def background(job_key, work: jobs.Work, what: str, *, key: str):
    """What work in the background makes, None while it runs: then its progress is shown, with a way to stop it.

    It is begun where nobody has.  A failure, and what was stopped, is said in one line, with a way to begin anew.
    """
    job = jobs.find(job_key) or jobs.start(job_key, work)
    if job.state == jobs.DONE:
        return job.result
    if job.state == jobs.RUNNING:

        @st.fragment(run_every=0.4)
        def watch() -> None:
            if job.state != jobs.RUNNING:
                st.rerun()
            st.progress(job.progress, text=f"{what}: {job.message or 'beginning'} · {job.seconds:.0f} s")
            st.button("Stop", icon=":material/close:", key=f"{key}_stop", on_click=_cancel, args=(job,))

        watch()
        return None
    if job.state == jobs.FAILED:
        st.error(f"{what} failed: {job.error}.")
    else:
        st.caption(f"{what} was stopped.")
    st.button("Begin anew", key=f"{key}_anew", on_click=jobs.start, args=(job_key, work))
    return None


def pointer(chosen: state.Chosen, *, has_originals: bool, on_pick) -> None:
    """The pictures of the row under the pointer, in every chosen model."""
    with st.container(border=True):
        st.markdown("**Under the pointer**")
        components.pointer(
            [
                {
                    "checkpoint": c.identity,
                    "device": chosen.device,
                    "label": f"{'AB'[i]} · {c.name}",
                    "accent": palette.accent(i),
                }
                for i, c in enumerate(chosen.models)
            ],
            key="pointer",
            has_originals=has_originals,
            on_pick=on_pick,
            on_clear=state.clear_selection,
        )


def colour_control(space: LatentSpace, settings: project.Settings | None, count: int) -> str:
    """What the points are coloured by; flat maps know more than the others."""
    flat = settings is not None and settings.dims == 2
    offered = colours.offered(space) + (colours.of_maps(count, len(space)) if flat and len(space) > metrics.K else [])
    return state.choice(
        st.selectbox, "Colour by", offered, "colour", text=lambda c: c[0].upper() + c[1:], width=200,
        help="\n\n".join(f"**{k}**: {v}" for k, v in colours.MEANINGS.items()),
    )  # fmt: skip


def legend(spaces: Sequence[LatentSpace], colouring: str) -> tuple[float, float] | None:
    """One legend for all maps of the page; returns the ends of their common colour scale, None for classes."""
    if colouring == colours.BY_CLASS:
        present = present_classes(spaces[0])
        hues = dict(zip(spaces[0].classes, palette.classes(len(spaces[0].classes)), strict=True))
        components.legend(
            [(name, hues[name]) for name in present], state.lit_classes(spaces[0]), key="legend",
            on_change=state.light_up,
        )  # fmt: skip
        return None
    low, high = colours.ends(spaces, colouring)
    gradient = palette.gradient(colours.scale(colouring))
    over = "over " if colouring == colours.BY_ERROR else ""
    under = "under " if colouring in colours.OF_TRUST else ""
    components.scale(colouring, gradient, f"{under}{low:.3g}", f"{over}{high:.3g}", key="scale")
    return low, high


def missing_images(found: Checkpoint) -> None:
    """Says that originals are not here, and offers the download where there is one."""
    name = found.config.dataset
    title = datasets.title(name)
    entry, _ = datasets.find(name)
    job = jobs.find(("download", name))
    with st.container(horizontal=True, vertical_alignment="center"):
        if job is not None and job.state == "running":
            _watch_download(title, name)
            return
        if job is not None and job.state == "failed":
            st.warning(str(job.error), icon=":material/cloud_off:")
        else:
            reason = resources.unreadable(found)
            line = UNREADABLE if reason else CHANGED if datasets.is_present(name) else MISSING
            st.info(line.format(title=title, reason=reason), icon=":material/image_not_supported:")
        if entry.downloads:
            st.button(f"Download {title}", icon=":material/download:", on_click=_download, args=(name,))


def _download(name: str) -> None:
    def work(progress, cancelled) -> None:
        def report(done: int, total: int) -> None:
            progress(done / total, f"{done / 1e6:.1f} of {total / 1e6:.1f} MB")

        if not download.fetch(name, progress=report, cancelled=cancelled):
            raise jobs.Cancelled
        resources.data_changed()

    if (job := jobs.find(("download", name))) and job.state == jobs.DONE:
        jobs.forget(("download", name))  # its files are gone again, or nobody would start it
    jobs.start(("download", name), work)


def _watch_download(title: str, name: str) -> None:
    @st.fragment(run_every=0.5)
    def watch() -> None:
        job = jobs.find(("download", name))
        if job is None or job.state != "running":
            st.rerun()
        st.progress(job.progress, text=f"Downloading {title}: {job.message or 'connecting'} · {job.seconds:.0f} s")
        st.button("Cancel", icon=":material/close:", key="cancel_download", on_click=_cancel, args=(job,))

    watch()


# --- tiles ----------------------------------------------------------------------------------------------------


def captions(space: LatentSpace, row_ids: Sequence[int]) -> list[str]:
    """`Sneaker · #4711` for each row."""
    labels = [""] * len(row_ids)
    if space.labels is not None:
        labels = [f"{space.classes[space.labels[p]]} · " for p in space.positions(row_ids)]
    return [f"{label}#{row}" for label, row in zip(labels, row_ids, strict=True)]


def frame_colours(space: LatentSpace, row_ids: Sequence[int]) -> list[str]:
    """The class colour of each row."""
    if space.labels is None:
        return []
    hues = palette.classes(len(space.classes))
    return [hues[space.labels[p]] for p in space.positions(row_ids)]


def rows_strip(
    space: LatentSpace, row_ids: Sequence[int], images: np.ndarray, label: str = "", accent: str = ""
) -> components.Strip:
    """Tiles of rows, captioned and framed by class."""
    return components.Strip(
        images, label, accent, captions(space, row_ids), frame_colours(space, row_ids), [int(r) for r in row_ids]
    )


def images_of(found: Checkpoint, space: LatentSpace, row_ids: Sequence[int]) -> tuple[np.ndarray, str]:
    """Originals where they are on this machine, else reconstructions, and which of the two it is."""
    originals = resources.originals(found)
    if originals is None:
        return resources.reconstructions(space, row_ids), f"reconstructions by {found.name}"
    return originals.take(row_ids), "originals"


def shares(space: LatentSpace, row_ids: Sequence[int]) -> str:
    """`251 Sneaker (61 %) · 123 Ankle boot (30 %) · 38 others`; empty for rows without classes."""
    if space.labels is None:
        return ""
    found = metrics.class_counts(space.labels[space.positions(row_ids)], space.classes)
    main = [(name, count) for name, count in found if count >= SMALL_SHARE * len(row_ids)]
    text = [f"{count:,} {name} ({count / len(row_ids):.0%})".replace("%", " %") for name, count in main]
    if len(main) < len(found):
        text.append(f"{len(row_ids) - sum(count for _, count in main):,} others")
    return " · ".join(text)


def projection_title(settings: project.Settings) -> str:
    """The projection's label as the beginning of a sentence."""
    label = settings.label()
    return label[0].upper() + label[1:]


def named(space: LatentSpace) -> str:
    """`conv-vae (16 dimensions)`."""
    return f"{space.name} ({space.latent_dim} dimension{'s' if space.latent_dim > 1 else ''})"


def model_label(slot: int, found: Checkpoint) -> None:
    """The model's letter and name behind its accent colour."""
    name_tag(f"{'AB'[slot]} · {found.name}", palette.accent(slot))


def name_tag(name: str, accent: str) -> None:
    """A name behind a dot of that colour."""
    st.html(f"<span style='color:{accent}'>●</span> <b>{html.escape(name)}</b>")


def title(page: str, what: str) -> None:
    """The page's title: what one sees, in one line."""
    st.title(page, anchor=False)
    st.markdown(f":gray[{what}]")


def known_projection(found: Checkpoint, settings: project.Settings) -> project.Projection | None:
    """The map, or None where it is yet to be computed or cannot be drawn: `latent_map` says which."""
    try:
        return resources.projection(found, settings)
    except ValueError:
        return None


def default_colouring(space: LatentSpace) -> str:
    return colours.offered(space)[0]


def present_classes(space: LatentSpace) -> list[str]:
    """The classes that have rows here, in their order."""
    return [name for index, name in enumerate(space.classes) if (space.labels == index).any()]


def default_ends(space: LatentSpace) -> tuple[int, int]:
    """Rows to open a walk with: a shirt and a boot where there are such, else of the first and the last class."""
    if space.labels is None:
        return int(space.row_ids[0]), int(space.row_ids[-1])
    present = present_classes(space)
    wanted = "Shirt" if "Shirt" in present else present[0], "Ankle boot" if "Ankle boot" in present else present[-1]
    first = [space.row_ids[space.labels == space.classes.index(name)] for name in wanted]
    return int(first[0][0]), int(first[1][-1])


def figures_table(
    scores: dict[str, metrics.Figures], meanings: dict[str, str], overlaps: dict[str, float]
) -> pd.DataFrame:
    """One row a figure, one column a model, and what the figure means; the last row is `overlaps` by model."""
    forms = ("{:.4f}", "{:.3f}", "{:.2f}", "{:d}")
    rows = []
    for (name, meaning), field, form in zip(meanings.items(), dataclasses.fields(metrics.Figures), forms, strict=False):
        values = {n: getattr(f, field.name) for n, f in scores.items()}
        shown = {n: "not defined" if v is None else form.format(v) for n, v in values.items()}
        rows.append({"Figure": name, **shown, "What it means": meaning})
    if overlaps:
        shown = {n: f"{overlaps[n]:.3f}" if n in overlaps else "itself" for n in scores}
        rows.append({"Figure": "Neighbour overlap", **shown, "What it means": meanings["Neighbour overlap"]})
    return pd.DataFrame(rows).set_index("Figure")


def checkpoints_table(found: Sequence[Checkpoint]) -> pd.DataFrame:
    """One row a checkpoint."""
    rows = []
    for c in found:
        scores = resources.figures(c)
        rows.append(
            {
                "Data set": datasets.title(c.config.dataset), "Name": c.name, "Model": c.config.model,
                "Latent dimensions": c.config.latent_dim, "Epochs": len(c.history) or None,
                "Reconstruction MSE": scores.reconstruction_mse, "Neighbour accuracy": scores.neighbour_accuracy,
                "KL (nats)": scores.kl, "Active units": scores.active_units,
                "Size (MB)": checkpoint.size_bytes(c.path) / 1e6,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
