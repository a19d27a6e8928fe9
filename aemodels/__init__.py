"""Autoencoders and what they are made of: networks, objectives, data sets, checkpoints.

The bottom layer of Latentboard: it needs torch, torchvision and safetensors, and knows neither a
projection nor a page.
"""

from aemodels.autoencoder import Autoencoder, Posterior
from aemodels.registry import build, names, register

# Importing a family enters its models in the registry.
from aemodels import conv, mlp, pca  # noqa: F401  isort: skip

__all__ = ["Autoencoder", "Posterior", "build", "names", "register"]
