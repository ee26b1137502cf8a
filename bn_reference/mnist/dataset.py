"""Images of handwritten digits as values; where they come from is the duty of ``sources``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Dataset", "Split"]


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels; arrays are read-only.

    Attributes:
        images: (n, p) float32, pixels in [0, 1], row by row.
        labels: (n,) int64, the digits 0 to 9.
    """

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        for name in ("images", "labels"):
            view: npt.NDArray[Any] = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> Split:
        """The first images, in the order of the file."""
        return Split(self.images[:count], self.labels[:count])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A set to train on and one to test on.

    Attributes:
        name: what it is, for reports: "MNIST".
        source: where it was found, for reports: a directory, or a package and its version.
        train, test: the two sets.
    """

    name: str
    source: str
    train: Split
    test: Split

    @property
    def pixels(self) -> int:
        return int(self.train.images.shape[1])

    def limited(self, count: int | None) -> Dataset:
        """With only the first ``count`` training images (None: all); the test set stays whole."""
        return self if count is None else replace(self, train=self.train.first(count))
