"""What several test files need: tiny checkpoints, and a browser where there is one."""

import os
from pathlib import Path

# Two workers that each use every core are slower than two that use one; set before anything imports torch.
if os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """A Chromium's path; without one the test skips, or fails where LATENTBOARD_BROWSER is `required`."""
    from tools import browser

    if found := browser.find_chromium():
        return found
    reason = f"no browser: none of {', '.join(browser.BROWSERS)} is on the PATH"
    if os.environ.get("LATENTBOARD_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def fashion_mnist_root() -> Path:
    """The data root that holds Fashion-MNIST; without it the test skips."""
    from aemodels import datasets

    if not datasets.is_present("fashion-mnist"):
        pytest.skip(f"Fashion-MNIST is not in {datasets.data_root()}")
    return datasets.data_root()


@pytest.fixture
def save_digits():
    """A function that writes an untrained checkpoint of digits: (path, model name, latent_dim, seed) -> path."""
    from aemodels import checkpoint, datasets, registry
    from latent import encode

    def save(path: Path, model: str = "vae", latent_dim: int = 3, seed: int = 0) -> Path:
        data = datasets.load("digits", "held-out").first(40)
        tiny = {k: v for k, v in {"hidden": (8,), "width": 2}.items() if k in registry.arguments(model)}
        built = registry.build(model, data.image_shape, latent_dim, seed=seed, **tiny).eval()
        config = checkpoint.Config(
            model, data.image_shape, latent_dim, "digits", tiny, data.classes, command="python -m train"
        )
        latents = encode.held_out(built, data)
        metrics = {"reconstruction_mse": float(latents.error.mean())}
        history = [{"epoch": 1, "loss": 3.0, "val_loss": 2.5}, {"epoch": 2, "loss": 2.0, "val_loss": 1.5}]
        return checkpoint.save(path, built, config, latents, metrics=metrics, history=history, card="# A card\n")

    return save
