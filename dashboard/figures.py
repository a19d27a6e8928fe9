"""Plotly figures: arrays and settings in, figures out.  No Streamlit here, and no figure decides what to show.

Each point carries its stable row id in `customdata`, alone, so that a selection or a hover can be traced to its
row whichever trace it lies in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dashboard import palette
from latent.project import Projection
from latent.space import LatentSpace

BY_CLASS, BY_ERROR = "Class", "Reconstruction error"
PATH = "path"
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
_CYCLIC_FACTORS = ("orientation",)  # periodic: its ends are one value


@dataclass(frozen=True)
class Marks:
    """What is drawn over a map: rows that are lit (others fade), a path (S, dims), rows with a name."""

    lit: np.ndarray | None = None
    path: np.ndarray | None = None
    named: tuple[tuple[str, int], ...] = ()
    accent: str = palette.NEUTRAL


def colourings(space: LatentSpace) -> list[str]:
    """What the points of a space can be coloured by, the most telling first."""
    by_class = [BY_CLASS] if space.labels is not None else []
    return [*by_class, BY_ERROR, *(f for f in space.factor_names if f != "shape")]


def _values(space: LatentSpace, colouring: str) -> np.ndarray:
    return space.error if colouring == BY_ERROR else space.factors[:, space.factor_names.index(colouring)]


def value_range(spaces: Sequence[LatentSpace], colouring: str) -> tuple[float, float]:
    """The ends of one colour scale for all of them: the least value and the largest 99 % quantile."""
    values = [_values(s, colouring) for s in spaces]
    return float(min(v.min() for v in values)), float(max(np.quantile(v, 0.99) for v in values))


def colour_scale(colouring: str) -> str:
    """The name of the continuous scale of a colouring: one that closes where the values do."""
    return palette.CYCLIC if colouring in _CYCLIC_FACTORS else palette.SEQUENTIAL


def latent_map(
    projection: Projection, space: LatentSpace, colouring: str, marks: Marks = Marks(), *,
    values: tuple[float, float] | None = None, height: int = 160,
) -> go.Figure:  # fmt: skip
    """The map of a space, 2-D or 3-D, coloured by class, by a factor or by reconstruction error.

    `values` are the ends of the colour scale, for maps that share one; `height` is the least in pixels.
    """
    # One trace, drawn in a fixed random order: class after class, the last would cover all others where they mix.
    order = np.random.default_rng(0).permutation(len(space))
    if colouring == BY_CLASS:
        colours = palette.classes(len(space.classes))
        steps = [(i + side) / len(colours) for i in range(len(colours)) for side in (0, 1)]
        marker = {
            "color": space.labels[order], "cmin": -0.5, "cmax": len(colours) - 0.5,
            "colorscale": [[at, colours[n // 2]] for n, at in enumerate(steps)],
        }  # fmt: skip
        label = "<b>%{text}</b> · #%{customdata}"
    else:
        low, high = values or value_range([space], colouring)
        marker = {
            "color": _values(space, colouring)[order], "cmin": low, "cmax": high,
            "colorscale": colour_scale(colouring),
        }  # fmt: skip
        label = f"#%{{customdata}} · {colouring} %{{marker.color:.4g}}"
    text = None if space.labels is None else np.array(space.classes)[space.labels[order]]
    lit = None if marks.lit is None else np.isin(space.row_ids[order], marks.lit)
    draw = _trace3d if projection.points.shape[1] == 3 else _trace2d
    faded = marks.path is not None
    figure = go.Figure(
        draw(
            projection.points[order], marker, lit, faded, text=text, customdata=space.row_ids[order],
            hovertemplate=label + "<extra></extra>", showlegend=False,
        )
    )  # fmt: skip
    _overlay(figure, projection, space, marks)
    _layout(figure, projection, height)
    if marks.named:
        figure.update_layout(margin={**_MARGIN, "t": 20, "b": 20})  # names stand above and below their points
    return figure


def _marker_size(count: int) -> float:
    return float(np.clip(18 - 3.5 * np.log10(max(count, 1)), 4, 9))


def _trace2d(points: np.ndarray, marker: dict, lit: np.ndarray | None, faded: bool, **given) -> go.Scattergl:
    marker = {"size": _marker_size(len(points)), "opacity": 0.3 if faded else 0.75} | marker
    return go.Scattergl(
        x=points[:, 0], y=points[:, 1], mode="markers", marker=marker,
        selectedpoints=None if lit is None else np.flatnonzero(lit), selected={"marker": {"opacity": 1.0}},
        unselected={"marker": {"opacity": 0.08}}, **given,
    )  # fmt: skip


def _trace3d(points: np.ndarray, marker: dict, lit: np.ndarray | None, faded: bool, **given) -> go.Scatter3d:
    size = _marker_size(len(points)) * 0.6
    if lit is not None:
        # A 3-D trace has no selected points of its own: rows that are not lit fade by size.
        size = np.where(lit, 5.0, 1.2)
    x, y, z = points.T
    marker = {"size": size, "opacity": 0.3 if faded else 0.8, "line": {"width": 0}} | marker
    return go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, **given)


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
        # A dot a frame shows where equal steps in latent space are leaps on the map.  The player finds it by its name.
        dot = {"size": 6 if flat else 3, "color": "#ffffff", "line": {"color": marks.accent, "width": 1.5}}
        figure.add_trace(kind(**axes, mode="markers", marker=dot, name=PATH, hoverinfo="skip", showlegend=False))
    for n, (text, row_id) in enumerate(marks.named):
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
                x=place[0], y=place[1], text=f"<b>{text}</b>", showarrow=False, yshift=-20 if n else 18,
                bgcolor=marks.accent, borderpad=2, font={"color": "#ffffff", "size": 12}, opacity=0.92,
            )  # fmt: skip


def _layout(figure: go.Figure, projection: Projection, height: int) -> None:
    titles = projection.axis_titles
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "showline": False}
    figure.update_layout(
        height=height, margin=_MARGIN, showlegend=False, dragmode="lasso", hovermode="closest",
        uirevision=repr(projection.settings),
    )  # fmt: skip
    if projection.points.shape[1] == 3:
        axes = {f"{k}axis": {"title": {"text": t}, "showticklabels": False, "showspikes": False}
                for k, t in zip("xyz", titles, strict=True)}  # fmt: skip
        figure.update_layout(
            scene={**axes, "aspectmode": "data", "dragmode": "orbit", "camera": {"eye": {"x": 1.4, "y": 1.4, "z": 1.2}}}
        )
        return
    # No ranges of our own: an autorange is worked out again when the chart gets its place, a given range only widens.
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
