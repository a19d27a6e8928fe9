"""Codes to images: batched, without gradients, on the model's own device."""

import numpy as np
import torch

from aemodels.autoencoder import Autoencoder
from latent.encode import BATCH, model_device


@torch.inference_mode()
def decode(model: Autoencoder, codes: np.ndarray, batch_size: int = BATCH) -> np.ndarray:
    """(N, D) codes -> uint8 images (N, C, H, W).

    ValueError where the codes are not (N, D) for this model or not finite.
    """
    codes = np.asarray(codes, np.float32)
    if codes.ndim != 2 or codes.shape[1] != model.latent_dim:
        raise ValueError(f"codes of shape {codes.shape} do not fit a model of {model.latent_dim} latent dimensions")
    if not np.isfinite(codes).all():
        raise ValueError("codes hold NaN or infinity")
    out = np.empty((len(codes), *model.image_shape), np.uint8)
    device = model_device(model)
    for start in range(0, len(codes), batch_size):
        z = torch.from_numpy(codes[start : start + batch_size]).to(device)
        images = model.decode(z).float().mul_(255).round_().clamp_(0, 255).to(torch.uint8)
        out[start : start + batch_size] = images.cpu().numpy()
    return out
