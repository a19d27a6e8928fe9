"""Maps of latent space: `fit(codes, settings) -> Projection`, with `.transform()` there and `.inverse()` back.

A method is one class, entered in the registry by decorator.  UMAP's own `transform` depends on the batch it is
given and its inverse takes seconds, so neither is used: a code's place is a weighted mean of its nearest codes'
places and the other way round.  That is an approximation, the same for every batch, and exact on the codes
themselves.  umap itself runs in another process (see `worker`): no import and no fit here ever waits for it.
"""

import hashlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from latent import store as files
from latent import worker
from latent.jobs import Cancellation, Cancelled, Progress
from latent.neighbours import METRICS, check_metric, in_metric, nearest_with_distances
from latent.space import LatentSpace
from latent.store import Store

__all__ = [
    "METRICS", "Cancelled", "Projection", "Settings", "cached_fit", "file_name", "find", "fit", "load", "methods",
    "register", "save", "shipped",
]  # fmt: skip

VERSION = 1  # raised whenever the same settings give another map
DIMS = (2, 3)
FOLDER = "projections"
_KIND = "projection"
# Codes that a place between them is a mean of.
_BLEND = 15
# Up to this many places at once, all distances in one thread are found sooner than a thread pool starts.
_FEW = 64
# Maps that the disk did not take, newest last: at most this many, so that `find` finds them in this process.
_UNKEPT: "dict[str, Projection]" = {}
_UNKEPT_MAPS = 8
_REGISTRY: dict[str, "type[Projection]"] = {}


def register(name: str, *, uses: tuple[str, ...] = (), cheap: bool = False) -> Callable:
    """Enter a method: `uses` are the settings beside `dims` that its map depends on; a cheap one is never cached."""

    def enter(method: "type[Projection]") -> "type[Projection]":
        if name in _REGISTRY:
            raise ValueError(f"projection {name!r} is registered twice")
        method.uses, method.cheap = uses, cheap
        _REGISTRY[name] = method
        return method

    return enter


def methods() -> tuple[str, ...]:
    """All registered methods, in the order they are offered."""
    return tuple(_REGISTRY)


