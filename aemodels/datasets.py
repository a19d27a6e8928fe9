"""Image data sets by name, each with fixed splits, class names or factors, and stable row ids.

Images stay uint8 in one tensor and are cut into batches by index: a loader that decodes image by image
costs more than the networks here.  Only a folder of images too large for memory is read lazily.
"""

import hashlib
import math
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from tqdm import tqdm

from aemodels import sprites
from aemodels.autoencoder import check_image_shape

SPLITS = ("train", "held-out")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
# The share of free memory that decoded images may take before they are read lazily instead.
MEMORY_SHARE = 0.5
_MEMINFO = Path("/proc/meminfo")


class DatasetError(Exception):
    """A data set that is unknown, missing or unusable; one line that says what to do."""


@dataclass(frozen=True)
class ImageData:
    """One split: `images` uint8 (N, C, H, W), `labels` (N,) int64, `factors` (N, F) float32, `row_ids` (N,) int64."""

    name: str
    split: str
    images: "Tensor | FolderImages"
    row_ids: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    factors: np.ndarray | None = None
    factor_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return tuple(self.images.shape[1:])

    def first(self, count: int | None) -> "ImageData":
        """The first `count` rows; all of them where `count` is None or too large."""
        if count is None or count >= len(self):
            return self
        if count < 1:
            raise DatasetError(f"a limit must be at least 1 image, not {count}")
        cut = {k: None if (v := getattr(self, k)) is None else v[:count] for k in ("labels", "factors")}
        images = self.images[:count]
        return ImageData(
            self.name, self.split, images, self.row_ids[:count], classes=self.classes,
            factor_names=self.factor_names, **cut,
        )  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What a data set may be asked for beyond its name."""

    root: Path
    download: bool = True
    image_size: tuple[int, int] | None = None
    channels: int | None = None


@dataclass(frozen=True)
class Dataset:
    """A registry entry: `load(argument, split, options)`; `argument` is what follows a colon in the name.

    What is downloaded comes as `archives`, a pattern below the data root, of `archive_bytes` in all.
    """

    title: str
    load: Callable[[str, str, Options], ImageData]
    origin: str
    archives: str = ""
    archive_bytes: int = 0
    is_present: Callable[[Path], bool] = field(default=lambda root: True)

    @property
    def downloads(self) -> bool:
        return bool(self.archives)


_REGISTRY: dict[str, Dataset] = {}


def names() -> tuple[str, ...]:
    """All registered data sets, as one writes them."""
    return tuple(sorted(_REGISTRY))


def find(name: str) -> tuple[Dataset, str]:
    """The entry and the argument of `name` or `name:argument`; DatasetError names the known ones."""
    base, _, argument = name.partition(":")
    if base not in _REGISTRY:
        known = ", ".join(n if n != "folder" else "folder:PATH" for n in names())
        raise DatasetError(f"unknown data set {name!r}; choose from {known}")
    return _REGISTRY[base], argument


def title(name: str) -> str:
    """The data set's name for people, `Fashion-MNIST` for `fashion-mnist`."""
    entry, argument = find(name)
    return f"{entry.title} {folder_name(argument)}" if name.startswith("folder:") else entry.title


def folder_name(argument: str) -> str:
    """What to call `folder:argument`: the folder's own name, also where it is given as `.`"""
    return Path(argument).expanduser().resolve().name


def absolute(name: str) -> str:
    """The name as it holds in any folder: `folder:PATH` with its whole path.  RuntimeError for an unknown `~user`."""
    base, _, argument = name.partition(":")
    return f"folder:{Path(argument).expanduser().resolve()}" if base == "folder" and argument else name


def data_root(given: str | Path | None = None) -> Path:
    """Where data sets are looked for: `given`, else $LATENTBOARD_DATA, else data/ in the repository."""
    root = given or os.environ.get("LATENTBOARD_DATA") or Path(__file__).resolve().parents[1] / "data"
    return Path(root).expanduser()


