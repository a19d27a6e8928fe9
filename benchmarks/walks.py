"""Figures of paths between random held-out pairs, by model and kind of path, and how long a geodesic takes.

    python -m benchmarks.walks [--pairs 200] [--frames 32] [--strips FILE.png]

The same pairs for both models.  Figures are means over pairs of what `latent.profile` measures; a frame in a hole is
one beyond what 95 % of real codes keep to, by distance or by round trip.  Then the pair that shows best what a geodesic
is for: the straight line in the AE passes through nonsense, the geodesic does not, and the VAE needs no detour.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from aemodels import checkpoint
from latent import path, pictures, profile
from latent.decode import decode
from latent.space import LatentSpace

SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints" / "fashion-mnist"
FIGURES = {
    "length, codes": lambda p: p.latent_length, "length, images": lambda p: p.image_length,
    "energy": lambda p: p.energy, "largest step": lambda p: p.largest_step,
    "farthest / typical": lambda p: p.farthest / p.typical.distance,
    "round trip / typical": lambda p: p.worst_round_trip / p.typical.round_trip,
    "frames in a hole": lambda p: p.outside.mean(),
}  # fmt: skip


MODELS = ("conv-ae", "conv-vae")
Found = dict[tuple[str, str], list[profile.Profile]]


def row(figures: list[profile.Profile]) -> str:
    """Means of the figures, as cells of a table."""
    return " | ".join(f"{np.mean([of(p) for p in figures]):.2f}" for of in FIGURES.values())


def telling(found: Found) -> int:
    """The pair whose line in the AE is strangest, less what its geodesic, and the VAE's line, are beyond typical."""
    strange = {key: np.array([p.strangeness.max() for p in profiles]) for key, profiles in found.items()}
    ae, vae = MODELS
    return int((strange[ae, "linear"] - 2 * sum(np.maximum(strange[k], 1) for k in ((ae, "geodesic"), (vae, "linear"))))
               .argmax())  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.walks", description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--strips", type=Path, help="write the telling pair's frames to this PNG")
    args = parser.parse_args(argv)
    spaces = {name: LatentSpace.from_checkpoint(checkpoint.load(SHIPPED / name)) for name in MODELS}
    pairs = np.random.default_rng(0).choice(len(spaces[MODELS[0]]), (args.pairs, 2), replace=True)
    found: Found = {}
    codes: dict[tuple[str, str], list[np.ndarray]] = {}
    print(f"means over {args.pairs} pairs, {args.frames} frames\n")
    print(f"| model, path | {' | '.join(FIGURES)} | seconds a path |\n| --- |{' --- |' * (len(FIGURES) + 1)}")
    for name, space in spaces.items():
        path.walk(space, "geodesic", *space.codes[pairs[0]], args.frames)  # what a first call sets up
        for kind in path.KINDS:
            taken, walked = [], []
            for ends in pairs:
                began = time.perf_counter()
                walked.append(path.walk(space, kind, *space.codes[ends], args.frames).codes)
                taken.append(time.perf_counter() - began)
            codes[name, kind], found[name, kind] = walked, [profile.measure(space, c) for c in walked]
            print(f"| {name}, {kind} | {row(found[name, kind])} | {statistics.median(taken):.3f} |", flush=True)
    best = telling(found)
    print(f"\nrows {' and '.join(map(str, spaces[MODELS[0]].row_ids[pairs[best]]))}\n")
    print(f"| model, path | {' | '.join(FIGURES)} |\n| --- |{' --- |' * len(FIGURES)}")
    for (name, kind), profiles in found.items():
        print(f"| {name}, {kind} | {row(profiles[best : best + 1])} |")
    if args.strips:
        shown = [decode(spaces[name].model, walked[best]) for (name, _), walked in codes.items()]
        args.strips.write_bytes(pictures.strips(shown, [", ".join(key) for key in codes], side=56))
    return 0


if __name__ == "__main__":
    sys.exit(main())
