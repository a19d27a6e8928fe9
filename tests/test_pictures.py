"""Files that people keep, read back with Pillow: every pixel of an image is there, repeated and not smoothed."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from latent import pictures


def noise(count: int, channels: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, channels, height, width), dtype=np.uint8)


def read(data: bytes) -> np.ndarray:
    """(H, W) or (H, W, 3) of a PNG."""
    return np.array(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_holds_every_image_in_reading_order(channels):
    images = noise(5, channels, 4, 6)
    sheet = pictures.sheet(images, 3, gap=2, background=7)
    assert sheet.shape == (channels, 10, 22)
    for n, image in enumerate(images):
        top, left = n // 3 * 6, n % 3 * 8
        np.testing.assert_array_equal(sheet[:, top : top + 4, left : left + 6], image)
    assert (sheet[:, 4:6] == 7).all() and (sheet[:, 6:, 16:] == 7).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_data_url_is_the_picture(channels):
    (image,) = noise(1, channels, 5, 7)
    head, _, data = pictures.data_url(image).partition(",")
    found = read(base64.b64decode(data))
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(
        found if channels == 1 else found.transpose(2, 0, 1), image[0] if channels == 1 else image
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_strips_hold_each_models_frames_enlarged_below_its_name(channels):
    rows = [noise(4, channels, 14, 14), noise(4, channels, 14, 14)[::-1].copy()]
    found = read(pictures.strips(rows, ["conv-ae", "conv-vae"], side=28))
    height = found.shape[0] // 2
    for n, row in enumerate(rows):
        label, frames = found[n * height : n * height + height - 28], found[(n + 1) * height - 28 : (n + 1) * height]
        assert label.min() < 100 < 250 < label.max(), "the name is not to be seen"
        for m, image in enumerate(row):
            shown = frames[::2, m * 32 : m * 32 + 28 : 2].transpose(2, 0, 1)
            np.testing.assert_array_equal(shown[: len(image)], image)


def test_an_animation_plays_forth_and_back_with_the_models_side_by_side():
    rows = [
        np.full((5, 1, 8, 8), 0, np.uint8),
        np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(8, 2).repeat(8, 3) * 50,
    ]
    animation = Image.open(io.BytesIO(pictures.gif(rows, ["a", "b"], side=16)))
    assert animation.n_frames == 8 and animation.info["loop"] == 0
    brightness = []
    for n in range(8):
        animation.seek(n)
        frame = np.array(animation.convert("L"))
        assert frame[-8, 8] < 10
        brightness.append(int(frame[-8, 16 + 8 + 8]))
    assert np.allclose(brightness, [0, 50, 100, 150, 200, 150, 100, 50], atol=6)


def test_a_contact_sheet_is_about_square():
    channels, height, width = pictures.contact_sheet(noise(30, 1, 8, 8), side=16).shape
    assert channels == 1 and (height, width) == (5 * 20 - 4, 6 * 20 - 4)
