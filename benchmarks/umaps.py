"""Seconds that a UMAP takes: in a fresh process and in a warm one, ours and umap-learn's own `fit_transform`, in turn.

    python -m benchmarks.umaps [--rounds 2] [--large]

The codes are those of the shipped Fashion-MNIST conv-vae, 10,000 of them; `--large` adds 60,000, encoded from the
training images.  Both maps are judged by scikit-learn's trustworthiness of the same 10,000 rows.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from aemodels import checkpoint, datasets
from latent.encode import encode
from tools.browser import ROOT

# Each runs in a process of its own: seconds of the first fit, of the second, and the second's points.
_THEIRS = """
import sys, time, json, warnings
import numpy as np
began = time.perf_counter()
warnings.simplefilter("ignore")
import umap
codes = np.load(sys.argv[1])
fit = lambda: umap.UMAP(n_neighbors=15, min_dist=0.1).fit_transform(codes)
points = fit()
first = time.perf_counter() - began
began = time.perf_counter()
points = fit()
print(json.dumps([first, time.perf_counter() - began]))
np.save(sys.argv[2], points)
"""
_OURS = """
import sys, time, json
import numpy as np
began = time.perf_counter()
from latent import project
if __name__ == "__main__":
    codes = np.load(sys.argv[1])
    points = project.fit(codes, project.Settings()).points
    first = time.perf_counter() - began
    began = time.perf_counter()
    points = project.fit(codes, project.Settings()).points
    print(json.dumps([first, time.perf_counter() - began]))
    np.save(sys.argv[2], points)
"""


def timed(program: str, codes: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Seconds in a fresh process, import included, seconds of a second fit there, and that one's points."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "codes.npy", Path(folder) / "points.npy"
        np.save(given, codes)
        ran = subprocess.run(
            [sys.executable, "-c", program, str(given), str(made)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        first, second = json.loads(ran.stdout.strip().splitlines()[-1])
        return first, second, np.load(made)


def report(codes: np.ndarray, rounds: int) -> None:
    from sklearn.manifold import trustworthiness

    taken: dict[str, list] = {"Latentboard": [], "umap-learn": []}
    for _ in range(rounds):
        taken["Latentboard"].append(timed(_OURS, codes))
        taken["umap-learn"].append(timed(_THEIRS, codes))
    rows = np.random.default_rng(0).permutation(len(codes))[:10_000]
    print(f"\n| {len(codes):,} codes | fresh process (s) | warm (s) | trustworthiness |\n| --- | --- | --- | --- |")
    for name, runs in taken.items():
        fresh, warm = (statistics.median(r[n] for r in runs) for n in (0, 1))
        judged = trustworthiness(codes[rows], runs[0][2][rows], n_neighbors=15)
        print(f"| {name} | {fresh:.1f} | {warm:.1f} | {judged:.4f} |")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.umaps", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--large", action="store_true", help="60,000 codes as well")
    args = parser.parse_args(argv)
    found = checkpoint.load(ROOT / "checkpoints" / "fashion-mnist" / "conv-vae")
    report(found.latents.mean, args.rounds)
    if args.large:
        images = datasets.load("fashion-mnist", download=False).images
        report(encode(found.model, images.numpy()), 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
