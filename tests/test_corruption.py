"""Corruptions do what their names say, to the amount asked for, and stay in [0, 1]."""

import pytest
import torch

from aemodels import corruption

# Values away from 0 and 1, so that what was set to black or white can be told.
IMAGES = 0.2 + 0.6 * torch.rand(16, 3, 24, 24, generator=torch.Generator().manual_seed(0))


def corrupted(text: str, seed: int = 1, images: torch.Tensor = IMAGES) -> torch.Tensor:
    return corruption.parse(text)(images, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", corruption.DEFAULTS)
def test_output_is_an_image_of_the_same_shape_and_the_input_is_left_alone(name):
    before = IMAGES.clone()
    out = corrupted(name)
    assert out.shape == IMAGES.shape and out.dtype == IMAGES.dtype
    assert out.min() >= 0 and out.max() <= 1
    assert torch.equal(IMAGES, before)
    assert not torch.equal(out, IMAGES)


@pytest.mark.parametrize("name", corruption.DEFAULTS)
def test_the_same_seed_corrupts_alike_and_the_global_generator_has_no_part(name):
    before = torch.get_rng_state()
    assert torch.equal(corrupted(name, 1), corrupted(name, 1))
    assert not torch.equal(corrupted(name, 1), corrupted(name, 2))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", corruption.DEFAULTS)
def test_an_amount_of_zero_changes_nothing(name):
    assert torch.equal(corrupted(f"{name}:0"), IMAGES)


def test_gaussian_noise_has_the_standard_deviation_asked_for():
    noise = corrupted("gaussian:0.05") - IMAGES
    assert noise.std().item() == pytest.approx(0.05, rel=0.05)
    assert noise.mean().item() == pytest.approx(0, abs=0.002)


def test_salt_and_pepper_sets_half_the_share_to_each_extreme_for_all_channels():
    out = corrupted("salt_and_pepper:0.4")
    black, white = (out == 0).all(1), (out == 1).all(1)
    assert black.float().mean().item() == pytest.approx(0.2, abs=0.02)
    assert white.float().mean().item() == pytest.approx(0.2, abs=0.02)
    untouched = ~(black | white)
    assert torch.equal(out.movedim(1, -1)[untouched], IMAGES.movedim(1, -1)[untouched])


def test_masking_blacks_out_whole_pixels():
    out = corrupted("masking:0.3")
    masked = (out == 0).all(1)
    assert masked.float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert torch.equal(out.movedim(1, -1)[~masked], IMAGES.movedim(1, -1)[~masked])


def test_dropout_takes_single_values_and_scales_up_the_rest():
    out = corrupted("dropout:0.25")
    dropped = out == 0
    assert dropped.float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert (dropped.any(1) & ~dropped.all(1)).any()
    torch.testing.assert_close(out[~dropped], (IMAGES[~dropped] / 0.75).clamp(max=1))


@pytest.mark.parametrize(
    ("text", "meant"),
    [("gaussian", "gaussian:0.3"), ("salt-and-pepper:0.2", "salt_and_pepper:0.2"), ("dropout:.5", "dropout:0.5")],
)
def test_text_and_corruption_say_the_same(text, meant):
    assert str(corruption.parse(text)) == meant
    assert corruption.parse(meant) == corruption.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rain", "unknown corruption 'rain'; choose from gaussian, salt_and_pepper, masking, dropout"),
        ("", "unknown corruption ''"),
        ("masking:lots", "is a number, not 'lots'"),
        ("masking:1", "below 1, not 1"),
        ("gaussian:-0.1", "at least 0"),
        ("gaussian:nan", "at least 0"),
        ("gaussian:inf", "below inf"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(text, message):
    with pytest.raises(ValueError, match=message):
        corruption.parse(text)
