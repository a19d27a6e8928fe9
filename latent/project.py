"""Maps of latent space: `fit(codes, settings) -> Projection`, with `.transform()` there and `.inverse()` back.

A method is one class, entered in the registry by decorator.  UMAP's own `transform` depends on the batch it is
given and its inverse takes seconds, so neither is used: a code's place is a weighted mean of its nearest codes'
places and the other way round.  That is an approximation, the same for every batch, and exact on the codes
themselves.  umap itself runs in another process (see `worker`): no import and no fit here ever waits for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from latent import worker
from latent.blend import Nearest, blend
from latent.jobs import Cancellation, Cancelled, Progress
from latent.neighbours import METRICS, check_metric

__all__ = ["METRICS", "Cancelled", "Projection", "Settings", "fit", "is_cheap", "methods", "register", "restore"]

DIMS = (2, 3)
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


def is_cheap(name: str) -> bool:
    """Whether a map by this method takes no more than a moment."""
    return _REGISTRY[name].cheap


def check(codes: np.ndarray, settings: "Settings") -> None:
    """ValueError where the settings cannot map codes (N, D)."""
    _REGISTRY[settings.method].check(*codes.shape, settings)


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
        return blend(self._in_latent_space, self._columns(codes, self.codes), self.points)

    def inverse(self, points):
        return blend(self._on_the_map, self._columns(points, self.points), self.codes)

    @cached_property
    def _in_latent_space(self) -> "Nearest":
        return Nearest(self.codes, self.settings.metric)

    @cached_property
    def _on_the_map(self) -> "Nearest":
        return Nearest(self.points)


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


def restore(codes: np.ndarray, settings: Settings, arrays: dict[str, np.ndarray]) -> Projection:
    """A fitted map from its `arrays()`; ValueError or TypeError where they are not those of such a map."""
    restored = _REGISTRY[settings.method].restore(np.ascontiguousarray(codes, np.float32), settings, arrays)
    points = restored.points
    if points.shape != (len(codes), settings.dims) or points.dtype != np.float32 or not np.isfinite(points).all():
        raise ValueError(f"points are {points.dtype} {points.shape}, not finite float32 {(len(codes), settings.dims)}")
    return restored
