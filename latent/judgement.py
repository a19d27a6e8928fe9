"""Samples of a model judged: how good they are beside held-out images, and whether they are copies of training images.

A decoder blurs what it draws, which alone brings a picture nearer to others: copies are looked for beside held-out
images that the same decoder has drawn, never beside sharp ones.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aemodels.features import Classifier
from latent import memory, quality
from latent.decode import decode
from latent.encode import encode
from latent.jobs import Cancellation, Cancelled, Progress
from latent.space import LatentSpace
from latent.store import Store

DECODED_ALIKE = "decoded held-out images"


@dataclass(frozen=True, eq=False)
class Judgement:
    """`good` in a classifier's features, None without one; copies in pixels and among codes.

    `nearest` are the training images (n, C, H, W) nearest in pixels to the first samples, `nearest_codes` those whose
    codes are nearest.
    """

    good: quality.Quality | None
    pixels: memory.Copying
    codes: memory.Copying
    nearest: np.ndarray
    nearest_codes: np.ndarray


def judge(
    space: LatentSpace, samples: np.ndarray, images_of: Callable[[str], np.ndarray], classifier: Classifier | None,
    store: Store, *, shown: int = 16, progress: Progress = lambda share, message: None,
    cancelled: Cancellation = lambda: False,
) -> Judgement:  # fmt: skip
    """Samples' codes (N, D) judged beside `images_of("train")` and `images_of("held-out")`, uint8 (M, C, H, W).

    As many held-out codes as samples are decoded for the memory check.  Cancelled between its steps.
    """

    def step(share: float, message: str) -> None:
        if cancelled():
            raise Cancelled
        progress(share, message)

    step(0.0, "Reading images")
    training, held_out = images_of("train"), images_of("held-out")
    step(0.1, "Decoding")
    made, alike = decode(space.model, samples), decode(space.model, space.codes[: len(samples)])
    step(0.2, "Looking for the nearest training images")
    rows, near = memory.nearest_training(made, training)
    step(0.45, "Looking for those of held-out images")
    of_alike = memory.nearest_training(alike, training)[1]
    step(0.65, "Encoding training images")
    known = encode(space.model, training)
    step(0.8, "Looking among their codes")
    by_code, apart = memory.nearest_training(encode(space.model, made), known)
    of_codes = memory.nearest_training(encode(space.model, alike), known)[1]
    step(0.9, "Measuring quality")
    good = None if classifier is None else quality.kept_measure(made, held_out, training, classifier, store)
    return Judgement(
        good,
        memory.compare(near[:, 0], of_alike[:, 0], against=DECODED_ALIKE),
        memory.compare(apart[:, 0], of_codes[:, 0], against=DECODED_ALIKE),
        training[rows[:shown, 0]],
        training[by_code[:shown, 0]],
    )
