"""Figures of paths between random held-out pairs, by model and kind of path, and how long a geodesic takes.

    python -m benchmarks.walks [--pairs 200] [--frames 32]

The same pairs for both models.  Figures are means over pairs of what `latent.profile` measures; a frame in a hole is
one beyond what 95 % of real codes keep to, by distance or by round trip.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from aemodels import checkpoint
from latent import path, profile
from latent.space import LatentSpace

SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints" / "fashion-mnist"
FIGURES = {
    "length, codes": lambda p: p.latent_length, "length, images": lambda p: p.image_length,
    "energy": lambda p: p.energy, "largest step": lambda p: p.largest_step,
    "farthest / typical": lambda p: p.farthest / p.typical.distance,
    "round trip / typical": lambda p: p.worst_round_trip / p.typical.round_trip,
    "frames in a hole": lambda p: p.outside.mean(),
}  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.walks", description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--frames", type=int, default=32)
    args = parser.parse_args(argv)
    print(f"means over {args.pairs} pairs, {args.frames} frames\n")
    print(f"| model, path | {' | '.join(FIGURES)} | seconds a path |\n| --- |{' --- |' * (len(FIGURES) + 1)}")
    for name in ("conv-ae", "conv-vae"):
        space = LatentSpace.from_checkpoint(checkpoint.load(SHIPPED / name))
        pairs = np.random.default_rng(0).choice(len(space), (args.pairs, 2), replace=True)
        path.walk(space, "geodesic", *space.codes[pairs[0]], args.frames)  # what a first call sets up
        for kind in path.KINDS:
            taken, found = [], []
            for a, b in pairs:
                began = time.perf_counter()
                codes = path.walk(space, kind, space.codes[a], space.codes[b], args.frames).codes
                taken.append(time.perf_counter() - began)
                found.append(profile.measure(space, codes))
            means = [f"{np.mean([of(p) for p in found]):.2f}" for of in FIGURES.values()]
            print(f"| {name}, {kind} | {' | '.join(means)} | {statistics.median(taken):.3f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
