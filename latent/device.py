"""Which device runs a model, and where a wish could not be met: never silently."""

import torch

NAMES = ("auto", "cuda", "mps", "cpu")


def available() -> tuple[str, ...]:
    """The devices this process can use, best first."""
    found = ["cuda"] if torch.cuda.is_available() else []
    found += ["mps"] if torch.backends.mps.is_available() else []
    return (*found, "cpu")


def pick(name: str = "auto") -> torch.device:
    """`auto` is CUDA, then MPS, then CPU; ValueError where a named device is not there."""
    if name == "auto":
        return torch.device(available()[0])
    if name not in NAMES:
        raise ValueError(f"unknown device {name!r}; choose from {', '.join(NAMES)}")
    if name not in available():
        raise ValueError(f"device {name} is not available here; this machine has {', '.join(available())}")
    return torch.device(name)


def describe(device: torch.device) -> str:
    """`CUDA · NVIDIA H200`, `MPS`, `CPU · 2 threads`."""
    if device.type == "cuda":
        return f"CUDA · {torch.cuda.get_device_name(device)}"
    if device.type != "cpu":
        return device.type.upper()
    threads = torch.get_num_threads()
    return f"CPU · {threads} thread{'s' if threads > 1 else ''}"
