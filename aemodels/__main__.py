"""`python -m aemodels list | show PATH | models | datasets | table`: what there is, in plain text."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from aemodels import checkpoint, datasets, registry
from aemodels.checkpoint import Broken, Checkpoint
from aemodels.cli import Parser, first_line

ABSENT = "–"


def _number(metrics: dict, name: str, form: str) -> str:
    value = metrics.get(name)
    return ABSENT if value is None else form.format(value)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB"


def _epochs(found: Checkpoint) -> str:
    return "closed form" if found.model.closed_form else str(found.config.training.get("epochs_done", ABSENT))


# The columns of `list` and `table`: what each says of a checkpoint.
_COLUMNS: dict[str, Callable[[Checkpoint], str]] = {
    "data set": lambda c: c.path.parent.name,
    "name": lambda c: c.path.name,
    "model": lambda c: c.config.model,
    "dimensions": lambda c: str(c.config.latent_dim),
    "parameters": lambda c: f"{checkpoint.parameters(c.model):,}",
    "size": lambda c: _megabytes(checkpoint.size_bytes(c.path)),
    "epochs": _epochs,
    "MSE": lambda c: _number(c.metrics, "reconstruction_mse", "{:.5f}"),
    "kNN accuracy": lambda c: _number(c.metrics, "neighbour_accuracy", "{:.3f}"),
}
_TABLE_COLUMNS = {
    **{k: v for k, v in _COLUMNS.items() if k not in ("model", "size")},
    "KL": lambda c: _number(c.metrics, "kl", "{:.2f}"),
    "active units": lambda c: _number(c.metrics, "active_units", "{:g}"),
    "weights and codes": lambda c: _megabytes(_weights_and_codes(c)),
}


def _weights_and_codes(found: Checkpoint) -> int:
    return sum((found.path / name).stat().st_size for name in (checkpoint.WEIGHTS, checkpoint.LATENTS))


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _split(root: Path) -> tuple[list[Checkpoint], list[Broken]]:
    found = checkpoint.load_all(root)
    return [c for c in found if isinstance(c, Checkpoint)], [c for c in found if isinstance(c, Broken)]


def _list(args: argparse.Namespace) -> str:
    usable, broken = _split(args.root)
    lines = [f"Broken: {b.path.parent.name}/{b.name}: {b.reason}" for b in broken]
    if usable:
        lines.insert(0, _aligned([list(_COLUMNS), *([cell(c) for cell in _COLUMNS.values()] for c in usable)]))
    return "\n".join(lines) or f"no checkpoints in {args.root}; `python -m train vae --dataset digits` makes one"


def _show(args: argparse.Namespace) -> str:
    path = Path(args.path).expanduser()
    found = checkpoint.load(path if path.is_dir() else args.root / path)
    config = json.loads((found.path / checkpoint.CONFIG).read_bytes())
    figures = [f"  {k}: {v}" for k, v in found.metrics.items()]
    return "\n".join(
        [
            f"{found.path}, {checkpoint.CONFIG}:",
            json.dumps(config, indent=2, ensure_ascii=False),
            "",
            f"Figures on {len(found.latents.mean):,} held-out images:",
            *figures,
            *([found.history_note] if found.history_note else []),
            "",
            found.card.rstrip(),
        ]
    )


def _models(args: argparse.Namespace) -> str:
    blocks = []
    for name in registry.names():
        takes = [f"    --{k.replace('_', '-')} {_typed(v)}" for k, v in registry.arguments(name).items()]
        blocks.append("\n".join([f"{name}: {registry.summary(name)}", *takes]))
    return "\n".join(blocks)


def _typed(value: object) -> str:
    """A default as one would type it."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _datasets(args: argparse.Namespace) -> str:
    rows = [["name", "present", "origin"]]
    for name in datasets.names():
        folder = name == "folder"
        present = ABSENT if folder else "yes" if datasets.is_present(name, args.data_root) else "no"
        rows.append(["folder:PATH" if folder else name, present, datasets.find(name)[0].origin])
    return f"{_aligned(rows)}\nData sets are looked for in {datasets.data_root(args.data_root)}."


def _download(args: argparse.Namespace) -> str:
    counts = [f"{len(datasets.load(args.name, split, root=args.data_root)):,} {split}" for split in datasets.SPLITS]
    return f"{args.name}: {' and '.join(counts)} images are in {datasets.data_root(args.data_root)}"


def _table(args: argparse.Namespace) -> str:
    usable, broken = _split(args.root)
    if broken:
        raise checkpoint.CheckpointError(f"{broken[0].path}: {broken[0].reason}")
    if not usable:
        raise checkpoint.CheckpointError(f"no checkpoints in {args.root}")
    markdown = [_TABLE_COLUMNS, ["---"] * len(_TABLE_COLUMNS)]
    markdown += [[cell(c) for cell in _TABLE_COLUMNS.values()] for c in usable]
    total = sum(map(_weights_and_codes, usable))
    return "\n".join(
        [
            "# Checkpoints",
            "",
            "Generated by `python -m aemodels table`; `make checkpoints` trains all of these again. Figures are of the",
            "held-out split: mean squared error a pixel value, share of rows whose class is the commonest among their",
            "10 nearest in latent space, KL to the prior in nats per image.",
            f"Weights and codes of the {len(usable)} take {_megabytes(total)} together.",
            "",
            *("| " + " | ".join(row) + " |" for row in markdown),
            "",
            "Made by:",
            "",
            *(f"- {c.path.parent.name}/{c.path.name}: `{c.config.command}`" for c in usable),
        ]
    )


def parser() -> argparse.ArgumentParser:
    p = Parser(prog="python -m aemodels", description="List models, data sets and checkpoints.")
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], str], summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.set_defaults(run=run)
        return sub

    rooted = [
        command("list", _list, "all checkpoints, the broken ones with their reason"),
        command("show", _show, "one checkpoint: config, figures, model card"),
        command("table", _table, "the figures of all checkpoints, as Markdown"),
    ]
    for sub in rooted:
        sub.add_argument("--root", type=checkpoint.root, default=checkpoint.root(), help="the folder of checkpoints")
    rooted[1].add_argument("path", metavar="PATH", help="such as fashion-mnist/conv-vae, or any folder")
    command("models", _models, "the registered models, their options and defaults")
    placed = [
        command("datasets", _datasets, "the registered data sets, and which are present"),
        command("download", _download, "download a data set, if it is not there"),
    ]
    for sub in placed:
        sub.add_argument("--data-root", help="where data sets are ($LATENTBOARD_DATA, else data/)")
    placed[1].add_argument("name", metavar="NAME", choices=datasets.names(), help=", ".join(datasets.names()))
    return p


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        print(args.run(args), flush=True)
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (checkpoint.CheckpointError, datasets.DatasetError, OSError) as error:
        print(f"python -m aemodels: {first_line(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
