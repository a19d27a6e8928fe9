"""How good samples are: Fréchet distance, precision and recall, in a feature space that is always named beside them.

Few samples make a Fréchet distance too large, whatever they are, so each stands beside its floor: what as many images
of the training split get, that nobody would call bad.  Both are measured against the held-out split, which neither
the autoencoder nor the classifier was trained on.
"""

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from aemodels.cli import first_line
from aemodels.datasets import batches
from aemodels.features import Classifier
from latent.encode import BATCH, model_device
from latent.store import Store, digest

VERSION = 1  # raised whenever a figure is computed in another way
K = 3
INCEPTION = "pt_inception-2015-12-05-6726825d.pth"
_INCEPTION_BATCH = 64
# Distances that are held at once, and the share of a squared norm that rounding may leave of a distance of 0.
_BLOCK_VALUES = 2**22
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Quality:
    """Figures of `count` samples against as many held-out images, in the feature space named.

    `frechet` and `floor` (that of training images) are squared distances in units of the features; `precision` is the
    share of samples that could be images, `recall` the share of images that could be samples, in [0, 1].
    """

    frechet: float
    floor: float
    precision: float
    recall: float
    count: int
    feature_space: str

    def sentence(self) -> str:
        """All of it in one sentence, for people."""
        return (
            f"Fréchet distance {self.frechet:.2f} (as many training images: {self.floor:.2f}), precision "
            f"{self.precision:.2f}, recall {self.recall:.2f}; {self.count:,} samples, in the feature space of "
            f"{self.feature_space}."
        )


@torch.inference_mode()
def features(classifier: Classifier, images: np.ndarray, batch_size: int = BATCH) -> np.ndarray:
    """uint8 images (N, C, H, W) -> (N, F) float32, on the classifier's own device.

    ValueError where the images are not of the classifier's shape.
    """
    images, shape = np.asarray(images), classifier.config.image_shape
    if images.dtype != np.uint8 or images.shape[1:] != shape or not len(images):
        raise ValueError(
            f"{classifier.config.name} takes uint8 images (N, {', '.join(map(str, shape))}), not {images.dtype} "
            f"of shape {images.shape}"
        )
    network, source = classifier.network, torch.from_numpy(np.ascontiguousarray(images))
    found = [network.features(b).float().cpu() for b in batches(source, batch_size, device=model_device(network))]
    return torch.cat(found).numpy()


