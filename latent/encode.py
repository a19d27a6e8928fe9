"""Images to codes: batched, without gradients, on the model's own device."""

from collections.abc import Iterator

import numpy as np
import torch

from aemodels.autoencoder import Autoencoder
from aemodels.checkpoint import Latents
from aemodels.datasets import ImageData, batches

BATCH = 512


def model_device(model: Autoencoder) -> torch.device:
    """Where the model's values lie."""
    return next(v.device for v in model.state_dict().values())


@torch.inference_mode()
def encode(model: Autoencoder, images: np.ndarray, batch_size: int = BATCH) -> np.ndarray:
    """Posterior means of (N, C, H, W) images, uint8 or float32 in [0, 1]; (N, D) float32."""
    source, device = torch.from_numpy(np.ascontiguousarray(images)), model_device(model)
    floats = source.is_floating_point()
    parts = [
        model.encode(b.to(device)).mean.float().cpu()
        for b in (source.split(batch_size) if floats else batches(source, batch_size, device=device))
    ]
    return torch.cat(parts).numpy()


@torch.inference_mode()
def _passes(model: Autoencoder, data: ImageData, batch_size: int) -> Iterator[tuple[torch.Tensor, ...]]:
    for images in batches(data.images, batch_size, device=model_device(model)):
        posterior = model.encode(images)
        error = (model.decode(posterior.mean).float() - images).square().flatten(1).mean(1)
        columns = (posterior.mean, error) if posterior.logvar is None else (posterior.mean, error, posterior.logvar)
        yield tuple(c.float().cpu() for c in columns)


def held_out(model: Autoencoder, data: ImageData, batch_size: int = BATCH) -> Latents:
    """Codes and reconstruction errors of a split, with its labels, factors and row ids."""
    mean, error, *logvar = (torch.cat(c).numpy() for c in zip(*_passes(model, data, batch_size), strict=True))
    return Latents(
        mean=mean,
        error=error,
        logvar=logvar[0] if logvar else None,
        row_ids=data.row_ids.astype(np.int64),
        labels=data.labels,
        factors=data.factors,
    )