@dataclass(frozen=True)
class Settings:
    """How to draw a map; ValueError in one line for what makes no sense.

    `neighbours`, `min_dist`, `metric` and `seed` are UMAP's; `axes` are latent dimensions, counted from 0.
    """

    method: str = "umap"
    dims: int = 2
    neighbours: int = 15
    min_dist: float = 0.1
    metric: str = "euclidean"
    seed: int = 0
    axes: tuple[int, ...] = (0, 1)

    def __post_init__(self):
        if self.method not in _REGISTRY:
            raise ValueError(f"unknown projection {self.method!r}; choose from {', '.join(methods())}")
        if self.dims not in DIMS:
            raise ValueError(f"a map has 2 or 3 dimensions, not {self.dims}")
        if self.neighbours < 2:
            raise ValueError(f"neighbours must be at least 2, not {self.neighbours}")
        if not 0 <= self.min_dist <= 1:
            raise ValueError(f"min_dist must be between 0 and 1, not {self.min_dist:g}")
        if self.metric not in METRICS:
            raise ValueError(f"unknown metric {self.metric!r}; choose from {', '.join(METRICS)}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"a seed must be between 0 and 2³² - 1, not {self.seed}")
        for name in ("dims", "neighbours", "seed"):
            if int(getattr(self, name)) != getattr(self, name):
                raise ValueError(f"{name} must be a whole number, not {getattr(self, name)}")
            object.__setattr__(self, name, int(getattr(self, name)))
        object.__setattr__(self, "min_dist", float(self.min_dist))
        object.__setattr__(self, "axes", tuple(int(a) for a in self.axes))
        if len(set(self.axes)) < len(self.axes) or min(self.axes, default=0) < 0:
            raise ValueError(f"axes must be different latent dimensions from 0 on, not {_list(self.axes)}")
        if "axes" in _REGISTRY[self.method].uses and len(self.axes) != self.dims:
            raise ValueError(f"a map of {self.dims} dimensions needs {self.dims} axes, not {_list(self.axes)}")

    def label(self) -> str:
        """The method and what sets its map apart, for people: `UMAP (15 neighbours, min_dist 0.1, seed 0)`."""
        return _REGISTRY[self.method].label(self)

    def key(self) -> dict:
        """The settings that this method's map depends on, JSON-able: what caches are keyed by."""
        used = {name: getattr(self, name) for name in _REGISTRY[self.method].uses}
        used = {k: list(v) if isinstance(v, tuple) else v for k, v in used.items()}
        return {"method": self.method, "dims": self.dims, **used}


def _list(numbers) -> str:
    return ", ".join(map(str, numbers))


def _ignore(fraction: float, message: str) -> None:
    pass


def _never() -> bool:
    return False


# --- the methods ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Projection(ABC):
    """A fitted map: `codes` (N, D) and `points` (N, dims), both float32, row by row; `note` is for the page.

    `exact` says whether `transform` and `inverse` are the map itself or an approximation of it.
    """

    settings: Settings
    codes: np.ndarray = field(repr=False)
    points: np.ndarray = field(repr=False)
    note: str = field(default="", kw_only=True)

    exact: ClassVar[bool] = True
    uses: ClassVar[tuple[str, ...]] = ()
    cheap: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def check(cls, rows: int, dimensions: int, settings: Settings) -> None:
        """ValueError, saying what to do, where the settings cannot map that many codes of that many dimensions."""

    @classmethod
    @abstractmethod
    def fit(cls, codes: np.ndarray, settings: Settings, progress: Progress, cancelled: Cancellation) -> "Projection":
        """The map of codes (N, D) that were checked."""

    @staticmethod
    @abstractmethod
    def label(settings: Settings) -> str:
        """The method and its settings, for people."""

    @property
    @abstractmethod
    def axis_titles(self) -> tuple[str, ...]:
        """One title a map dimension; empty where the axis itself means nothing."""

    @abstractmethod
    def transform(self, codes: np.ndarray) -> np.ndarray:
        """(M, D) codes -> (M, dims) places on the map, float32; ValueError for another number of columns."""

    @abstractmethod
    def inverse(self, points: np.ndarray) -> np.ndarray:
        """(M, dims) places on the map -> (M, D) codes, float32; ValueError for another number of columns."""

    def arrays(self) -> dict[str, np.ndarray]:
        """What a file of this map holds."""
        return {"points": self.points}

    @classmethod
    def restore(cls, codes: np.ndarray, settings: Settings, arrays: dict[str, np.ndarray]) -> "Projection":
        """The map of those codes that `arrays` were taken from."""
        return cls(settings, codes, **arrays)

    def _columns(self, rows: np.ndarray, like: np.ndarray) -> np.ndarray:
        rows = np.asarray(rows, np.float32)
        if rows.ndim != 2 or rows.shape[1] != like.shape[1]:
            raise ValueError(f"this map takes rows of {like.shape[1]} values, not shape {rows.shape}")
        if not np.isfinite(rows).all():
            raise ValueError("NaN or infinity has no place on a map")
        return rows


@register("pca", cheap=True)
@dataclass(frozen=True, eq=False)
class PCA(Projection):
    """Principal components; `mean` (D,), `components` (dims, D), `shares` (dims,) of the variance.

    Exact both ways on the plane through the mean that the components span; what lies off that plane is dropped by
    `transform`, and `inverse` always answers with the plane's own point.  Each component's sign makes its largest
    entry positive, so that the same codes always give the same picture.  (Pearson 1901)
    """

    mean: np.ndarray = field(repr=False)
    components: np.ndarray = field(repr=False)
    shares: np.ndarray

    @classmethod
    def check(cls, rows, dimensions, settings):
        if dimensions < settings.dims:
            way_out = "choose 2 map dimensions or umap" if dimensions > 1 else "choose umap, or a larger model"
            raise ValueError(
                f"PCA cannot draw codes of {dimensions} latent dimension{'s' if dimensions > 1 else ''} in "
                f"{settings.dims}-D; {way_out}"
            )
        if rows < settings.dims:
            raise ValueError(f"PCA in {settings.dims}-D needs at least {settings.dims} codes, and there are {rows}")

    @classmethod
    def fit(cls, codes, settings, progress, cancelled):
        mean = codes.mean(0, dtype=np.float64)
        centred = codes - mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(codes))
        values, components = values[::-1].clip(0), vectors.T[::-1][: settings.dims]
        largest = components[np.arange(settings.dims), np.abs(components).argmax(1)]
        components = components * np.sign(largest)[:, None]
        shares = values[: settings.dims] / (values.sum() or 1.0)
        return cls(settings, codes, (centred @ components.T).astype(np.float32), mean, components, shares)

    @staticmethod
    def label(settings):
        return "PCA"

    @property
    def axis_titles(self):
        return tuple(f"PC {n} ({share:.0%})".replace("%", " %") for n, share in enumerate(self.shares, 1))

    def transform(self, codes):
        return ((self._columns(codes, self.codes) - self.mean) @ self.components.T).astype(np.float32)

    def inverse(self, points):
        return (self._columns(points, self.points) @ self.components + self.mean).astype(np.float32)

    def arrays(self):
        return {n: getattr(self, n) for n in ("points", "mean", "components", "shares")}