def load(
    name: str,
    split: str = "train",
    *,
    root: str | Path | None = None,
    download: bool = True,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
) -> ImageData:
    """One split of a data set; downloads it where it may, is missing, and can be had.

    DatasetError where the name is unknown or the files are missing or unreadable.
    """
    if split not in SPLITS:
        raise DatasetError(f"unknown split {split!r}; choose from {', '.join(SPLITS)}")
    entry, argument = find(name)
    if argument and not name.startswith(("folder:", "sprites:")):
        raise DatasetError(f"{name.partition(':')[0]} takes no argument; leave out {argument!r}")
    if (image_size or channels) and not name.startswith("folder:"):
        raise DatasetError("--image-size and --channels are for folder:PATH; other data sets have their own")
    return entry.load(argument, split, Options(data_root(root), download, image_size, channels))


def check_options(name: str, options: dict) -> None:
    """DatasetError unless these are options that `load` takes for that data set, of the right kind."""
    kinds = {
        "image_size": lambda v: len(v) == 2 and all(isinstance(n, int) for n in v),
        "channels": (1, 3).__contains__,
    }
    for key, value in options.items():
        if key not in kinds or not name.startswith("folder:"):
            raise DatasetError(f"{name.partition(':')[0]} has no option {key!r}")
        try:
            sensible = kinds[key](value)
        except TypeError:
            sensible = False
        if not sensible:
            raise DatasetError(f"{key} cannot be {value!r}")


def is_present(name: str, root: str | Path | None = None) -> bool:
    """Whether the data set can be loaded without a download."""
    entry, argument = find(name)
    return Path(argument).expanduser().is_dir() if name.startswith("folder:") else entry.is_present(data_root(root))


def batches(
    images: "Tensor | FolderImages", size: int, order: Tensor | None = None, device: torch.device | str = "cpu"
) -> Iterator[Tensor]:
    """Float batches (n, C, H, W) in [0, 1] on `device`, in the given order of rows."""
    if isinstance(images, Tensor):
        rows = torch.arange(len(images)) if order is None else order
        for chosen in rows.split(size):
            yield images[chosen.to(images.device)].to(device).float().div_(255)
        return
    subset = images if order is None else torch.utils.data.Subset(images, order.tolist())
    loader = torch.utils.data.DataLoader(subset, size, num_workers=min(4, os.cpu_count() or 1))
    try:
        for batch in loader:
            yield batch.to(device).float().div_(255)
    except DatasetError as error:  # a worker's error carries its traceback as text; its last line is the message
        raise DatasetError(str(error).strip().splitlines()[-1].partition("DatasetError: ")[2] or str(error)) from None


# --- made here ------------------------------------------------------------------------------------------


def _load_digits(argument: str, split: str, options: Options) -> ImageData:
    from sklearn.datasets import load_digits

    digits = load_digits()
    ids = np.arange(len(digits.target))
    rows = ids[(ids % 5 == 0) == (split == "held-out")]
    images = torch.from_numpy((digits.images[rows] * (255 / 16)).round().astype(np.uint8)).unsqueeze(1)
    return ImageData("digits", split, images, rows, digits.target[rows].astype(np.int64), tuple("0123456789"))


SPRITES = {"train": 20_000, "held-out": 4_000}
_SPRITE_SEEDS = {"train": 0, "held-out": 1}


