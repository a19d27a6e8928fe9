"""`python -m train MODEL --dataset NAME`: train, and leave a checkpoint folder that the dashboard opens."""

import argparse
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import torch
from tqdm import tqdm

from aemodels import checkpoint, corruption, datasets, objectives, registry
from aemodels.cli import Parser, first_line, positive
from latent import device as devices
from latent import encode, metrics
from train import card
from train.loop import PRECISIONS, Settings, Trainer

# Whoever kills a run loses at most this much of it.
AUTOSAVE_SECONDS = 60
# Pixel values that a closed-form model is shown at a time, and images at most.
_FIT_VALUES, _FIT_BATCH = 2**22, 4096
_MODEL_OPTIONS = ("beta", "likelihood", "sigma", "corruption", "hidden", "width")
_FAILURES = (
    checkpoint.CheckpointError, datasets.DatasetError, FloatingPointError, ValueError, OSError, MemoryError,
    torch.OutOfMemoryError,
)  # fmt: skip
_RUN_ONLY = ("model", "dataset", "device", "data_root", "out", "resume", "overwrite", "epochs")


class UsageError(Exception):
    """A command line that makes no sense; exit status 2."""


class Interrupted(Exception):
    """Ctrl-C, with what was kept."""


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 2**63 - 1, not {text!r}")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    """`64` or `48x64` (height x width)."""
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(n.isdecimal() for n in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is neither SIDE nor HEIGHTxWIDTH")
    return int(sides[0]), int(sides[-1])


def _widths(text: str) -> tuple[int, ...]:
    if not all(n.isdecimal() for n in text.split(",")):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of widths such as 256,256")
    return tuple(int(n) for n in text.split(","))


def parser() -> argparse.ArgumentParser:
    given = argparse.SUPPRESS
    p = Parser(
        prog="python -m train",
        description="Train an autoencoder and leave a checkpoint folder.",
        epilog="Models: " + "; ".join(f"{n}: {registry.summary(n)}" for n in registry.names()),
    )
    default = Settings()
    p.add_argument("model", metavar="MODEL", choices=registry.names(), help=", ".join(registry.names()))
    p.add_argument("--dataset", required=True, help=", ".join(datasets.names()).replace("folder", "folder:PATH"))
    p.add_argument("--latent-dim", type=positive(int), default=given, help="size of the code (16)")
    p.add_argument("--epochs", type=positive(int), default=given, help=f"({default.epochs})")
    p.add_argument("--batch-size", type=positive(int), default=given, help=f"({default.batch_size})")
    p.add_argument("--lr", type=positive(float), default=given, help=f"Adam's learning rate ({default.lr:g})")
    p.add_argument("--seed", type=_seed, default=given, help=f"({default.seed})")
    p.add_argument("--precision", choices=PRECISIONS, default=given, help="auto: bfloat16 where it is faster")
    p.add_argument("--beta", type=float, default=given, help="weight of a VAE's KL term (1)")
    p.add_argument("--likelihood", choices=objectives.LIKELIHOODS, default=given, help="(bernoulli)")
    p.add_argument("--sigma", type=positive(float), default=given, help="of the Gaussian likelihood (0.1)")
    kinds = ", ".join(f"{k}:{v:g}" for k, v in corruption.DEFAULTS.items())
    p.add_argument("--corruption", default=given, help=f"what a denoising model is shown: {kinds}")
    p.add_argument("--hidden", type=_widths, default=given, help="widths of an MLP, such as 256,256")
    p.add_argument("--width", type=positive(int), default=given, help="first channels of a convolutional model (32)")
    p.add_argument("--limit", type=positive(int), default=given, help="train on the first N images only")
    p.add_argument("--image-size", type=_size, default=given, help="of folder:PATH, SIDE or HEIGHTxWIDTH (64)")
    p.add_argument("--channels", type=int, choices=(1, 3), default=given, help="of folder:PATH (3)")
    p.add_argument("--device", choices=devices.NAMES, default="auto")
    p.add_argument("--data-root", help="where data sets are ($LATENTBOARD_DATA, else data/)")
    p.add_argument("--out", type=Path, help="checkpoint folder (checkpoints/DATASET/MODEL)")
    existing = p.add_mutually_exclusive_group()
    existing.add_argument("--resume", action="store_true", help="go on with the run in --out")
    existing.add_argument("--overwrite", action="store_true", help="replace the checkpoint in --out")
    return p


def _default_out(args: argparse.Namespace) -> Path:
    base, _, argument = args.dataset.partition(":")
    folder = f"folder-{datasets.folder_name(argument)}" if base == "folder" else base
    return checkpoint.root() / folder / args.model


def _check_out(args: argparse.Namespace) -> None:
    """UsageError where `--out` is taken, or is something that must not be replaced or cannot be written."""
    out: Path = args.out
    if not out.name:
        raise UsageError(f"--out {out} names no folder of its own")
    checkpoint.recover(out)
    if out.exists() and not (args.resume or args.overwrite):
        raise UsageError(f"{out} exists; --resume goes on with it, --overwrite replaces it, --out names another")
    if args.overwrite and not checkpoint.is_replaceable(out):
        raise UsageError(f"{out} is not a checkpoint, and --overwrite would delete what it holds; --out names another")
    parent = next(p for p in Path(os.path.realpath(out)).parents if p.exists())
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".writable-", dir=parent))
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {parent} takes no new folder ({error.strerror})") from error


def _whole(value: object) -> bool:
    return type(value) is int and value > 0


_TRAINING_OPTIONS: dict[str, Callable[[object], bool]] = {
    "batch_size": _whole,
    "limit": _whole,
    "lr": lambda v: type(v) in (int, float) and 0 < v < float("inf"),
    "seed": lambda v: type(v) is int and 0 <= v < 2**63,
    "precision": PRECISIONS.__contains__,
}


def _recorded(path: Path, config: checkpoint.Config) -> dict:
    """The options of the run that is resumed; CheckpointError where nobody can have given such."""
    options, epochs = config.training.get("options", {}), config.training.get("epochs", Settings.epochs)
    if not isinstance(options, dict) or not _whole(epochs):
        raise checkpoint.CheckpointError(f"{path} cannot be resumed: {checkpoint.CONFIG} does not say how it was made")
    # What a model was built with and its data read with was checked when it was loaded.
    built = {**config.arguments, **config.dataset_options, "latent_dim": config.latent_dim}
    for key, value in options.items():
        if not (built[key] == value if key in built else key in _TRAINING_OPTIONS and _TRAINING_OPTIONS[key](value)):
            what = f"{checkpoint.CONFIG} holds {value!r} as the option {key}"
            raise checkpoint.CheckpointError(f"{path} cannot be resumed: {what}")
    return options


def _precision(path: Path, config: checkpoint.Config) -> str:
    """What the run that is resumed was trained in."""
    precision = config.training.get("precision")
    if precision not in PRECISIONS:
        what = f"{checkpoint.CONFIG} holds {precision!r} as its precision"
        raise checkpoint.CheckpointError(f"{path} cannot be resumed: {what}")
    return precision


def _plan(args: argparse.Namespace, stored: checkpoint.Config | None) -> dict:
    """The options of this run: given ones, else those of the run that is resumed, else the defaults."""
    given = {k: v for k, v in vars(args).items() if k not in _RUN_ONLY}
    if stored is None:
        return given
    before = _recorded(args.out, stored)
    same_data = datasets.absolute(stored.dataset) == datasets.absolute(args.dataset)
    if stored.model != args.model or not same_data:
        raise UsageError(f"{args.out} is a run of {stored.model} on {stored.dataset}; resume it as that")
    for key, value in given.items():
        same = list(value) if isinstance(value, tuple) else value
        if before.get(key) != same:
            flag = "--" + key.replace("_", "-")
            raise UsageError(f"the run in {args.out} had {flag} {before.get(key, '(default)')}; leave it as it was")
    return before


def _versions() -> dict[str, str]:
    python = ".".join(map(str, sys.version_info[:3]))
    return {"python": python} | {n: version(n) for n in ("torch", "torchvision", "safetensors", "numpy")}


def _command(argv: list[str]) -> str:
    """The command as a reader would type it: where this machine keeps its data, and what it replaced, is left out."""
    kept, skip = [], False
    for word in argv:
        if skip or word == "--data-root":
            skip = not skip
        elif word != "--overwrite" and not word.startswith("--data-root="):
            kept.append(word)
    return shlex.join(["python", "-m", "train", *kept])


def _with_epochs(command: str, epochs: int) -> str:
    """The command that makes this many epochs at once: a run that was stopped and resumed ends at the same weights."""
    words = shlex.split(command)
    for place, word in enumerate(words):
        if word == "--epochs":
            words[place + 1] = str(epochs)
            break
        if word.startswith("--epochs="):
            words[place] = f"--epochs={epochs}"
            break
    else:
        words += [] if epochs == Settings.epochs else ["--epochs", str(epochs)]
    return shlex.join(words)


class Run:
    """One call of the command: the data, the model, and how to write them down."""

    def __init__(self, args: argparse.Namespace, command: str):
        try:
            datasets.find(args.dataset)
            dataset = datasets.absolute(args.dataset)
        except (datasets.DatasetError, RuntimeError) as error:
            raise UsageError(str(error)) from error
        args.out = args.out or _default_out(args)
        _check_out(args)
        previous = checkpoint.load(args.out) if args.resume else None
        plan = _plan(args, previous.config if previous else None)
        self.args, self.plan = args, plan
        options = {k: plan[k] for k in ("image_size", "channels") if k in plan}
        source = {"root": args.data_root, **{k: tuple(v) if k == "image_size" else v for k, v in options.items()}}
        self.train = datasets.load(args.dataset, "train", **source).first(plan.get("limit"))
        self.held_out = datasets.load(args.dataset, "held-out", **source)
        arguments = {k: plan[k] for k in _MODEL_OPTIONS if k in plan}
        shape, latent_dim = self.train.image_shape, plan.get("latent_dim", 16)
        settings = {k: plan[k] for k in ("batch_size", "lr", "seed", "precision") if k in plan}
        epochs = getattr(args, "epochs", None) or (previous and previous.config.training.get("epochs"))
        if previous:
            # What `auto` came to there: another processor would go on in another precision, to other weights.
            settings["precision"] = _precision(args.out, previous.config)
        self.settings = Settings(**settings, **({"epochs": epochs} if epochs else {}))
        try:
            self.device = devices.pick(args.device)
            self.model = registry.build(args.model, shape, latent_dim, seed=self.settings.seed, **arguments)
        except (ValueError, RuntimeError) as error:  # torch says so where a model does not fit in memory
            raise UsageError(first_line(error)) from error
        arguments = {k: arguments.get(k, v) for k, v in registry.arguments(args.model).items()}
        self.config = checkpoint.Config(
            args.model, shape, latent_dim, dataset, arguments, self.train.classes, self.train.factor_names,
            options, command=previous.config.command if previous else command, versions=_versions(),
        )  # fmt: skip
        self.previous = previous

    def _config(self, **training) -> checkpoint.Config:
        common = {"options": self.plan, "seed": self.settings.seed, "images": len(self.train)}
        return replace(self.config, training=common | {"device": devices.describe(self.device)} | training)

    def write(self, model, history: list[dict], *, resume: dict | None = None, **training) -> metrics.Figures:
        latents = encode.held_out(model, self.held_out)
        figures = metrics.evaluate(latents)
        config = self._config(**training)
        if history:
            config = replace(config, command=_with_epochs(config.command, len(history)))
        values = {"convention": metrics.CONVENTION, **{k: v for k, v in vars(figures).items() if v is not None}}
        text = card.write(config, figures, history, model)
        checkpoint.save(
            self.args.out, model, config, latents, metrics=values, history=history, card=text, resume=resume
        )
        return figures

    def fit_closed_form(self) -> metrics.Figures:
        if self.args.resume:
            raise UsageError(f"{self.args.model} is fitted in closed form; there is nothing to resume")
        if self.device.type == "mps":
            self.device = torch.device("cpu")  # MPS has no float64, which sums over all images need
        model = self.model.to(self.device)
        size = max(1, min(_FIT_BATCH, _FIT_VALUES // torch.Size(self.train.image_shape).numel()))

        def passes():
            rows = datasets.batches(self.train.images, size, device=self.device)
            return tqdm(rows, "Fitting", -(-len(self.train) // size), unit="batch", leave=False, delay=1)

        model.fit(passes)
        return self.write(model.eval(), [], precision="float32")

    def fit(self) -> metrics.Figures:
        trainer = Trainer(self.model, self.train, self.held_out, self.settings, self.device)
        if self.previous:
            done, rows = self.previous.config.training.get("epochs_done"), len(self.previous.history)
            if done != rows:
                held = self.previous.history_note or f"{checkpoint.HISTORY} holds {rows} epochs, not {done}"
                raise checkpoint.CheckpointError(f"{self.args.out} cannot be resumed: {held}")
            try:
                trainer.restore(checkpoint.read_resume(self.args.out), self.previous.history)
            except (KeyError, IndexError, ValueError, RuntimeError) as error:
                what = f"{self.args.out}: {checkpoint.RESUME} does not fit its checkpoint"
                raise checkpoint.CheckpointError(f"{what} ({first_line(error)})") from error
        kept = trainer.snapshot(), list(trainer.history)
        unsaved, figures, saved_at = False, None, time.monotonic()

        def save() -> metrics.Figures:
            trainer.restore(*kept)
            training = {
                "epochs": max(self.settings.epochs, trainer.epoch), "epochs_done": trainer.epoch,
                "batch_size": self.settings.batch_size, "lr": self.settings.lr, "precision": trainer.precision,
            }  # fmt: skip
            return self.write(trainer.average, trainer.history, resume=kept[0], **training)

        total = len(self.train) * self.settings.epochs
        quiet = not sys.stderr.isatty()
        try:
            with tqdm(
                total=total, initial=len(self.train) * trainer.epoch, unit="img", unit_scale=True, dynamic_ncols=True,
                mininterval=30 if quiet else 0.2,
            ) as bar:  # fmt: skip
                while trainer.epoch < self.settings.epochs:
                    bar.set_description(f"Epoch {trainer.epoch + 1}/{self.settings.epochs}", refresh=False)

                    def tick(images: int, loss: float, bar=bar) -> None:
                        bar.set_postfix_str(f"{loss:.2f} nats", refresh=False)
                        bar.update(images)

                    row = trainer.run_epoch(tick)
                    kept, unsaved = (trainer.snapshot(), list(trainer.history)), True
                    bar.write(_epoch_line(row, trainer.model.variational), file=sys.stderr)
                    if time.monotonic() - saved_at > AUTOSAVE_SECONDS and trainer.epoch < self.settings.epochs:
                        figures, unsaved, saved_at = save(), False, time.monotonic()
            return save() if unsaved or figures is None else figures
        except KeyboardInterrupt:
            if not kept[1]:
                raise
            if unsaved:
                save()
            done = len(kept[1])
            raise Interrupted(f"stopped: {done} of {self.settings.epochs} epochs are in {self.args.out}") from None


def _epoch_line(row: dict, variational: bool) -> str:
    parts = f" (reconstruction {row['val_reconstruction']:.2f} + KL {row['val_kl']:.2f})" if variational else ""
    return (
        f"epoch {row['epoch']}: train {row['loss']:.2f}, held-out {row['val_loss']:.2f} nats per image{parts}, "
        f"{row['images_per_second']:,.0f} images/s"
    )


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    args = parser().parse_args(argv)
    try:
        run = Run(args, _command(argv))
        shape = "×".join(map(str, run.train.image_shape))
        print(
            f"{args.model} on {args.dataset}: {len(run.train):,} images of {shape}, {len(run.held_out):,} held out, "
            f"{checkpoint.parameters(run.model):,} parameters, on {devices.describe(run.device)}"
        )
        figures = run.fit_closed_form() if run.model.closed_form else run.fit()
    except UsageError as error:
        print(f"python -m train: {error}", file=sys.stderr)
        return 2
    except _FAILURES as error:
        print(f"python -m train: {first_line(error)}", file=sys.stderr)
        return 1
    except Interrupted as stop:
        print(f"{stop}; go on with --resume", file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("stopped before the first epoch was finished; nothing was written", file=sys.stderr)
        return 130
    for name, value in card.figures_rows(figures):
        print(f"  {name}: {value}")
    print(f"written to {args.out}")
    return 0


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    sys.exit(main())