def _checked(a: np.ndarray, b: np.ndarray, fewest: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"features of shapes {a.shape} and {b.shape} are not two sets (N, F) of one width")
    if min(len(a), len(b)) < fewest:
        raise ValueError(f"{fewest} rows of features are needed on each side, not {len(a)} and {len(b)}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("features hold NaN or infinity")
    return a, b


def _root(features: np.ndarray) -> np.ndarray:
    """Symmetric square root of the (unbiased) covariance; (N, F) -> (F, F)."""
    values, vectors = np.linalg.eigh(np.cov(features, rowvar=False).reshape(features.shape[1], -1))
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of the Gaussians fitted to two sets of features; (N, F), (M, F) -> 0 or more.

    |mean difference|² + tr A + tr B - 2 tr (A B)^½ of the unbiased covariances, where the last trace is the sum of the
    singular values of A^½ B^½: real, and exact where a covariance is singular.  Constant features have covariance 0.
    ValueError for fewer than 2 rows, unequal widths, or NaN.  (Heusel et al. 2017, arXiv:1706.08500)
    """
    a, b = _checked(a, b, 2)
    roots = _root(a), _root(b)
    traces = sum((root**2).sum() for root in roots) - 2 * np.linalg.svd(roots[0] @ roots[1], compute_uv=False).sum()
    return float(max(0.0, ((a.mean(0) - b.mean(0)) ** 2).sum() + traces))


def _blocks(of: np.ndarray, to: np.ndarray):
    """Squared Euclidean distances, some rows at a time: pairs of a slice of `of` and its (n, M) distances."""
    norms, others, size = (of**2).sum(1), (to**2).sum(1), max(1, _BLOCK_VALUES // len(to))
    for start in range(0, len(of), size):
        part = slice(start, start + size)
        squares = of[part] @ (-2 * to.T)
        squares += others
        squares += norms[part, None]
        yield part, squares


def _radii(of: np.ndarray, k: int) -> np.ndarray:
    """Squared distance of each row to its k-th nearest other row, (N,)."""
    out = np.empty(len(of))
    for part, squares in _blocks(of, of):
        # The row itself, at 0, is the nearest, or one of several at 0.
        out[part] = np.partition(squares, k, axis=1)[:, k]
    return out


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = K) -> tuple[float, float]:
    """Improved precision and recall of fake features (M, F) against real ones (N, F), each in [0, 1].

    Precision is the share of fake rows that lie within the distance of some real row to its k-th nearest other real
    row; recall the same with the sides exchanged.  A row at just that distance counts, so that constant features, all
    in one place, give 1 and 1.  No matrix of all distances is held.  ValueError unless 1 <= k < N, M, and for unequal
    widths or NaN.  (Kynkäänniemi et al. 2019, arXiv:1904.06991)
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    real, fake = _checked(real, fake, k + 1)
    middle = real.mean(0)  # near the origin, products leave less rounding in the distances
    real, fake = real - middle, fake - middle
    slack = _ROUNDING * max((real**2).sum(1).max(), (fake**2).sum(1).max())
    around_real, around_fake = _radii(real, k) + slack, _radii(fake, k) + slack
    precise, recalled = np.empty(len(fake), bool), np.zeros(len(real), bool)
    for part, squares in _blocks(fake, real):
        precise[part] = (squares <= around_real).any(1)
        recalled |= (squares <= around_fake[part, None]).any(0)
    return float(precise.mean()), float(recalled.mean())


def _draw(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` of the images, drawn without replacement; all of them in their order where there are no more."""
    if len(images) == count:
        return images
    return images[np.sort(np.random.default_rng(seed).choice(len(images), count, replace=False))]


def measure(
    samples: np.ndarray,
    held_out: np.ndarray,
    training: np.ndarray,
    classifier: Classifier,
    *,
    k: int = K,
    seed: int = 0,
) -> Quality:
    """Quality of uint8 images (N, C, H, W) that a model made, beside held-out and training images of its data set.

    The smallest of the three sets says how many of each are compared; of the larger ones so many are drawn by `seed`.
    ValueError as `features`, `frechet` and `precision_recall`.
    """
    count = min(len(samples), len(held_out), len(training))
    made, real, seen = (features(classifier, _draw(i, count, seed)) for i in (samples, held_out, training))
    return Quality(frechet(made, real), frechet(seen, real), *precision_recall(real, made, k), count, classifier.title)


def kept_measure(
    samples: np.ndarray, held_out: np.ndarray, training: np.ndarray, classifier: Classifier, store: Store
) -> Quality:
    """`measure` of those images, from the disk where they were measured before; a full disk is no failure."""
    images = {"samples": samples, "held_out": held_out, "training": training}
    key = {"version": VERSION, "k": K, "classifier": classifier.fingerprint, "images": digest(images)}
    held = store.get("quality", key)
    if held is None:
        found = measure(samples, held_out, training, classifier)
        numbers = {name: np.array(v) for name, v in asdict(found).items() if name != "feature_space"}
        with contextlib.suppress(OSError):
            store.put("quality", key, numbers)
        return found
    return Quality(**{name: v.item() for name, v in held.items()}, feature_space=classifier.title)


def inception_fid(real: np.ndarray, fake: np.ndarray, weights: str | Path | None = None) -> float:
    """torchmetrics' FID of two sets of uint8 images (N, C, H, W) of 1 or 3 channels, in Inception's 2,048 features.

    `weights` is the file of torch-fidelity's weights, by default where torch.hub keeps it; nothing is downloaded.
    LookupError where the file or a library is missing, ValueError for a damaged file, fewer than 2 images or another
    shape.
    """
    for images in (real, fake):
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3) or len(images) < 2:
            raise ValueError(f"FID is of 2 or more uint8 images (N, 1 or 3, H, W), not {images.dtype} {images.shape}")
    weights = Path(weights or Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION).expanduser()
    if not weights.is_file():
        raise LookupError(f"Inception's weights are not in {weights}: place torch-fidelity's {INCEPTION} there")
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance

        torch.load(weights, "cpu", weights_only=True)  # refuses a pickle that runs code; torch-fidelity would run it
        metric = FrechetInceptionDistance(2048, feature_extractor_weights_path=str(weights))
    except ImportError as error:
        raise LookupError(f"Inception needs torchmetrics with torch-fidelity ({first_line(error)})") from error
    except Exception as error:  # what is raised depends on how the file is damaged
        raise ValueError(f"Inception's weights in {weights} cannot be read ({first_line(error)})") from error
    for images, is_real in ((real, True), (fake, False)):
        for batch in torch.from_numpy(np.ascontiguousarray(images)).split(_INCEPTION_BATCH):
            metric.update(batch.expand(-1, 3, -1, -1), real=is_real)
    return float(metric.compute())