def _load_sprites(argument: str, split: str, options: Options) -> ImageData:
    count = SPRITES[split]
    if argument:
        if not argument.isdecimal() or int(argument) < 1:
            raise DatasetError(f"sprites:N takes a number of training images, not {argument!r}")
        count = int(argument) if split == "train" else max(1, int(argument) // 5)
    indices = sprites.factors(count, _SPRITE_SEEDS[split])
    values = sprites.values(indices)
    return ImageData(
        "sprites", split, sprites.render(values), np.arange(count), indices[:, 0], sprites.SHAPES, values,
        sprites.FACTORS,
    )  # fmt: skip


# --- through torchvision ----------------------------------------------------------------------------------


_IDX_FILES = tuple(
    f"{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)  # fmt: skip
_CIFAR_FILES = (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch")


def _is_whole_idx(file: Path) -> bool:
    """Whether the file is there and as long as its header says: torchvision takes one that was half unpacked for whole.

    The header is a magic number that ends in how many sizes follow, then these, each of 4 bytes.
    """
    if not file.is_file():
        return False
    with file.open("rb") as handle:
        magic = handle.read(4)
        count = magic[3] if len(magic) == 4 else 0
        sizes = [int.from_bytes(handle.read(4)) for _ in range(count)]
    return count > 0 and file.stat().st_size == 4 + 4 * count + math.prod(sizes)


def _torchvision(
    name: str, title: str, class_name: str, classes: tuple[str, ...], folder: str, archives: str, archive_bytes: int,
    files: tuple[str, ...] = _IDX_FILES, is_whole: Callable[[Path], bool] = _is_whole_idx,
) -> None:  # fmt: skip
    def present(root: Path) -> bool:
        return all(is_whole(root / folder / file) for file in files)  # reading them takes seconds

    def _read(root: Path, *, download: bool, train: bool = False):
        import torchvision

        try:
            return getattr(torchvision.datasets, class_name)(str(root), train=train, download=download)
        except RuntimeError as error:
            if download or "not found" not in str(error).lower():
                raise
            return None

    def load_split(argument: str, split: str, options: Options) -> ImageData:
        where = options.root / folder
        try:
            if options.download:
                for half in (where / file for file in files if not is_whole(where / file)):
                    half.unlink(missing_ok=True)
            data = _read(options.root, download=False, train=split == "train")
            if data is None and options.download:
                data = _read(options.root, download=True, train=split == "train")
        except Exception as error:  # torchvision raises whatever its downloader or parser met
            reason = str(error).strip().splitlines()[0].rstrip(":") if str(error).strip() else type(error).__name__
            raise DatasetError(
                f"{title} could not be read or downloaded ({reason}): place its files in {where}, "
                "or name another place with --data-root or LATENTBOARD_DATA"
            ) from error
        if data is None:
            raise DatasetError(
                f"{title} is not in {where}: place its files there, or name another place with LATENTBOARD_DATA"
            )
        raw = torch.as_tensor(data.data)
        images = raw.unsqueeze(1) if raw.ndim == 3 else raw.permute(0, 3, 1, 2).contiguous()
        return ImageData(name, split, images, np.arange(len(images)), np.asarray(data.targets, np.int64), classes)

    origin = "torchvision, downloaded on first use"
    _REGISTRY[name] = Dataset(title, load_split, origin, archives, archive_bytes, present)


_REGISTRY["digits"] = Dataset("Digits", _load_digits, "scikit-learn's 8×8 digits, shipped with it")
_REGISTRY["sprites"] = Dataset("Sprites", _load_sprites, "rendered by this project, known factors")
_torchvision(
    "fashion-mnist", "Fashion-MNIST", "FashionMNIST",
    ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    "FashionMNIST/raw", "FashionMNIST/raw/*.gz", 30_878_645,
)  # fmt: skip
_torchvision("mnist", "MNIST", "MNIST", tuple("0123456789"), "MNIST/raw", "MNIST/raw/*.gz", 11_594_722)
_torchvision(
    "kmnist", "KMNIST", "KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"), "KMNIST/raw",
    "KMNIST/raw/*.gz", 21_240_888,
)  # fmt: skip
_torchvision(
    "cifar10", "CIFAR-10", "CIFAR10",
    ("Airplane", "Automobile", "Bird", "Cat", "Deer", "Dog", "Frog", "Horse", "Ship", "Truck"),
    "cifar-10-batches-py", "cifar-10-python.tar.gz", 170_498_071, _CIFAR_FILES, Path.is_file,
)  # fmt: skip


# --- a folder of one's own ----------------------------------------------------------------------------------


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey; PIL's own conversion would clip it to white instead of scaling it."""
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)) if image.mode.startswith("I;16") else image


