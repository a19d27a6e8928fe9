"""The training loop: epochs over a tensor by index, with everything needed to go on after a stop.

What is exported is not the last weights but their exponential moving average: it does for quality what a
learning-rate schedule does, and unlike a schedule it does not need to know how many epochs there will be, so
that a run of 5 epochs resumed to 10 ends exactly where a run of 10 does.
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from aemodels.autoencoder import Autoencoder, Loss
from aemodels.datasets import ImageData, batches

EMA_DECAY = 0.999
PRECISIONS = ("auto", "float32", "bfloat16")
_VALIDATION_BATCH = 512


@dataclass(frozen=True)
class Settings:
    """How to train; what to train on and what to train are given beside it."""

    epochs: int = 20
    batch_size: int = 128
    lr: float = 1e-3
    seed: int = 0
    precision: str = "auto"


def pick_precision(name: str, device: torch.device, model: Autoencoder) -> str:
    """`auto` is bfloat16 autocast where it is faster: on GPUs for convolutions, on CPUs that multiply in it."""
    if name != "auto":
        return name
    if device.type == "cuda":
        convolutional = any(isinstance(m, torch.nn.Conv2d) for m in model.modules())
        return "bfloat16" if convolutional and torch.cuda.is_bf16_supported() else "float32"
    # Only vector bf16 or AMX makes it faster on a CPU; elsewhere it is emulated, and slower.
    return "bfloat16" if device.type == "cpu" and "avx512_bf16" in cpu_flags() else "float32"


def cpu_flags() -> set[str]:
    """The processor's feature flags as Linux names them; empty elsewhere."""
    try:
        with open("/proc/cpuinfo") as file:
            return set(next((line for line in file if line.startswith("flags")), "").split())
    except OSError:
        return set()


class Trainer:
    """A model in training; `snapshot` and `restore` hold all of its state as named tensors."""

    def __init__(self, model: Autoencoder, train: ImageData, held_out: ImageData, settings: Settings, device):
        self.train, self.held_out, self.settings, self.device = train, held_out, settings, torch.device(device)
        self.precision = pick_precision(settings.precision, self.device, model)
        self.model = model.to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), settings.lr, fused=self.device.type in ("cpu", "cuda")
        )
        self.shuffle = torch.Generator().manual_seed(settings.seed)
        self.noise = torch.Generator(self.device).manual_seed(settings.seed + 1)
        self.steps = 0
        self.history: list[dict] = []

    @property
    def epoch(self) -> int:
        return len(self.history)

    def _autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def _loss(self, model: Autoencoder, images: Tensor, generator: torch.Generator) -> Loss:
        with self._autocast():
            return model.loss(images.contiguous(memory_format=torch.channels_last), generator)

    def run_epoch(self, tick: Callable[[int, float], None] = lambda images, loss: None) -> dict:
        """One pass over the training rows, then one over the held-out ones; returns and keeps the epoch's row.

        Losses are in nats per image.  FloatingPointError where the loss stops being finite.
        """
        start, seen = time.perf_counter(), 0
        sums = torch.zeros(3, dtype=torch.float64)
        order = torch.randperm(len(self.train), generator=self.shuffle)
        averaged, current = list(self.average.parameters()), list(self.model.parameters())
        self.model.train()
        for images in batches(self.train.images, self.settings.batch_size, order, self.device):
            loss = self._loss(self.model, images, self.noise)
            self.optimizer.zero_grad(set_to_none=True)
            loss.total.backward()
            self.optimizer.step()
            self.steps += 1
            decay = min(EMA_DECAY, self.steps / (10 + self.steps))
            torch._foreach_lerp_(averaged, [p.detach() for p in current], 1 - decay)
            parts = torch.stack([loss.total.detach(), loss.reconstruction, loss.kl]).cpu().double()
            if not parts.isfinite().all():
                raise FloatingPointError(f"the loss is {parts[0]:g} in epoch {self.epoch + 1}; try a smaller --lr")
            sums += parts * len(images)
            seen += len(images)
            tick(len(images), float(parts[0]))
        seconds = time.perf_counter() - start
        loss, reconstruction, kl = (sums / seen).tolist()
        validation = self.validate()
        if not math.isfinite(validation["val_loss"]):
            raise FloatingPointError(f"the held-out loss is not finite in epoch {self.epoch + 1}; try a smaller --lr")
        row = {
            "epoch": self.epoch + 1,
            "loss": loss,
            "reconstruction": reconstruction,
            "kl": kl,
            **validation,
            "seconds": seconds,
            "images_per_second": seen / seconds,
        }
        self.history.append({k: round(v, 5) for k, v in row.items()})
        return self.history[-1]

    @torch.inference_mode()
    def validate(self) -> dict:
        """Held-out loss of the averaged weights, by training's convention; what is random is the same each time."""
        generator = torch.Generator(self.device).manual_seed(self.settings.seed)
        sums = torch.zeros(3, dtype=torch.float64)
        for images in batches(self.held_out.images, _VALIDATION_BATCH, device=self.device):
            loss = self._loss(self.average, images, generator)
            sums += torch.stack([loss.total, loss.reconstruction, loss.kl]).cpu().double() * len(images)
        values = (sums / len(self.held_out)).tolist()
        return dict(zip(("val_loss", "val_reconstruction", "val_kl"), values, strict=True))

    def snapshot(self) -> dict[str, Tensor]:
        """All state as cloned CPU tensors by name."""
        state = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        state |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            state |= {f"adam.{index}.{k}": torch.as_tensor(v) for k, v in values.items()}
        state |= {"shuffle": self.shuffle.get_state(), "noise": self.noise.get_state()}
        state["steps"] = torch.tensor(self.steps)
        return {k: v.detach().to("cpu", copy=True).contiguous() for k, v in state.items()}

    def restore(self, state: dict[str, Tensor], history: list[dict]) -> None:
        """Go back to a snapshot; KeyError, IndexError or RuntimeError where it is of another model."""

        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

        self.model.load_state_dict(part("model."))
        self.average.load_state_dict(part("average."))
        parameters, moments = list(self.model.parameters()), {}
        for key, value in part("adam.").items():
            index, name = key.split(".", 1)
            # The fused step walks memory, not indices: a moment must lie as its channels-last parameter does.
            like = parameters[int(index)]
            moments.setdefault(int(index), {})[name] = (
                torch.empty_like(like).copy_(value) if value.shape == like.shape else value
            )
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.shuffle.set_state(state["shuffle"])
        self.noise.set_state(state["noise"])
        self.steps = int(state["steps"])
        self.history = list(history)
