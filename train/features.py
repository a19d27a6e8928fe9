"""`python -m train.features DATASET`: train the small classifier whose features samples of that data set are judged in.

It is trained on the training split; the held-out split is looked at once, for the accuracy that is written down.
"""

import dataclasses
import math
import shlex
import sys
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from aemodels import datasets, features
from aemodels.cli import Parser, first_line, positive
from aemodels.datasets import ImageData
from latent import device as devices

BATCH = 128
LEARNING_RATE = 4e-3
WEIGHT_DECAY = 1e-2
_SHIFT = 16  # images are moved by up to a 16th of their sides, so that features do not learn single pixels
_FAILURES = (features.FeaturesError, datasets.DatasetError, FloatingPointError, ValueError, OSError, MemoryError)


def _moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """A batch moved as one, by up to a 16th of the sides, black coming in."""
    height, width = images.shape[-2:]
    down, right = (
        int(torch.randint(-(n // _SHIFT), n // _SHIFT + 1, (), generator=generator)) for n in (height, width)
    )
    return functional.pad(images, (right, -right, down, -down))


def fit(config: features.Config, train: ImageData, device: torch.device | str = "cpu") -> features.Network:
    """A network trained for `config.epochs` epochs, in evaluation mode, with AdamW under a one-cycle learning rate.

    The same for the same seed, device and thread count.  FloatingPointError where the loss stops being finite.
    """
    network = features.build(config).to(device, memory_format=torch.channels_last).train()
    labels = torch.from_numpy(train.labels)
    generator = torch.Generator().manual_seed(config.seed)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    steps = config.epochs * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    interval = 0.2 if sys.stderr.isatty() else 30
    with torch.random.fork_rng(), tqdm(total=steps, unit="batch", leave=False, delay=1, mininterval=interval) as bar:
        torch.manual_seed(config.seed)  # dropout draws from the global generator
        for epoch in range(config.epochs):
            order = torch.randperm(len(train), generator=generator)
            wanted = labels[order].split(BATCH)
            for images, target in zip(datasets.batches(train.images, BATCH, order, device), wanted, strict=True):
                moved = _moved(images, generator).contiguous(memory_format=torch.channels_last)
                loss = functional.cross_entropy(network(moved), target.to(device))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()
                bar.update()
            last = loss.item()
            if not math.isfinite(last):
                raise FloatingPointError(f"the loss is {last:g} in epoch {epoch + 1}")
            bar.set_postfix_str(f"{last:.3f} nats", refresh=False)
    return network.eval()


@torch.inference_mode()
def accuracy(network: features.Network, data: ImageData, device: torch.device | str = "cpu") -> float:
    """Share of images whose likeliest class is theirs, in [0, 1]."""
    found = [network(images).argmax(1).cpu() for images in datasets.batches(data.images, 512, device=device)]
    return float((torch.cat(found) == torch.from_numpy(data.labels)).double().mean())


def parser() -> Parser:
    p = Parser(prog="python -m train.features", description="Train the classifier that samples are judged by.")
    p.add_argument("dataset", metavar="DATASET", help=", ".join(datasets.names()).replace("folder", "folder:PATH"))
    p.add_argument("--epochs", type=positive(int), default=12, help="(12)")
    p.add_argument("--width", type=positive(int), default=32, help="channels of the first convolution (32)")
    p.add_argument("--feature-dim", type=positive(int), default=64, help="features before the logits (64)")
    p.add_argument("--seed", type=int, default=0, help="(0)")
    p.add_argument("--device", choices=devices.NAMES, default="auto")
    p.add_argument("--data-root", help="where data sets are ($LATENTBOARD_DATA, else data/)")
    p.add_argument("--out", type=Path, help="folder (features/DATASET); one that is there is replaced")
    return p


def _command(args) -> str:
    """The command as a reader would type it: what is by default, and where this machine keeps things, left out."""
    default = parser().parse_args([args.dataset])
    named = [(f"--{k.replace('_', '-')}", k) for k in ("epochs", "width", "feature_dim", "seed")]
    words = [w for option, k in named if getattr(args, k) != getattr(default, k) for w in (option, getattr(args, k))]
    return shlex.join(["python", "-m", "train.features", args.dataset, *map(str, words)])


def run(args) -> features.Classifier:
    """Train, measure and save.  DatasetError where the data set is unusable or has no classes."""
    train, held_out = (datasets.load(args.dataset, split, root=args.data_root) for split in datasets.SPLITS)
    if train.labels is None or len(train.classes) < 2:
        raise datasets.DatasetError(f"{args.dataset} has no classes to tell apart, so no classifier")
    device = devices.pick(args.device)
    config = features.Config(
        f"{args.dataset.partition(':')[0]}-conv{args.feature_dim}", args.dataset, train.image_shape, train.classes, 0.0,
        args.width, args.feature_dim, args.epochs, args.seed, _command(args),
    )  # fmt: skip
    network = fit(config, train, device)
    config = dataclasses.replace(config, accuracy=round(accuracy(network, held_out, device), 5))
    return features.save(args.out or features.place(args.dataset), network, config)


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    began = time.perf_counter()
    try:
        made = run(args)
    except _FAILURES as error:
        print(f"python -m train.features: {first_line(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return 130
    values = sum(p.numel() for p in made.network.parameters())
    print(f"{made.title}; {values:,} parameters, {time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
