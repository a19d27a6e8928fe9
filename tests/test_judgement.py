"""Samples judged as a whole, on real digits and the shipped models of them."""

from pathlib import Path

import numpy as np
import pytest

from aemodels import checkpoint, datasets, features
from latent import judgement
from latent.encode import encode
from latent.jobs import Cancelled
from latent.sample import sample
from latent.space import LatentSpace
from latent.store import Store

SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints" / "digits"


@pytest.fixture(scope="module")
def space():
    return LatentSpace.from_checkpoint(checkpoint.load(SHIPPED / "vae"))


def images_of(split: str) -> np.ndarray:
    return datasets.load("digits", split).images.numpy()


def test_draws_of_the_prior_are_no_copies_and_codes_of_training_images_are(space, tmp_path):
    classifier, store = features.find("digits"), Store(tmp_path)
    drawn = judgement.judge(space, sample(space, 300, 0).codes, images_of, classifier, store)
    copies = judgement.judge(space, encode(space.model, images_of("train"))[:300], images_of, classifier, store)
    assert not drawn.codes.flagged and copies.codes.flagged and copies.pixels.z < drawn.pixels.z
    assert copies.good.frechet < drawn.good.frechet
    np.testing.assert_array_equal(copies.nearest_codes, images_of("train")[: len(copies.nearest_codes)])


def test_without_a_classifier_the_memory_is_checked_all_the_same(space, tmp_path):
    found = judgement.judge(space, sample(space, 50, 0).codes, images_of, None, Store(tmp_path), shown=5)
    assert found.good is None and found.nearest.shape == (5, 1, 8, 8)


def test_it_stops_between_steps_and_progress_rises(space, tmp_path):
    seen = []
    with pytest.raises(Cancelled):
        judgement.judge(
            space, sample(space, 50, 0).codes, images_of, None, Store(tmp_path),
            progress=lambda share, message: seen.append(share), cancelled=lambda: len(seen) > 2,
        )  # fmt: skip
    assert seen == sorted(seen) and len(seen) == 3
