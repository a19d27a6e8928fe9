"""Images as files: sheets, strips and animations; uint8 (N, C, H, W) in, encoded bytes out.

Enlargement repeats pixels and never smooths: what one sees is what the decoder gave.
"""

import base64
import io
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_LABEL = 22  # pixels of height for a line of text


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


def contact_sheet(images: np.ndarray, side: int = 84) -> np.ndarray:
    """Enlarged images in about as many rows as columns: (N, C, H, W) -> (C, H', W')."""
    return sheet(enlarge(images, readable_factor(images, side)), math.ceil(math.sqrt(len(images))), gap=4)


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


def _labelled(picture: Image.Image, labels: Sequence[tuple[str, int, int]]) -> Image.Image:
    """A copy in colour with texts at (left, top)."""
    picture = picture.convert("RGB")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    for text, left, top in labels:
        draw.text((left + 2, top + 2), text, fill=(28, 32, 48), font=font)
    return picture


def strips(rows: list[np.ndarray], labels: Sequence[str], side: int = 112) -> bytes:
    """Rows of images of equal shape one above the other, enlarged, each below its label: [(N, C, H, W), …] -> PNG."""
    bands, places, top = [], [], 0
    for row, label in zip(rows, labels, strict=True):
        places.append((label, 0, top))
        band = sheet(enlarge(row, readable_factor(row, side)), len(row), gap=4, background=255)
        bands += [np.full((len(band), _LABEL, band.shape[-1]), 255, np.uint8), band]
        top += _LABEL + band.shape[-2]
    out = io.BytesIO()
    _labelled(_to_pil(np.concatenate(bands, 1)), places).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _there_and_back(rows: list[np.ndarray], labels: Sequence[str], side: int) -> list[Image.Image]:
    """Frames forth and back without the ends twice, rows of frames side by side below their labels."""
    factor = readable_factor(rows[0], side)
    width = rows[0].shape[-1] * factor + 8
    places = [(label, n * width, 0) for n, label in enumerate(labels)]
    frames = []
    for at_once in zip(*rows, strict=True):
        images = sheet(enlarge(np.stack(at_once), factor), len(rows), gap=8, background=255)
        head = np.full((len(images), _LABEL, images.shape[-1]), 255, np.uint8)
        frames.append(_labelled(_to_pil(np.concatenate([head, images], 1)), places))
    return frames + frames[-2:0:-1]


def gif(rows: list[np.ndarray], labels: Sequence[str], seconds_a_frame: float = 0.08, side: int = 196) -> bytes:
    """Frames that play forth and back, rows of frames side by side below their labels: [(N, C, H, W), …] -> GIF."""
    first, *others = _there_and_back(rows, labels, side)
    out = io.BytesIO()
    first.save(out, "GIF", save_all=True, append_images=others, duration=round(1000 * seconds_a_frame), loop=0)
    return out.getvalue()


def mp4(rows: list[np.ndarray], labels: Sequence[str], seconds_a_frame: float = 0.08, side: int = 196) -> bytes:
    """As `gif`, as an MP4 that every browser plays (H.264): [(N, C, H, W), …] -> MP4.

    The encoder comes with the av package; nothing has to be on the PATH.
    """
    import av

    frames, out = _there_and_back(rows, labels, side), io.BytesIO()
    # H.264 halves the resolution of colours, so sides must be even.
    even = [n + n % 2 for n in frames[0].size]
    with av.open(out, "w", format="mp4") as film:
        stream = film.add_stream("libx264", Fraction(1 / seconds_a_frame).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = *even, "yuv420p"
        stream.options = {"crf": "14"}  # small pictures of large pixels: a visible loss would save nothing
        for frame in frames:
            canvas = Image.new("RGB", tuple(even), "white")
            canvas.paste(frame)
            film.mux(stream.encode(av.VideoFrame.from_image(canvas)))
        film.mux(stream.encode())
    return out.getvalue()