@register("umap", uses=("neighbours", "min_dist", "metric", "seed"))
@dataclass(frozen=True, eq=False)
class UMAP(Projection):
    """Uniform manifold approximation, from exact neighbours and a PCA start.  (McInnes et al. 2018, arXiv:1802.03426)

    `transform` and `inverse` are approximate: means of the 15 nearest codes (by the map's metric) or points, weighted
    by inverse distance so that a row's weight is gone where it stops being among the 15.  They are continuous but
    at ties, do not depend on the batch, and take each row's code to its point and back exactly; of rows with one
    and the same code, to the first one's.
    """

    exact: ClassVar[bool] = False

    @classmethod
    def check(cls, rows, dimensions, settings):
        check_metric(settings.metric, dimensions)
        if rows < settings.neighbours + 1:
            raise ValueError(
                f"UMAP with {settings.neighbours} neighbours needs at least {settings.neighbours + 1} codes, and "
                f"there are {rows}; choose fewer neighbours"
            )

    @classmethod
    def fit(cls, codes, settings, progress, cancelled):
        chosen = {name: getattr(settings, name) for name in ("dims", *cls.uses)}
        return cls(settings, codes, worker.fit(codes, chosen, progress, cancelled))

    @staticmethod
    def label(settings):
        metric = "" if settings.metric == "euclidean" else f"{settings.metric}, "
        return f"UMAP ({settings.neighbours} neighbours, min_dist {settings.min_dist:g}, {metric}seed {settings.seed})"

    @property
    def axis_titles(self):
        return ("",) * self.settings.dims  # neither direction nor scale of UMAP's axes means anything

    def transform(self, codes):
        return _blend(self._in_latent_space, self._columns(codes, self.codes), self.points)

    def inverse(self, points):
        return _blend(self._on_the_map, self._columns(points, self.points), self.codes)

    @cached_property
    def _in_latent_space(self) -> "_Nearest":
        return _Nearest(self.codes, self.settings.metric)

    @cached_property
    def _on_the_map(self) -> "_Nearest":
        return _Nearest(self.points)


@register("axes", uses=("axes",), cheap=True)
@dataclass(frozen=True, eq=False)
class Axes(Projection):
    """Some of the latent dimensions as they are.

    `transform` is exact; `inverse` is exact in those dimensions and fills the others with the codes' mean.
    """

    @classmethod
    def check(cls, rows, dimensions, settings):
        if dimensions < settings.dims:
            raise ValueError(
                f"codes of {dimensions} latent dimension{'s' if dimensions > 1 else ''} have no {settings.dims} axes; "
                f"choose {'umap' if dimensions == 1 else '2 map dimensions or umap'}"
            )
        if max(settings.axes) >= dimensions:
            raise ValueError(f"there is no latent dimension {max(settings.axes) + 1}; the model has {dimensions}")

    @classmethod
    def fit(cls, codes, settings, progress, cancelled):
        return cls(settings, codes, codes[:, settings.axes])

    @staticmethod
    def label(settings):
        *others, last = (str(a + 1) for a in settings.axes)
        return f"dimensions {', '.join(others)} and {last}"

    @property
    def axis_titles(self):
        return tuple(f"Dimension {a + 1}" for a in self.settings.axes)

    def transform(self, codes):
        return self._columns(codes, self.codes)[:, self.settings.axes]

    def inverse(self, points):
        codes = np.tile(self.codes.mean(0, dtype=np.float64).astype(np.float32), (len(points), 1))
        codes[:, self.settings.axes] = self._columns(points, self.points)
        return codes


