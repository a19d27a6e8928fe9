"""Checkpoints of as many codes as one likes: a shipped model, and draws round the codes that it came with."""

import dataclasses
from pathlib import Path

import numpy as np

from aemodels import checkpoint


def crowd(source: Path, target: Path, count: int, noise: float = 0.3, dataset: str = "") -> Path:
    """A checkpoint with the model of another and `count` of its codes, each `noise` standard deviations off.

    It says that it is of `dataset`, else of the same as the other.
    """
    found, rng = checkpoint.load(source), np.random.default_rng(0)
    known = found.latents
    rows = np.arange(count) % len(known.mean)
    off = noise * known.mean.std(0) * rng.standard_normal((count, known.mean.shape[1]))
    latents = checkpoint.Latents(
        mean=(known.mean[rows] + off).astype(np.float32), error=known.error[rows], row_ids=np.arange(count),
        logvar=None if known.logvar is None else known.logvar[rows], factors=None,
        labels=None if known.labels is None else known.labels[rows],
    )  # fmt: skip
    config = dataclasses.replace(found.config, dataset=dataset or found.config.dataset)
    return checkpoint.save(
        target, found.model, config, latents, metrics=found.metrics, history=found.history, card="# Many codes\n"
    )
