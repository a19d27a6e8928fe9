"""The model card: what a checkpoint is, the command that made it, and what it scored."""

from aemodels import checkpoint, datasets, registry
from aemodels.checkpoint import Config
from latent.metrics import Figures


def figures_rows(figures: Figures) -> list[tuple[str, str]]:
    """(name, value) for each figure that exists."""
    shown = [
        ("Reconstruction MSE (held-out, per pixel value)", figures.reconstruction_mse, "{:.5f}"),
        ("10-nearest-neighbour class accuracy in latent space", figures.neighbour_accuracy, "{:.3f}"),
        ("KL to the prior (nats per image)", figures.kl, "{:.2f}"),
        ("Active units", figures.active_units, "{:d}"),
    ]
    return [(name, form.format(value)) for name, value, form in shown if value is not None]


def write(config: Config, figures: Figures, history: list[dict], model) -> str:
    """The text of a checkpoint's README.md."""
    summary = registry.summary(config.model).rstrip(".")
    arguments = ", ".join(f"{k} {v}" for k, v in config.arguments.items()) or "none"
    channels, height, width = config.image_shape
    lines = [
        f"# {datasets.title(config.dataset)} · {config.model}, {config.latent_dim} latent dimensions",
        "",
        f"{summary}; images of {height}×{width} with {channels} channel{'s' if channels > 1 else ''}, "
        f"{checkpoint.parameters(model):,} parameters. Arguments: {arguments}.",
        "",
        "Made by:",
        "",
        f"    {config.command}",
        "",
        "| figure | held-out split |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in figures_rows(figures)),
    ]
    if history:
        last = history[-1]
        lines += [f"| Validation loss (nats per image) | {last['val_loss']:.2f} |"]
        lines += [
            "",
            f"{last['epoch']} epochs, {sum(r['seconds'] for r in history):.0f} s of training on "
            f"{config.training['device']} in {config.training['precision']}; the weights are an exponential moving "
            "average over the steps.",
        ]
    versions = ", ".join(f"{k} {v}" for k, v in config.versions.items())
    lines += ["", f"Data: {datasets.find(config.dataset)[0].origin}. Made with {versions}.", ""]
    return "\n".join(lines)
