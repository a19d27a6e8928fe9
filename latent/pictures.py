"""Images as files: sheets, strips and animations; uint8 (N, C, H, W) in, encoded bytes out.

Enlargement repeats pixels and never smooths: what one sees is what the decoder gave.
"""

import base64
import io
import math

import numpy as np
from PIL import Image


def _to_pil(image: np.ndarray) -> Image.Image:
    """(C, H, W) uint8 -> a grey or RGB picture."""
    return Image.fromarray(image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0)))


def enlarge(images: np.ndarray, factor: int) -> np.ndarray:
    """Every pixel `factor` times in both directions; (..., H, W) -> (..., H * factor, W * factor)."""
    return images.repeat(factor, axis=-2).repeat(factor, axis=-1)


def sheet(images: np.ndarray, columns: int, gap: int = 0, background: int = 0) -> np.ndarray:
    """Lay (N, C, H, W) images row by row on one (C, rows * H, columns * W) picture, `gap` pixels apart."""
    count, channels, height, width = images.shape
    rows = math.ceil(count / columns)
    canvas = np.full((channels, rows * (height + gap) - gap, columns * (width + gap) - gap), background, images.dtype)
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        canvas[:, top : top + height, left : left + width] = image
    return canvas


def png(image: np.ndarray) -> bytes:
    """A (C, H, W) picture as PNG."""
    out = io.BytesIO()
    _to_pil(image).save(out, "PNG", compress_level=1)
    return out.getvalue()


def data_url(image: np.ndarray) -> str:
    """A (C, H, W) picture as a `data:` URL that a browser draws without asking the server."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()


def readable_factor(images: np.ndarray, side: int = 112) -> int:
    """How often to repeat pixels so that images are about `side` pixels wide in a file that people open."""
    return max(1, side // images.shape[-1])


def stacked(rows: list[np.ndarray], side: int = 112) -> np.ndarray:
    """Image rows of equal shape one above the other, enlarged: [(N, C, H, W), …] -> (C, H', W')."""
    together = enlarge(np.concatenate(rows), readable_factor(rows[0], side))
    return sheet(together, len(rows[0]), gap=4, background=255)


def gif(rows: list[np.ndarray], seconds_a_frame: float = 0.08, side: int = 196) -> bytes:
    """Frames that play forth and back, several rows of frames side by side: [(N, C, H, W), …] -> GIF."""
    factor = readable_factor(rows[0], side)
    frames = [_to_pil(sheet(enlarge(np.stack(at_once), factor), len(rows), gap=8, background=255))
              for at_once in zip(*rows, strict=True)]  # fmt: skip
    out = io.BytesIO()
    there_and_back = frames + frames[-2:0:-1]
    there_and_back[0].save(
        out, "GIF", save_all=True, append_images=there_and_back[1:], duration=round(1000 * seconds_a_frame), loop=0
    )
    return out.getvalue()
