"""Plotly figures: arrays and settings in, figures out.  No Streamlit here, and no figure decides what to show.

Each point carries its stable row id in `customdata`, alone, so that a selection or a hover can be traced to its
row whichever trace it lies in.
"""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dashboard import palette
from latent.project import Projection
from latent.space import LatentSpace

BY_CLASS, BY_ERROR = "Class", "Reconstruction error"
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
_CYCLIC_FACTORS = ("orientation",)  # periodic: its ends are one value


@dataclass(frozen=True)
class Marks:
    """What is drawn over a map: rows that stand out (others fade), a path (S, dims), rows with a name."""

    selected: tuple[int, ...] | None = None
    path: np.ndarray | None = None
    named: tuple[tuple[str, int], ...] = ()
    accent: str = palette.NEUTRAL


def colourings(space: LatentSpace) -> list[str]:
    """What the points of a space can be coloured by, the most telling first."""
    by_class = [BY_CLASS] if space.labels is not None else []
    return [*by_class, BY_ERROR, *(f for f in space.factor_names if f != "shape")]


def _values(space: LatentSpace, colouring: str) -> np.ndarray:
    return space.error if colouring == BY_ERROR else space.factors[:, space.factor_names.index(colouring)]


def latent_map(
    projection: Projection, space: LatentSpace, colouring: str, marks: Marks = Marks(), *, height: int = 620,
    legend: bool = True,
) -> go.Figure:  # fmt: skip
    """The map of a space, 2-D or 3-D, coloured by class, by a factor or by reconstruction error."""
    draw = _trace3d if projection.points.shape[1] == 3 else _trace2d
    figure = go.Figure()
    if colouring == BY_CLASS:
        for index, (name, colour) in enumerate(zip(space.classes, palette.classes(len(space.classes)), strict=True)):
            rows = np.flatnonzero(space.labels == index)
            if len(rows):
                figure.add_trace(draw(projection, space, rows, {"color": colour}, name, marks))
    else:
        scale = palette.CYCLIC if colouring in _CYCLIC_FACTORS else palette.SEQUENTIAL
        values = _values(space, colouring)
        low, high = np.quantile(values, [0.0, 0.99])
        bar = {
            "title": {"text": colouring.capitalize(), "side": "right"},
            "thickness": 10,
            "len": 0.8,
            "outlinewidth": 0,
        }
        marker = {
            "color": values, "colorscale": scale, "cmin": float(low), "cmax": float(high), "colorbar": bar,
            "showscale": legend,
        }  # fmt: skip
        figure.add_trace(draw(projection, space, np.arange(len(space)), marker, colouring.capitalize(), marks))
    _overlay(figure, projection, space, marks)
    _layout(figure, projection, height, legend and colouring == BY_CLASS)
    return figure


def _marker_size(count: int) -> float:
    return float(np.clip(18 - 3.5 * np.log10(max(count, 1)), 4, 9))


def _trace2d(projection, space, rows, marker, name, marks) -> go.Scattergl:
    selected = None
    if marks.selected:
        selected = np.flatnonzero(np.isin(space.row_ids[rows], marks.selected))
    by_class = np.isscalar(marker["color"])
    text = None if by_class or space.labels is None else np.array(space.classes)[space.labels[rows]]
    label = f"<b>{name}</b> · #%{{customdata}}" if by_class else f"#%{{customdata}} · {name} %{{marker.color:.4g}}"
    opacity = 0.75 if marks.path is None else 0.3
    return go.Scattergl(
        x=projection.points[rows, 0], y=projection.points[rows, 1], mode="markers", name=name,
        customdata=space.row_ids[rows], marker={"size": _marker_size(len(space)), "opacity": opacity} | marker,
        selectedpoints=selected, selected={"marker": {"opacity": 1.0}}, unselected={"marker": {"opacity": 0.08}},
        hovertemplate=label + "<extra></extra>", text=text,
    )  # fmt: skip


def _trace3d(projection, space, rows, marker, name, marks) -> go.Scatter3d:
    x, y, z = projection.points[rows].T
    if marks.selected:
        # A 3-D trace has no selected points of its own: rows that are not selected fade by size.
        chosen = np.isin(space.row_ids[rows], marks.selected)
        marker = marker | {"size": np.where(chosen, 5.0, 1.2)}
    return go.Scatter3d(
        x=x, y=y, z=z, mode="markers", name=name, customdata=space.row_ids[rows],
        marker={"size": _marker_size(len(space)) * 0.6, "opacity": 0.8} | marker,
        hovertemplate=f"<b>{name}</b> · #%{{customdata}}<extra></extra>",
    )  # fmt: skip


