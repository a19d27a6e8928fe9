"""How fast images are sampled and decoded, beside the decoder's own forward rate at its best batch size.

    python -m benchmarks.samples [--count 10000] [--rounds 7]

The forward rate is that of `model.decode` alone on codes that lie on the device already, its images thrown away.  Ours
draws codes from the prior and ends with bytes in memory.  Both are timed in turn, so that a busy machine slows both; of
the rounds' ratios the median counts.
"""

import argparse
import statistics
import sys
import time

import torch

from aemodels import checkpoint
from aemodels.autoencoder import Autoencoder
from latent import device as devices
from latent import sample
from latent.decode import best_batch, decode

MODELS = ("conv-vae", "vae-2d")
BATCHES = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)


@torch.inference_mode()
def forward(model: Autoencoder, codes: torch.Tensor, batch: int) -> float:
    """Images a second of the decoder alone."""
    began = time.perf_counter()
    for part in codes.split(batch):
        model.decode(part)
    if codes.is_cuda:
        torch.cuda.synchronize()
    return len(codes) / (time.perf_counter() - began)


def sampled(model: Autoencoder, count: int) -> float:
    """Images a second from a seed to bytes."""
    began = time.perf_counter()
    decode(model, sample.prior(model.latent_dim, count, seed=0))
    return count / (time.perf_counter() - began)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.samples", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args(argv)
    print("| model | device | decoder alone, images/s (batch) | sampled and decoded, images/s (batch) | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for kind in reversed(devices.available()):
        device = devices.pick(kind)
        for name in MODELS:
            model = checkpoint.load(checkpoint.root() / "fashion-mnist" / name).model.to(device)
            codes = torch.from_numpy(sample.prior(model.latent_dim, args.count, seed=0)).to(device)
            sampled(model, args.count)
            rates = {batch: [] for batch in BATCHES if batch <= args.count}
            for _ in range(args.rounds):
                for batch, seen in rates.items():
                    seen.append(forward(model, codes, batch))
            best = max(rates, key=lambda batch: statistics.median(rates[batch]))
            pairs = [(forward(model, codes, best), sampled(model, args.count)) for _ in range(args.rounds)]
            alone, ours = (statistics.median(rate) for rate in zip(*pairs, strict=True))
            ratios = sorted(b / a for a, b in pairs)
            print(
                f"| {name} | {devices.describe(device)} | {alone:,.0f} ({best}) | {ours:,.0f} ({best_batch(model)}) | "
                f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
