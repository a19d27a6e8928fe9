"""Codes to images: batched, without gradients, on the model's own device.

A batch is as large as a CPU's cache bears or as fills a GPU, and only bytes leave the device.
"""

from collections.abc import Iterator

import numpy as np
import torch

from aemodels.autoencoder import Autoencoder
from latent.encode import model_device

# Pixel values a batch.  A CPU wants the activations in its cache (two threads were measured), a convolution holds many
# for each value it gives; a GPU wants as many as fill it (not measured).
_LINEAR, _CONVOLUTIONS, _OFF_CPU = 2**20, 2**18, 2**22
_FEWEST, _MOST = 32, 8192


class Undecodable(ValueError):
    """Codes that a decoder makes no image of."""


def best_batch(model: Autoencoder) -> int:
    """Images to decode at once: a power of two by their size, the model's kind and its device.

    It does not depend on how many are asked for, or on how fast they were: a last bit may follow the batch's size.
    """
    convolves = any(value.ndim == 4 for value in model.parameters())
    on_cpu = _CONVOLUTIONS if convolves else _LINEAR
    values = on_cpu if model_device(model).type == "cpu" else _OFF_CPU
    fitting = max(1, values // int(np.prod(model.image_shape)))
    return min(max(1 << (fitting.bit_length() - 1), _FEWEST), _MOST)


def checked(codes: np.ndarray, latent_dim: int) -> np.ndarray:
    """The codes as float32; ValueError where they are not (N, latent_dim) or not finite."""
    codes = np.ascontiguousarray(codes, np.float32)
    if codes.ndim != 2 or codes.shape[1] != latent_dim:
        raise ValueError(f"codes of shape {codes.shape} do not fit a model of {latent_dim} latent dimensions")
    if not np.isfinite(codes).all():
        raise ValueError("codes hold NaN or infinity")
    return codes


@torch.inference_mode()
def pictured(model: Autoencoder, codes: np.ndarray, batch_size: int | None = None) -> Iterator[torch.Tensor]:
    """The decoder's own images of codes (N, D), batch by batch on its device: float (n, C, H, W) in [0, 1].

    ValueError as `checked`.
    """
    codes, device, size = torch.tensor(checked(codes, model.latent_dim)), model_device(model), batch_size
    size = size or best_batch(model)
    for start in range(0, len(codes), size):
        yield model.decode(codes[start : start + size].to(device)).float()


@torch.inference_mode()
def decode(model: Autoencoder, codes: np.ndarray, batch_size: int | None = None) -> np.ndarray:
    """(N, D) codes -> uint8 images (N, C, H, W), so many at once (None: `best_batch`).

    ValueError as `checked`; Undecodable, on a CPU, where the decoder gives NaN, as for codes that are far too large.
    """
    device, start, scratch = model_device(model), 0, None
    on_cuda = device.type == "cuda"
    # Into page-locked memory a batch is copied while the next one is asked for.
    out = torch.empty((len(codes), *model.image_shape), dtype=torch.uint8, pin_memory=on_cuda)
    for made in pictured(model, codes, batch_size):
        scratch = torch.empty_like(made) if scratch is None else scratch  # once: fresh memory costs as much as the work
        images = torch.mul(made, 255, out=scratch[: len(made)]).round_().clamp_(0, 255)
        place = out[start : start + len(made)]
        if device.type == "cpu":
            try:
                with np.errstate(invalid="raise"):  # NaN has no byte
                    np.copyto(place.numpy(), images.numpy(), casting="unsafe")  # a third of the time torch's copy takes
            except FloatingPointError as error:
                raise Undecodable("the decoder gives NaN for some of these codes") from error
        else:
            place.copy_(images.to(torch.uint8), non_blocking=on_cuda)
        start += len(made)
    if on_cuda:
        torch.cuda.synchronize(device)
    return out.numpy()


def decode_float(model: Autoencoder, codes: np.ndarray, batch_size: int | None = None) -> np.ndarray:
    """(N, D) codes -> float32 images (N, C, H, W) in [0, 1], unrounded.  ValueError as `checked`."""
    out, start = np.empty((len(codes), *model.image_shape), np.float32), 0
    for made in pictured(model, codes, batch_size):
        out[start : start + len(made)] = made.cpu().numpy()
        start += len(made)
    return out


def image_steps(model: Autoencoder, path: np.ndarray) -> np.ndarray:
    """How far the image moves from each code to the next, Euclidean over pixels in [0, 1]; (S, D) -> (S - 1,) float64.

    The images are not held all at once.  ValueError as `checked`.
    """
    steps, size = np.empty(max(len(path) - 1, 0)), best_batch(model)
    for start in range(0, len(steps), size):
        images = decode_float(model, path[start : start + size + 1]).reshape(-1, int(np.prod(model.image_shape)))
        steps[start : start + size] = np.linalg.norm(np.diff(images, axis=0), axis=1)
    return steps