class FolderImages(torch.utils.data.Dataset):
    """Image files read on demand as uint8 (C, H, W), centre-cropped to the aspect asked for, then resized."""

    def __init__(self, paths: list[Path], image_shape: tuple[int, int, int]):
        self.paths, self.shape = paths, (len(paths), *image_shape)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: "int | slice") -> "Tensor | FolderImages":
        if isinstance(row, slice):
            return FolderImages(self.paths[row], self.shape[1:])
        _, channels, height, width = self.shape
        try:
            with Image.open(self.paths[row]) as image:
                mode = "L" if channels == 1 else "RGB"
                fitted = ImageOps.fit(_eight_bit(ImageOps.exif_transpose(image)).convert(mode), (width, height))
        except Exception as error:  # PIL's decoders raise whatever they met: SyntaxError, struct.error, …
            raise DatasetError(f"{self.paths[row]} is not a readable image: {error}") from error
        return torch.from_numpy(np.array(fitted)).view(height, width, channels).permute(2, 0, 1).contiguous()

    def in_memory(self) -> Tensor:
        """All of them as one tensor, read by several threads."""
        images = torch.empty(self.shape, dtype=torch.uint8)
        with ThreadPoolExecutor() as pool:
            reading = pool.map(self.__getitem__, range(len(self)))
            for row, image in enumerate(tqdm(reading, "Reading images", len(self), leave=False, delay=1)):
                images[row] = image
        return images


def _path_id(relative: str) -> int:
    """A row id that stays when files come and go: 48 bits of the path's hash, exact as a JavaScript number."""
    return int.from_bytes(hashlib.blake2b(relative.encode(), digest_size=6).digest())


def _free_memory() -> int:
    """Bytes that could be had, counting those that only cache files: after much reading few others are free."""
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:  # not on macOS and Windows: assume a small machine
        return 4 * 2**30
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))


def _load_folder(argument: str, split: str, options: Options) -> ImageData:
    root = Path(argument).expanduser()
    if not argument or not root.is_dir():
        raise DatasetError(f"folder:PATH needs a folder of images; {argument or 'no path'!r} is none")
    hidden = re.compile(r"(^|/)\.")  # what file managers leave behind: ._name.png, .thumbnails/
    paths = sorted(
        p
        for p in root.rglob("*")
        if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file() and not hidden.search(p.relative_to(root).as_posix())
    )
    if len(paths) < 2:
        raise DatasetError(f"{root} holds {len(paths)} images ({', '.join(IMAGE_SUFFIXES)}); at least 2 are needed")
    relative = [p.relative_to(root) for p in paths]
    classes = tuple(sorted({r.parts[0] for r in relative if len(r.parts) > 1}))
    if classes and any(len(r.parts) == 1 for r in relative):
        raise DatasetError(f"{root} mixes images and class folders; use one subfolder a class, or none")
    ids = np.array([_path_id(r.as_posix()) for r in relative])
    held_out = ids % 10 == 0
    if held_out.all() or not held_out.any():  # too few files for a tenth: the smallest id alone is held out
        held_out = ids == ids.min()
    rows = np.flatnonzero(held_out == (split == "held-out"))
    shape = (options.channels or 3, *(options.image_size or (64, 64)))
    try:
        check_image_shape(shape)
    except ValueError as error:
        raise DatasetError(str(error)) from error
    lazy = FolderImages([paths[row] for row in rows], shape)
    fits = torch.Size(lazy.shape).numel() < MEMORY_SHARE * _free_memory()
    labels = np.array([classes.index(relative[row].parts[0]) for row in rows], np.int64) if classes else None
    images = lazy.in_memory() if fits else lazy
    return ImageData(f"folder:{argument}", split, images, ids[rows], labels, classes)


_REGISTRY["folder"] = Dataset("Folder", _load_folder, "your own images, one subfolder a class or none")
