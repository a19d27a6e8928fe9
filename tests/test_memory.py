"""Claims about nearest training images, and about telling a sampler that copies them from one that does not."""

import tracemalloc

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from latent import memory


def pictures(count: int, seed: int = 0, shape=(1, 6, 6)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def by_hand(samples: np.ndarray, training: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = (r.reshape(len(r), -1) / (255 if r.dtype == np.uint8 else 1) for r in (samples, training))
    apart = np.sqrt(((a[:, None].astype(float) - b) ** 2).sum(2))
    order = np.argsort(apart, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(apart, order, 1)


@pytest.mark.parametrize("k", [1, 3, 50])
@pytest.mark.parametrize("blocks", [(2048, 4096), (7, 5)])
def test_the_nearest_are_those_of_all_pairs_however_they_are_cut_into_blocks(k, blocks, monkeypatch):
    monkeypatch.setattr(memory, "_QUERIES", blocks[0])
    monkeypatch.setattr(memory, "_OTHERS", blocks[1])
    codes = np.random.default_rng(2).standard_normal((80, 4)).astype(np.float32)
    for samples, training in ((pictures(20), pictures(50, seed=1)), (codes[:20], codes[20:70])):
        rows, distances = memory.nearest_training(samples, training, k)
        expected = by_hand(samples, training, k)
        np.testing.assert_array_equal(rows, expected[0])
        np.testing.assert_allclose(distances, expected[1], rtol=1e-12)


def test_a_copy_is_at_a_distance_of_exactly_nothing_and_first():
    training = pictures(300, shape=(3, 20, 20))
    rows, distances = memory.nearest_training(training[::-1], training, 2)
    np.testing.assert_array_equal(rows[:, 0], np.arange(300)[::-1])
    assert not distances[:, 0].any() and (distances[:, 1] > 0).all()


def test_rounding_puts_no_row_before_one_that_is_nearer():
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 256, (30, 3, 64, 64), dtype=np.uint8)
    training = np.repeat(rng.integers(0, 256, (1, 3, 64, 64), dtype=np.uint8), 3, axis=0)
    samples[:, 0, 0, 0], training[:, 0, 0, 0] = 100, [102, 101, 100]  # one pixel tells the training images apart
    found = memory.nearest_training(samples, np.concatenate([training, 255 - training]))[0]
    assert set(found.ravel()) == {2, 3}  # 255 - 102 is the nearest of the others


def test_blurred_held_out_images_seem_copied_unless_what_they_are_compared_with_is_blurred_as_well():
    training, held_out, fresh = np.split(pictures(900, shape=(1, 12, 12)), 3)
    blurred, alike = ((i[..., :-1] / 2 + i[..., 1:] / 2).astype(np.uint8) for i in (fresh, held_out))
    narrow, plain = training[..., 1:], held_out[..., 1:]
    assert memory.copying(blurred, plain, narrow).flagged
    assert not memory.copying(blurred, alike, narrow).flagged


def test_equally_near_ones_come_in_the_order_of_the_training_rows():
    training = np.repeat(pictures(1), 4, axis=0)
    np.testing.assert_array_equal(memory.nearest_training(training[:1], training, 4)[0], [[0, 1, 2, 3]])


def test_black_and_white_are_a_side_of_the_image_apart():
    black, white = np.zeros((1, 1, 5, 5), np.uint8), np.full((1, 1, 5, 5), 255, np.uint8)
    assert memory.nearest_training(black, white)[1].item() == 5


def test_codes_far_from_the_origin_keep_their_neighbours():
    codes = np.random.default_rng(0).standard_normal((200, 3))
    near = memory.nearest_training(codes[:50], codes[50:], 3)[0]
    np.testing.assert_array_equal(memory.nearest_training(codes[:50] + 1e3, codes[50:] + 1e3, 3)[0], near)


def test_no_matrix_of_all_distances_is_held():
    samples, training = pictures(3000), pictures(30_000, seed=1)
    tracemalloc.start()
    memory.nearest_training(samples, training)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3000 * 30_000 * 4 / 2


@pytest.mark.parametrize(
    ("samples", "training", "k", "says"),
    [
        (pictures(3), pictures(3, shape=(1, 6, 7)), 1, "must be alike"),
        (pictures(3), pictures(3) / 255, 1, "must be alike"),
        (pictures(3), pictures(3), 4, "4 nearest were asked for, and there are 3 training rows"),
        (pictures(3), pictures(3), 0, "0 nearest were asked for"),
        (pictures(0), pictures(3), 1, "one or more images"),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), 1, "NaN or infinity"),
        (np.zeros((3, 2)), np.full((3, 2), np.inf), 1, "NaN or infinity"),
        (np.zeros(3), np.zeros(3), 1, "one or more images"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused_in_one_line(samples, training, k, says):
    with pytest.raises(ValueError, match=says) as refused:
        memory.nearest_training(samples, training, k)
    assert "\n" not in str(refused.value)


# --- the check --------------------------------------------------------------------------------------------


def test_a_sampler_that_copies_training_images_is_flagged_and_held_out_images_are_not():
    everything = pictures(1300)
    training, held_out, fresh = everything[:500], everything[500:900], everything[900:]
    copied = (training[:400].astype(int) + np.random.default_rng(1).integers(-2, 3, (400, 1, 6, 6))).clip(0, 255)
    found = memory.copying(copied.astype(np.uint8), held_out, training)
    assert found.flagged and found.share == 1 and found.z < -20 and found.p_value < 1e-50
    innocent = memory.copying(fresh, held_out, training)
    assert not innocent.flagged and abs(innocent.share - innocent.expected) < 0.08 and abs(innocent.z) < 3


def test_a_sampler_that_copies_a_tenth_of_its_samples_is_flagged():
    everything = pictures(4500)
    training, held_out, samples = everything[:500], everything[500:2500], everything[2500:].copy()
    samples[:200] = training[:200]
    assert memory.copying(samples, held_out, training).flagged


def test_samples_unlike_the_data_are_further_and_not_flagged():
    training = pictures(300) // 4
    found = memory.copying(pictures(300, seed=2), pictures(300, seed=1) // 4, training)
    assert found.share == 0 and found.z > 3 and not found.flagged and found.p_value > 0.99


def test_codes_are_checked_as_images_are():
    rng = np.random.default_rng(0)
    training, held_out = rng.standard_normal((300, 5)), rng.standard_normal((300, 5))
    assert memory.copying(training + 1e-3, held_out, training).flagged
    assert not memory.copying(rng.standard_normal((300, 5)), held_out, training).flagged


def test_the_statistic_and_its_chance_are_scipys_with_ties():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 80).astype(float), rng.integers(1, 10, 90).astype(float)
    theirs = mannwhitneyu(a, b, alternative="less", method="asymptotic", use_continuity=False)
    assert memory.compare(a, b).p_value == pytest.approx(theirs.pvalue)
    assert memory.compare(a, b).z == pytest.approx(-memory.compare(b, a).z)


def test_distances_that_are_all_the_same_say_nothing():
    found = memory.compare(np.zeros(5), np.zeros(7))
    assert (found.share, found.z, found.p_value, found.samples, found.held_out) == (0.5, 0, 0.5, 5, 7)


@pytest.mark.parametrize("distances", [np.zeros(0), np.array([np.nan]), np.zeros((2, 2))])
def test_no_distances_or_ones_with_nan_are_refused(distances):
    for pair in ((distances, np.ones(3)), (np.ones(3), distances)):
        with pytest.raises(ValueError, match="distances must be finite"):
            memory.compare(*pair)


def test_the_sentence_says_the_share_what_was_expected_and_of_how_many():
    said = memory.compare(np.zeros(40), np.ones(50)).sentence()
    assert said.startswith("100 % of 40 samples") and "50 held-out images does" in said and "expected: 50 %" in said
    assert said.endswith(": nearer than held-out images are.")
    said = memory.compare(np.ones(40), np.ones(50), against="decoded held-out images").sentence()
    assert "50 decoded held-out images does" in said and said.endswith(": no nearer than decoded held-out images are.")
