"""`python -m latent project CHECKPOINT…`: fit maps before anyone waits for them."""

import argparse
import sys
import time
from pathlib import Path

from tqdm import tqdm

from aemodels import checkpoint
from aemodels.cli import Parser
from latent import maps, project
from latent.space import LatentSpace
from latent.store import Store


def _axes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(n) for n in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of latent dimensions such as 0,1") from None


def parser() -> argparse.ArgumentParser:
    p = Parser(prog="python -m latent", description="Work on the latent codes of checkpoints.")
    commands = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    default = project.Settings()
    c = commands.add_parser("project", help="fit maps and keep them", description="Fit maps and keep them.")
    c.add_argument("checkpoint", nargs="+", help="a checkpoint folder, or DATASET/NAME under checkpoints/")
    c.add_argument("--method", choices=project.methods(), default=default.method, help=f"({default.method})")
    c.add_argument("--dims", type=int, choices=project.DIMS, help=f"of the map ({default.dims})")
    c.add_argument("--neighbours", type=int, default=default.neighbours, help=f"({default.neighbours})")
    c.add_argument("--min-dist", type=float, default=default.min_dist, help=f"({default.min_dist:g})")
    c.add_argument("--metric", choices=project.METRICS, default=default.metric, help=f"({default.metric})")
    c.add_argument("--seed", type=int, default=default.seed, help=f"({default.seed})")
    c.add_argument("--axes", type=_axes, help="latent dimensions for --method axes, counted from 0 (0,1)")
    c.add_argument("--ship", action="store_true", help="into the checkpoint's projections/ instead of the cache")
    return p


def _settings(args: argparse.Namespace) -> project.Settings:
    """The settings asked for; ValueError where they make no sense."""
    if args.axes and args.method != "axes":
        raise ValueError("--axes is for --method axes")
    if args.ship and project.is_cheap(args.method):
        raise ValueError(f"--ship is for maps that take long; {args.method} is computed whenever it is looked at")
    dims = args.dims or (len(args.axes) if args.axes else project.Settings.dims)
    return project.Settings(
        args.method, dims, args.neighbours, args.min_dist, args.metric, args.seed, args.axes or tuple(range(dims))
    )


def _folder(given: str) -> Path:
    under_root = checkpoint.root() / given
    return under_root if under_root.is_dir() and not Path(given).is_dir() else Path(given)


def _project(folder: Path, settings: project.Settings, ship: bool) -> str:
    """Fit or find one map; returns what became of it.  OSError where it could not be kept."""
    space = LatentSpace.from_checkpoint(checkpoint.load(folder))
    began = time.perf_counter()
    with tqdm(total=1.0, bar_format="{desc}: {percentage:3.0f} %|{bar}| {elapsed}", leave=False, delay=1) as bar:

        def report(fraction: float, message: str) -> None:
            bar.set_description_str(f"{space.name}: {message}", refresh=False)
            bar.update(fraction - bar.n)

        store = Store()
        found = maps.cached_fit(space, settings, store, None if ship else folder, progress=report)
    took = f"{space.name}: {settings.label()} of {len(space):,} codes in {time.perf_counter() - began:.1f} s"
    if ship:
        return f"{took}, written to {maps.save(found, folder / maps.FOLDER / maps.file_name(settings))}"
    if found.note:
        raise OSError(found.note)
    return took if found.cheap else f"{took}, kept in {store.root}"


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        settings = _settings(args)
    except ValueError as error:
        print(f"python -m latent: {error}", file=sys.stderr)
        return 2
    for given in args.checkpoint:
        try:
            print(_project(_folder(given), settings, args.ship))
        except (checkpoint.CheckpointError, ValueError, OSError) as error:
            print(f"python -m latent: {given}: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("stopped; maps that were finished are kept", file=sys.stderr)
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
