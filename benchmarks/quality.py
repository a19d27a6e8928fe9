"""How good the samples of the shipped Fashion-MNIST models are, whether they are copies, and what it takes to say so.

    python -m benchmarks.quality [--count 10000] [--models conv-vae conv-ae]

Samples are of the prior (VAE) or of a Gaussian fitted to the held-out codes (AE), against as many held-out images in
the features of the shipped classifier.  Training images stand among them as if a model had made them.  Copying is the
share of samples nearer to a training image than the held-out images' median (50 % expected) with Mann and Whitney's
z, in three ways: beside held-out images as they are; beside the same decoder's pictures of them, as blurred as the
samples; and in latent space, by the codes that the pictures are encoded to.
"""

import argparse
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from aemodels import checkpoint, datasets, features
from latent import memory, quality
from latent.decode import decode
from latent.encode import encode
from latent.sample import sample
from latent.space import LatentSpace

SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints" / "fashion-mnist"


class Clock:
    """Seconds of named steps, summed."""

    def __init__(self):
        self.seconds: dict[str, list[float]] = {}

    @contextmanager
    def __call__(self, step: str):
        began = time.perf_counter()
        yield
        self.seconds.setdefault(step, []).append(time.perf_counter() - began)


def judged(made: np.ndarray, real: np.ndarray, seen: np.ndarray, clock: Clock) -> str:
    """Fréchet distance, its floor, precision and recall of features, as cells of a table."""
    with clock("Fréchet distance"):
        distance = quality.frechet(made, real)
    with clock("precision and recall"):
        precision, recall = quality.precision_recall(real, made)
    return f"{distance:.2f} | {quality.frechet(seen, real):.2f} | {precision:.3f} | {recall:.3f}"


def cell(of_samples: np.ndarray, of_held_out: np.ndarray) -> str:
    """A memory check as a cell of a table."""
    found = memory.compare(of_samples[:, 0], of_held_out[:, 0])
    return f"{found.share:.1%} (z {found.z:+.1f})"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--models", nargs="+", default=["conv-vae", "conv-ae"])
    args = parser.parse_args(argv)
    classifier, clock = features.find("fashion-mnist"), Clock()
    training, held_out = (datasets.load("fashion-mnist", s).images.numpy() for s in datasets.SPLITS)
    held_out = held_out[: args.count]
    chosen = np.random.default_rng(0).choice(len(training), len(held_out), replace=False)
    with clock("features"):
        real = quality.features(classifier, held_out)
    seen = quality.features(classifier, training[chosen])
    with clock("nearest training images"):
        plain = memory.nearest_training(held_out, training)[1]

    print(f"{len(held_out):,} each, in the feature space of {classifier.title}; {torch.get_num_threads()} threads\n")
    print(
        "| samples | Fréchet | floor | precision | recall | copying: pixels | pixels, decoded alike | "
        "codes, decoded alike |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    print(f"| training images | {judged(seen, real, seen, clock)} | {cell(np.zeros_like(plain), plain)} | – | – |")
    for name in args.models:
        space = LatentSpace.from_checkpoint(checkpoint.load(SHIPPED / name))
        with clock("sampling and decoding"):
            drawn = sample(space, args.count, seed=0)
            images = decode(space.model, drawn.codes)
        with clock("features"):
            made = quality.features(classifier, images)
        with clock("nearest training images"):
            near = memory.nearest_training(images, training)[1]
        decoded = decode(space.model, space.codes[: args.count])
        alike = memory.nearest_training(decoded, training)[1]
        with clock("codes of training images"):
            codes = encode(space.model, training)
        with clock("nearest training codes"):
            apart = memory.nearest_training(encode(space.model, images), codes)[1]
        others = memory.nearest_training(encode(space.model, decoded), codes)[1]
        print(
            f"| {name}, {drawn.source} | {judged(made, real, seen, clock)} | {cell(near, plain)} | "
            f"{cell(near, alike)} | {cell(apart, others)} |",
            flush=True,
        )
        print(
            f"| {name}, held-out images decoded | {judged(quality.features(classifier, decoded), real, seen, clock)} "
            f"| {cell(alike, plain)} | – | – |",
            flush=True,
        )
    print("\n| step | median seconds |\n| --- | --- |")
    for step, seconds in clock.seconds.items():
        print(f"| {step} | {np.median(seconds):.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
