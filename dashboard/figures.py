"""Plotly figures: arrays and settings in, figures out.  No Streamlit here, and no figure decides what to show.

Each point carries its stable row id in `customdata`, alone, so that a hover can be traced to its row.
"""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import colours, palette
from latent.gap import Histograms
from latent.project import Projection
from latent.space import LatentSpace

# Plotly draws no more in 3-D without a halt.
MOST_SOLID = 60_000
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


@dataclass(frozen=True)
class Marks:
    """What is drawn over a map: rows that are lit (others fade), a path (S, 3), rows with a name."""

    lit: np.ndarray | None = None
    path: np.ndarray | None = None
    named: tuple[tuple[str, int], ...] = ()
    accent: str = palette.NEUTRAL


def latent_map(
    projection: Projection, space: LatentSpace, colouring: str, marks: Marks = Marks(), *,
    ends: tuple[float, float] | None = None, height: int = 160,
) -> go.Figure:  # fmt: skip
    """The map of a space in 3-D, coloured by class, by a factor or by reconstruction error; flat maps are the atlas's.

    Of more than `MOST_SOLID` rows so many are drawn, those that are lit before others, else at random.
    `ends` are those of the colour scale, for maps that share one; `height` is the least in pixels.
    """
    # One trace, drawn in a fixed random order: class after class, the last would cover all others where they mix.
    order = np.random.default_rng(0).permutation(len(space))
    if marks.lit is not None:
        order = order[np.argsort(~np.isin(space.row_ids[order], marks.lit), kind="stable")]
    order = order[:MOST_SOLID]
    values = colours.measured(space, colouring)[order]
    if colouring == colours.BY_CLASS:
        hues = palette.classes(len(space.classes))
        steps = [(i + side) / len(hues) for i in range(len(hues)) for side in (0, 1)]
        scale, (low, high) = [[at, hues[n // 2]] for n, at in enumerate(steps)], (-0.5, len(hues) - 0.5)
        label = "<b>%{text}</b> · #%{customdata}"
    else:
        scale, (low, high) = colours.scale(colouring), ends or colours.ends([space], colouring)
        label = f"#%{{customdata}} · {colouring} %{{marker.color:.4g}}"
    size = float(np.clip(8 - 1.5 * np.log10(len(space)), 2, 4.5))
    if marks.lit is not None:
        # A 3-D trace has no selected points of its own: rows that are not lit fade by size.
        size = np.where(np.isin(space.row_ids[order], marks.lit), 5.0, 1.2)
    x, y, z = projection.points[order].T
    figure = go.Figure(
        go.Scatter3d(
            x=x, y=y, z=z, mode="markers", showlegend=False, customdata=space.row_ids[order],
            text=None if space.labels is None else np.array(space.classes)[space.labels[order]],
            hovertemplate=label + "<extra></extra>",
            marker={
                "size": size, "opacity": 0.08 if marks.path is not None else 0.8, "line": {"width": 0},
                "color": values, "cmin": low, "cmax": high, "colorscale": scale,
            },
        )
    )  # fmt: skip
    _overlay(figure, projection, space, marks)
    axes = {f"{k}axis": {"title": {"text": t}, "showticklabels": False, "showspikes": False}
            for k, t in zip("xyz", projection.axis_titles, strict=True)}  # fmt: skip
    return figure.update_layout(
        height=height, margin=_MARGIN, showlegend=False, hovermode="closest", uirevision=repr(projection.settings),
        scene={**axes, "aspectmode": "data", "dragmode": "orbit", "camera": {"eye": {"x": 1.4, "y": 1.4, "z": 1.2}}},
    )  # fmt: skip


def _overlay(figure: go.Figure, projection: Projection, space: LatentSpace, marks: Marks) -> None:
    plain = {"hoverinfo": "skip", "showlegend": False}
    if marks.path is not None:
        axes = dict(zip("xyz", marks.path.T, strict=True))
        for colour, width in (("#ffffff", 8), ("#1c2030", 5.5), (marks.accent, 3.5)):
            figure.add_trace(go.Scatter3d(**axes, mode="lines", line={"color": colour, "width": width}, **plain))
    for text, row_id in marks.named:
        place = projection.points[space.positions([row_id])].T
        ring = {"size": 7, "color": marks.accent, "line": {"color": "#ffffff", "width": 2.5}}
        figure.add_trace(
            go.Scatter3d(
                **dict(zip("xyz", place, strict=True)),
                mode="markers+text",
                text=[f"<b>{text}</b>"],
                textposition="top center",
                textfont={"color": marks.accent, "size": 15},
                marker=ring,
                **plain,
            )
        )


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


def histograms(found: Histograms, order: np.ndarray, accent: str) -> go.Figure:
    """Small histograms of each dimension of some codes, in that order, each behind N(0, 1)'s curve."""
    across = min(8, len(order))
    down = -(-len(order) // across)
    figure = make_subplots(down, across, shared_yaxes=True, horizontal_spacing=0.008, vertical_spacing=0.22 / down,
                           subplot_titles=[f"dimension {d + 1}" for d in order])  # fmt: skip
    middles = (found.edges[1:] + found.edges[:-1]) / 2
    for n, d in enumerate(order):
        where = {"row": n // across + 1, "col": n % across + 1}
        figure.add_trace(go.Bar(x=middles, y=found.density[d], marker={"color": accent}, hoverinfo="skip"), **where)
        line = {"color": palette.NEUTRAL, "width": 2}
        figure.add_trace(go.Scatter(x=middles, y=found.normal, mode="lines", line=line, hoverinfo="skip"), **where)
    figure.update_xaxes(showticklabels=False).update_yaxes(showticklabels=False)
    figure.update_annotations(font_size=11)
    return figure.update_layout(height=105 * down + 30, margin=_MARGIN | {"t": 24}, showlegend=False, bargap=0)


def kl_bars(kl: np.ndarray, accent: str, most: float) -> go.Figure:
    """KL to the prior by latent dimension, largest first, up to `most`; a dimension near 0 carries nothing."""
    order = np.argsort(kl)[::-1]
    figure = go.Figure(
        go.Bar(
            x=[str(i + 1) for i in order], y=kl[order], marker={"color": accent},
            hovertemplate="dimension %{x}: %{y:.2f} nats<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(
        height=240, margin=_MARGIN, xaxis={"type": "category", "title": {"text": "Dimension"}},
        yaxis={"title": {"text": "KL (nats)"}, "range": [0, 1.05 * most]},
    )  # fmt: skip
    return figure
