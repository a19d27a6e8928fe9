"""Walks as files for elsewhere: arrays for a notebook, and a page that plays them in any browser without a server."""

import base64
import html
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latent import pictures

_PAGE = Path(__file__).with_name("player.html")
# Beyond this many, the sheet of frames would pass what browsers draw.
MOST_FRAMES = 10_000


@dataclass(frozen=True, eq=False)
class Walk:
    """One model's walk: its name, codes (S, D), images uint8 (S, C, H, W), and a line of figures for people."""

    label: str
    codes: np.ndarray
    frames: np.ndarray
    figures: str = ""


def _check(walks: Sequence[Walk]) -> None:
    if not walks:
        raise ValueError("there is no walk to export")
    lengths = {len(part) for w in walks for part in (w.codes, w.frames)}
    if len(lengths) > 1:
        raise ValueError(
            f"walks that play together need as many frames each, not {', '.join(map(str, sorted(lengths)))}"
        )


def npz(walks: Sequence[Walk], about: dict) -> bytes:
    """Codes and frames as a compressed NPZ: `codes_0`, `frames_0`, … in the order of `labels`, and `about` as JSON.

    All read by `np.load` without pickles.  ValueError for no walks or such of different lengths.
    """
    _check(walks)
    out, arrays = io.BytesIO(), {}
    for n, w in enumerate(walks):
        arrays |= {f"codes_{n}": w.codes, f"frames_{n}": w.frames}
    labels, told = np.array([w.label for w in walks]), np.array(json.dumps(about, ensure_ascii=False))
    np.savez_compressed(out, labels=labels, about=told, **arrays)
    return out.getvalue()


def page(walks: Sequence[Walk], title: str, seconds_a_frame: float = 0.08) -> str:
    """One HTML file that plays the walks side by side: no server, no network, light and dark.

    ValueError for no walks, such of different lengths, or more than 10,000 frames.
    """
    _check(walks)
    count = len(walks[0].frames)
    if count > MOST_FRAMES:
        raise ValueError(f"a page holds {MOST_FRAMES:,} frames at most, not {count:,}")
    data = {"count": count, "milliseconds": round(1000 * seconds_a_frame), "walks": [_sprites(w) for w in walks]}
    fill = {"title": html.escape(title), "data": _script(data)}
    made = _PAGE.read_text(encoding="utf-8")
    for name, value in fill.items():
        made = made.replace(f"{{{{{name}}}}}", value)
    return made


def _sprites(walk: Walk) -> dict:
    """A walk as one PNG of all its frames, and where they stand on it."""
    columns = math.ceil(math.sqrt(len(walk.frames)))
    *_, height, width = walk.frames.shape
    png = pictures.png(pictures.sheet(walk.frames, columns))
    return {
        "label": walk.label, "figures": walk.figures, "columns": columns, "width": width, "height": height,
        "sheet": "data:image/png;base64," + base64.b64encode(png).decode(),
    }  # fmt: skip


def _script(data: dict) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