# --- places between codes -------------------------------------------------------------------------------------


class _Nearest:
    """The rows nearest to a place: of equal rows the first, ties by value, and nothing that depends on the batch."""

    def __init__(self, rows: np.ndarray, metric: str = "euclidean"):
        self.metric = metric
        view = np.ascontiguousarray(in_metric(rows, metric), np.float64)
        self.rows, self.first = np.unique(view, axis=0, return_index=True)
        self.count = min(_BLEND + 1, len(self.rows))

    @cached_property
    def _tree(self):
        from scipy.spatial import KDTree

        return KDTree(self.rows)

    def _candidates(self, view: np.ndarray) -> np.ndarray:
        if self.rows.shape[1] <= 3:
            return self._tree.query(view, self.count, p=1 if self.metric == "manhattan" else 2)[1]
        if len(view) > _FEW:
            # Rows that are unit vectors already need no other metric than Euclidean.
            metric = "manhattan" if self.metric == "manhattan" else "euclidean"
            return nearest_with_distances(self.rows, self.count, view, metric=metric)[0]
        from scipy.spatial.distance import cdist

        pairs = cdist(view, self.rows, "cityblock" if self.metric == "manhattan" else "sqeuclidean")
        return pairs.argpartition(self.count - 1, axis=1)[:, : self.count]

    def __call__(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(M, D) -> indices and distances (M, k), nearest first."""
        view = np.ascontiguousarray(in_metric(queries, self.metric), np.float64)
        rows = self._candidates(view).reshape(len(view), self.count)
        apart = np.abs(self.rows[rows] - view[:, None])
        distances = apart.sum(2) if self.metric == "manhattan" else np.sqrt((apart**2).sum(2))
        order = np.lexsort((rows, distances))
        return self.first[np.take_along_axis(rows, order, 1)], np.take_along_axis(distances, order, 1)


def _blend(nearest: _Nearest, queries: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Means of the nearest rows' values; (M, D), (N, E) -> (M, E) float32.

    Weights are (1/d - 1/R)², R the distance of the nearest row that has none.  (Franke & Little 1977, after
    Shepard 1968)
    """
    rows, distances = nearest(queries)
    if nearest.count == 1:
        return values[rows[:, 0]]
    near, reach = distances[:, :-1], distances[:, -1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = (reach / near - 1) ** 2
    hit = near[:, 0] == 0
    weights[hit] = np.eye(1, near.shape[1])
    weights[~hit & (weights.sum(1) == 0)] = 1.0  # all equally far
    weights /= weights.sum(1, keepdims=True)
    blended = (weights[:, :, None] * values[rows[:, :-1]]).sum(1).astype(np.float32)
    blended[hit] = values[rows[hit, 0]]
    return blended


# --- the front door -------------------------------------------------------------------------------------------


def fit(
    codes: np.ndarray,
    settings: Settings,
    *,
    progress: Progress | None = None,
    cancelled: Cancellation | None = None,
) -> Projection:
    """The map of codes (N, D); `progress(fraction, message)` is told how far it is.

    ValueError where the settings cannot map these codes; Cancelled where `cancelled()` came true on the way;
    ChildProcessError where UMAP failed.  The same codes and settings give the same map on one machine.
    """
    codes = np.ascontiguousarray(codes, np.float32)
    if codes.ndim != 2 or not codes.size:
        raise ValueError(f"a map needs codes (N, D), not shape {codes.shape}")
    if not np.isfinite(codes).all():
        raise ValueError("codes hold NaN or infinity")
    method = _REGISTRY[settings.method]
    method.check(*codes.shape, settings)
    return method.fit(codes, settings, progress or _ignore, cancelled or _never)


def _codes_digest(codes: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(codes, np.float32).tobytes()).hexdigest()


def file_name(settings: Settings) -> str:
    """`umap-2d-3f9a0c12de.safetensors`: the same for all settings that give the same map."""
    short = hashlib.sha256(files.canonical(settings.key()).encode()).hexdigest()[:10]
    return f"{settings.method}-{settings.dims}d-{short}{files.SUFFIX}"


def save(projection: Projection, path: str | Path) -> Path:
    """Write a map to one file, whole or not at all; OSError where it cannot be written."""
    about = {"version": VERSION, "settings": projection.settings.key(), "codes": _codes_digest(projection.codes)}
    return files.write(Path(path), projection.arrays(), about)


def load(path: str | Path, codes: np.ndarray) -> Projection:
    """The map in that file; ValueError in one line where it is damaged or not a map of these codes, else OSError."""
    arrays, about = files.read(Path(path))
    if about.get("version") != VERSION:
        raise ValueError(f"{path} is a map of version {about.get('version')}, not {VERSION}; fit it anew")
    if about.get("codes") != _codes_digest(codes):
        raise ValueError(f"{path} is a map of other codes; fit it anew")
    try:
        return _restore(codes, Settings(**about["settings"]), arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} does not hold a map ({error})") from error


def _restore(codes: np.ndarray, settings: Settings, arrays: dict[str, np.ndarray]) -> Projection:
    """ValueError or TypeError where the arrays are not those of such a map."""
    restored = _REGISTRY[settings.method].restore(np.ascontiguousarray(codes, np.float32), settings, arrays)
    points = restored.points
    if points.shape != (len(codes), settings.dims) or points.dtype != np.float32 or not np.isfinite(points).all():
        raise ValueError(f"points are {points.dtype} {points.shape}, not finite float32 {(len(codes), settings.dims)}")
    return restored


def shipped(checkpoint_folder: str | Path, settings: Settings, codes: np.ndarray) -> Projection | None:
    """The map that came with a checkpoint, None where there is none; ValueError or OSError as `load`."""
    path = Path(checkpoint_folder) / FOLDER / file_name(settings)
    return load(path, codes) if path.is_file() else None


def _key(codes: np.ndarray, settings: Settings) -> dict:
    return {"version": VERSION, "codes": _codes_digest(codes), "settings": settings.key()}


def find(
    space: LatentSpace, settings: Settings, store: Store, checkpoint_folder: str | Path | None = None
) -> Projection | None:
    """The map if it costs no more than a moment: of a cheap method, shipped or on disk; None where it must be fitted.

    A shipped file that cannot be used is passed over with a warning.  ValueError where the settings cannot map
    these codes.
    """
    _REGISTRY[settings.method].check(*space.codes.shape, settings)
    if _REGISTRY[settings.method].cheap:
        return fit(space.codes, settings)
    if checkpoint_folder is not None:
        try:
            if found := shipped(checkpoint_folder, settings, space.codes):
                return found
        except (ValueError, OSError) as error:
            warnings.warn(f"a shipped map is passed over: {error}", RuntimeWarning, stacklevel=2)
    arrays = store.get(_KIND, _key(space.codes, settings))
    if arrays is not None:
        try:
            return _restore(space.codes, settings, arrays)
        except (TypeError, ValueError) as error:
            warnings.warn(f"a cached map is passed over: {error}", RuntimeWarning, stacklevel=2)
    return _UNKEPT.get(files.canonical(_key(space.codes, settings)))


def cached_fit(
    space: LatentSpace,
    settings: Settings,
    store: Store,
    checkpoint_folder: str | Path | None = None,
    progress: Progress | None = None,
    cancelled: Cancellation | None = None,
) -> Projection:
    """The map from wherever it is had first: shipped, on disk, fitted and then kept.

    Where the disk does not take it the map is still returned, its `note` says so, and this process remembers it as
    one of its last few.  ValueError, Cancelled and ChildProcessError as `fit`.
    """
    found = find(space, settings, store, checkpoint_folder)
    if found is not None and not found.note:
        return found
    fitted = found or fit(space.codes, settings, progress=progress, cancelled=cancelled)
    key = _key(space.codes, settings)
    try:
        store.put(_KIND, key, fitted.arrays())
    except OSError as error:
        fitted = replace(fitted, note=f"This map could not be kept in {store.root} ({error.strerror or error}).")
        _UNKEPT[files.canonical(key)] = fitted
        for old in list(_UNKEPT)[:-_UNKEPT_MAPS]:
            _UNKEPT.pop(old, None)
        return fitted
    _UNKEPT.pop(files.canonical(key), None)
    return replace(fitted, note="")
