"""Seconds an epoch of the classic 784-400-20-400-784 VAE takes here, and in the peers, in turn in one process.

    python -m benchmarks.training [--rounds 5] [--device auto]

The peers: the recipe of pytorch/examples' vae/main.py (a DataLoader that turns each image into a tensor, in a
worker only with CUDA, Adam, summed cross-entropy), written out below; and pythae's own trainer, where pythae is
installed (`pip install pythae`; nothing else needs it).  60,000 images, batches of 128, all with the same data.
The peers know no other precision than float32; ours is timed in that too.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from aemodels import build, datasets
from aemodels.datasets import ImageData
from latent import device as devices
from train.loop import Settings, Trainer, pick_precision

BATCH, HIDDEN, LATENT = 128, 400, 20


def _data() -> tuple[ImageData, str]:
    if datasets.is_present("fashion-mnist"):
        return datasets.load("fashion-mnist", download=False), "Fashion-MNIST"
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (60_000, 1, 28, 28), dtype=np.uint8))
    return ImageData("noise", "train", images, np.arange(60_000)), "uniform noise (Fashion-MNIST is not here)"


def ours(data: ImageData, device: torch.device, precision: str) -> Callable[[], float]:
    model = build("vae", (1, 28, 28), LATENT, hidden=(HIDDEN,))
    trainer = Trainer(model, data, data.first(BATCH), Settings(batch_size=BATCH, precision=precision), device)
    return lambda: trainer.run_epoch()["seconds"]


class _Vae(nn.Module):
    """The network of pytorch/examples' vae/main.py."""

    def __init__(self):
        super().__init__()
        self.hidden, self.mean, self.logvar = (nn.Linear(*s) for s in ((784, HIDDEN), *[(HIDDEN, LATENT)] * 2))
        self.back, self.out = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, 784)

    def forward(self, x):
        h = functional.relu(self.hidden(x.view(-1, 784)))
        mean, logvar = self.mean(h), self.logvar(h)
        z = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
        return torch.sigmoid(self.out(functional.relu(self.back(z)))), mean, logvar


class _PerImage(torch.utils.data.Dataset):
    """Images turned into tensors one by one, as torchvision's data sets with ToTensor() do."""

    def __init__(self, data: ImageData):
        from torchvision.transforms import ToTensor

        self.images, self.transform = data.images[:, 0].numpy(), ToTensor()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        from PIL import Image

        return self.transform(Image.fromarray(self.images[index])), 0


def examples(data: ImageData, device: torch.device) -> Callable[[], float]:
    model = _Vae().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loader = torch.utils.data.DataLoader(
        _PerImage(data), batch_size=BATCH, shuffle=True, num_workers=int(device.type == "cuda")
    )

    def epoch() -> float:
        start, total = time.perf_counter(), 0.0
        for x, _ in loader:
            x = x.to(device)
            optimizer.zero_grad()
            made, mean, logvar = model(x)
            loss = functional.binary_cross_entropy(made, x.view(-1, 784), reduction="sum")
            loss = loss - 0.5 * torch.sum(1 + logvar - mean.pow(2) - logvar.exp())
            loss.backward()
            total += loss.item()
            optimizer.step()
        return time.perf_counter() - start

    return epoch


def pythae(data: ImageData, device: torch.device) -> Callable[[], float]:
    """ImportError where pythae is not installed."""
    import tempfile

    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.hidden, self.mean, self.logvar = (nn.Linear(*s) for s in ((784, HIDDEN), *[(HIDDEN, LATENT)] * 2))

        def forward(self, x):
            h = functional.relu(self.hidden(x.reshape(-1, 784)))
            return ModelOutput(embedding=self.mean(h), log_covariance=self.logvar(h))

    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.hidden, self.out = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, 784)

        def forward(self, z):
            images = torch.sigmoid(self.out(functional.relu(self.hidden(z))))
            return ModelOutput(reconstruction=images.reshape(-1, 1, 28, 28))

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce")
    model = VAE(config, encoder=Encoder(), decoder=Decoder())
    settings = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(), num_epochs=1, per_device_train_batch_size=BATCH, learning_rate=1e-3,
        no_cuda=device.type == "cpu", seed=0,
    )  # fmt: skip
    dataset = BaseDataset(data.images.float() / 255, torch.zeros(len(data)))
    trainer = BaseTrainer(model, train_dataset=dataset, training_config=settings)
    trainer.prepare_training()

    def epoch() -> float:
        start = time.perf_counter()
        trainer.train_step(1)
        return time.perf_counter() - start

    return epoch


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=devices.NAMES, default="auto")
    args = parser.parse_args(argv)
    device = devices.pick(args.device)
    data, source = _data()
    data = replace(data, labels=None, classes=())
    print(f"784-{HIDDEN}-{LATENT}-{HIDDEN}-784 VAE, {len(data):,} images ({source}), batches of {BATCH}, ", end="")
    print(f"{devices.describe(device)}, torch {torch.__version__}")
    picked = pick_precision("auto", device, build("vae", (1, 28, 28), LATENT))
    runners = {f"Latentboard, {p}": ours(data, device, p) for p in dict.fromkeys((picked, "float32"))}
    first = next(iter(runners))
    runners["pytorch/examples recipe"] = examples(data, device)
    try:
        runners["pythae"] = pythae(data, device)
    except ImportError as error:
        print(f"pythae is left out: {error}")
    for run in runners.values():
        run()  # warm up
    seconds = {name: [] for name in runners}
    for _ in range(args.rounds):
        for name, run in runners.items():
            seconds[name].append(run())
    print("| | seconds an epoch, median (min to max) | times the first |\n| --- | --- | --- |")
    for name, taken in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(taken, seconds[first], strict=True))
        print(f"| {name} | {statistics.median(taken):.2f} ({min(taken):.2f} to {max(taken):.2f}) | {ratio:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