def _overlay(figure: go.Figure, projection: Projection, space: LatentSpace, marks: Marks) -> None:
    flat = projection.points.shape[1] == 2
    # On a WebGL map, lines and markers must be WebGL too, or the points cover them.
    kind = go.Scattergl if flat else go.Scatter3d
    if marks.path is not None:
        axes = dict(zip("xyz", marks.path.T, strict=False))
        for colour, width in (("#ffffff", 8), ("#1c2030", 5.5), (marks.accent, 3.5)):
            figure.add_trace(
                kind(**axes, mode="lines", line={"color": colour, "width": width}, hoverinfo="skip", showlegend=False)
            )
    for text, row_id in marks.named:
        place = [float(v) for v in projection.points[space.positions([row_id])[0]]]
        ring = {"size": 14 if flat else 7, "color": marks.accent, "line": {"color": "#ffffff", "width": 2.5}}
        figure.add_trace(
            kind(
                **{k: [v] for k, v in zip("xyz", place, strict=False)}, mode="markers", marker=ring, hoverinfo="skip",
                showlegend=False,
            )
        )  # fmt: skip
        if flat:
            figure.add_annotation(
                x=place[0], y=place[1], text=f"<b>{text}</b>", showarrow=False, yshift=18, bgcolor=marks.accent,
                borderpad=2, font={"color": "#ffffff", "size": 12}, opacity=0.92,
            )  # fmt: skip


def _layout(figure: go.Figure, projection: Projection, height: int, legend: bool) -> None:
    titles = projection.axis_titles
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "showline": False}
    figure.update_layout(
        height=height, margin=_MARGIN, showlegend=legend, dragmode="lasso", hovermode="closest",
        uirevision=repr(projection.settings),
        legend={
            "orientation": "h", "yanchor": "top", "y": -0.02, "x": 0.5, "xanchor": "center", "itemsizing": "constant",
            "font": {"size": 11}, "entrywidthmode": "pixels", "entrywidth": 52, "indentation": -8,
        },
    )  # fmt: skip
    if projection.points.shape[1] == 3:
        axes = {f"{k}axis": {"title": {"text": t}, "showticklabels": False, "showspikes": False}
                for k, t in zip("xyz", titles, strict=True)}  # fmt: skip
        figure.update_layout(scene={**axes, "aspectmode": "data", "dragmode": "orbit"})
        return
    figure.update_xaxes(**bare, title={"text": titles[0], "standoff": 4})
    figure.update_yaxes(**bare, title={"text": titles[1], "standoff": 4}, scaleanchor="x", scaleratio=1)


def learning_curves(histories: dict[str, list[dict]], accents: dict[str, str]) -> go.Figure:
    """Loss in nats per image over epochs: training dashed, held-out solid, one colour a checkpoint."""
    figure = go.Figure()
    for name, history in histories.items():
        epochs = [row["epoch"] for row in history]
        for key, label, dash in (("loss", "training", "dot"), ("val_loss", "held-out", "solid")):
            figure.add_trace(
                go.Scatter(
                    x=epochs, y=[row[key] for row in history], name=f"{name}, {label}", mode="lines",
                    line={"color": accents[name], "dash": dash, "width": 2},
                )
            )  # fmt: skip
    figure.update_layout(
        height=320, margin=_MARGIN, hovermode="x unified",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        xaxis={"title": {"text": "Epoch"}}, yaxis={"title": {"text": "Nats per image"}},
    )  # fmt: skip
    return figure


def kl_bars(kl: np.ndarray, accent: str) -> go.Figure:
    """KL to the prior by latent dimension, largest first; a dimension near 0 carries nothing."""
    order = np.argsort(kl)[::-1]
    figure = go.Figure(
        go.Bar(
            x=[str(i + 1) for i in order], y=kl[order], marker={"color": accent},
            hovertemplate="dimension %{x}: %{y:.2f} nats<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(
        height=240, margin=_MARGIN, xaxis={"type": "category", "title": {"text": "Dimension"}},
        yaxis={"title": {"text": "KL (nats)"}},
    )  # fmt: skip
    return figure
