"""Models by name: `register` enters a builder, `build` calls it with arguments it has checked.

A builder is a function of (image_shape, latent_dim, *, its own arguments): its signature is the list of
what a config or a command line may set, so adding a model means adding one function and nothing else.
"""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch

from aemodels.autoencoder import Autoencoder

Builder = Callable[..., Autoencoder]
_REGISTRY: dict[str, Builder] = {}


def register(name: str) -> Callable[[Builder], Builder]:
    """Enter a builder under `name`; the first line of its docstring is the model's summary."""

    def enter(builder: Builder) -> Builder:
        if name in _REGISTRY:
            raise ValueError(f"model {name!r} is registered twice")
        _REGISTRY[name] = builder
        return builder

    return enter


def names() -> tuple[str, ...]:
    """All registered models, sorted."""
    return tuple(sorted(_REGISTRY))


def _builder(name: str) -> Builder:
    if name not in _REGISTRY:
        raise KeyError(f"unknown model {name!r}; choose from {', '.join(names())}")
    return _REGISTRY[name]


def summary(name: str) -> str:
    """One line on what the model is."""
    return (inspect.getdoc(_builder(name)) or name).splitlines()[0]


def arguments(name: str) -> Mapping[str, object]:
    """The model's own arguments and their defaults."""
    parameters = inspect.signature(_builder(name)).parameters.values()
    return MappingProxyType({p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY})


def build(name: str, image_shape: tuple[int, int, int], latent_dim: int, *, seed: int = 0, **given) -> Autoencoder:
    """A freshly initialised model for (C, H, W) images, the same for the same seed.

    KeyError for an unknown model, ValueError for an argument it does not take or a value that makes no sense.
    """
    builder, known = _builder(name), arguments(name)
    unknown = sorted(set(given) - set(known))
    if unknown:
        takes = ", ".join(known) or "no arguments of its own"
        raise ValueError(f"{name} does not take {', '.join(unknown)}; it takes {takes}")
    if latent_dim < 1:
        raise ValueError(f"latent_dim must be at least 1, not {latent_dim}")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed the accelerators too
        return builder(tuple(image_shape), int(latent_dim), **given)
