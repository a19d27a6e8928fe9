"""`LatentSpace`: a model, the codes of one data split and what is known of each row, the object layers hand on.

Rows are named by the data set's stable row ids, never by their place: two models of one data set are compared,
and a selection is kept, by id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aemodels.autoencoder import Autoencoder
from aemodels.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class LatentSpace:
    """What a model makes of a data split.

    `codes` (N, D) float32, posterior means; `row_ids` (N,) int64; `error` (N,) mean squared error of the
    reconstruction a pixel value; `logvar` (N, D) or None; `labels` (N,) int64 into `classes` or None;
    `factors` (N, F) float32 by `factor_names` or None.  `name` is the checkpoint's folder, `title` is for people,
    `identity` names weights and codes.
    """

    name: str
    dataset: str
    title: str
    model: Autoencoder
    codes: np.ndarray
    row_ids: np.ndarray
    error: np.ndarray
    logvar: np.ndarray | None = None
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    factors: np.ndarray | None = None
    factor_names: tuple[str, ...] = ()
    identity: str = ""

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> "LatentSpace":
        """The held-out split as the checkpoint stores it; the images are not needed."""
        config, latents = checkpoint.config, checkpoint.latents
        plural = "" if config.latent_dim == 1 else "s"
        return cls(
            name=checkpoint.name,
            dataset=config.dataset,
            title=f"{config.model}, {config.latent_dim} dimension{plural}",
            model=checkpoint.model,
            codes=np.ascontiguousarray(latents.mean, np.float32),
            row_ids=latents.row_ids.astype(np.int64, copy=False),
            error=latents.error,
            logvar=latents.logvar,
            labels=latents.labels,
            classes=config.classes,
            factors=latents.factors,
            factor_names=config.factor_names,
            identity=checkpoint.identity,
        )

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def latent_dim(self) -> int:
        return self.codes.shape[1]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.model.image_shape

    @property
    def variational(self) -> bool:
        return self.model.variational

    @cached_property
    def _place(self) -> dict[int, int]:
        return {int(row): place for place, row in enumerate(self.row_ids)}

    def positions(self, row_ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """Where those rows stand in `codes`, (n,) int64; KeyError names the first id that is not here."""
        try:
            return np.array([self._place[int(row)] for row in row_ids], np.int64)
        except KeyError as error:
            raise KeyError(f"{self.name} on {self.dataset} holds no row {error.args[0]}") from None


def shared_rows(spaces: Sequence[LatentSpace]) -> np.ndarray:
    """The row ids that all spaces hold, in the first one's order, (n,) int64.

    Empty where they are of different data sets: the same id is another image there.  ValueError for no spaces.
    """
    if not spaces:
        raise ValueError("no latent spaces were given")
    first, *others = spaces
    keep = np.ones(len(first), bool)
    for other in others:
        keep &= np.isin(first.row_ids, other.row_ids) & (other.dataset == first.dataset)
    return first.row_ids[keep]
