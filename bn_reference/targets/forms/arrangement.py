"""How a batch (N, C) or (N, C, L) is handed to a layer that takes other shapes: reshaped, so that nothing is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bn_reference.cases.layouts import Placement, is_contiguous, place

__all__ = ["ARRANGEMENTS", "Arrangement"]

Where = Literal["second", "last", "first"]
AXES: dict[tuple[int, Where], str] = {  # dimensions handed over, where the channels are among them
    (2, "second"): "(N, C)",
    (3, "second"): "(N, C, L)",
    (4, "second"): "(N, C, H, W)",
    (5, "second"): "(N, C, D, H, W)",
    (3, "last"): "(N, L, C)",
    (4, "last"): "(N, H, W, C)",
    (2, "first"): "(C, N)",
}


@dataclass(frozen=True)
class Arrangement:
    """The shape in which a layer takes a batch.

    Attributes:
        dimensions: how many axes it has.
        channels: which of them the channels are.
        fold: "column" and "row" for the positions along the first or the last axis that they have, every other of one element;
            "" for over all of them.
    """

    dimensions: int
    channels: Where = "second"
    fold: Literal["", "column", "row"] = ""

    @property
    def axes(self) -> str:
        """In words."""
        return AXES[self.dimensions, self.channels]

    def is_plain(self, ndim: int) -> bool:
        """Whether batches of so many axes are handed over as they are."""
        return self.dimensions == ndim and self.channels == "second"

    def laid(self, batch: Placement) -> Placement:
        """The batch as it lies before it enters: contiguous in the layer's own order of axes where it is contiguous in ours.

        One sample with more than three axes always lies contiguously: as the stride of its axis says nothing, torch 2.13 takes
        a transposed (1, 2, 2, 1) for a contiguous one on the CPU, and BatchNorm2d then gives a wrong gradient even of its bias,
        which is a plain sum. Of a layer around it that would say nothing. Folded on purpose, it lies as it does.
        """
        if self.channels != "second" and is_contiguous(batch):
            return place(batch.view(), "channels last" if self.channels == "last" else "transposed")
        return place(batch.view(), "contiguous") if self.dimensions > 3 and batch.shape[0] == 1 and not self.fold else batch

    def enter(self, x: Any) -> Any:
        """A batch as the layer takes it: a view, as an axis is only split or moved."""
        samples, channels, *rest = x.shape
        if self.fold and rest:  # not reshaped, as the stride of an axis of one element is what matters
            column = x[(..., *[None] * (self.dimensions - 3))]
            return column if self.fold == "column" else column.swapaxes(2, -1)
        if self.channels == "first":
            return x.swapaxes(0, 1)
        sizes = self._sizes(rest)
        if self.channels == "second":
            return x if self.is_plain(x.ndim) else x.reshape((samples, channels, *sizes))
        x = x.swapaxes(1, 2) if rest else x
        return x.reshape((samples, *sizes, channels))

    def leave(self, y: Any, shape: tuple[int, ...]) -> Any:
        """An output in the shape of the batch; what is of another shape than the layer was given stays as it is."""
        samples, channels, *rest = shape
        sizes = self._sizes(rest)
        given = {
            "second": (samples, channels, *sizes),
            "last": (samples, *sizes, channels),
            "first": (channels, samples),
        }[self.channels]
        if tuple(getattr(y, "shape", ())) != given or self.is_plain(len(shape)):
            return y
        if self.channels == "first":
            return y.swapaxes(0, 1)
        if self.channels == "second" or not rest:
            return y.reshape(shape)
        return y.reshape((samples, rest[0], channels)).swapaxes(1, 2)

    def _sizes(self, rest: Sequence[int]) -> tuple[int, ...]:
        """The positions of a batch over its axes."""
        length, ones = rest[0] if rest else 1, (1,) * (self.dimensions - 3)
        if self.fold:
            return (length, *ones) if self.fold == "column" else (*ones, length)
        return _split(length, self.dimensions - 2)


def _split(length: int, axes: int) -> tuple[int, ...]:
    """Positions over so many axes: none of them of one position if the length allows."""
    sizes: list[int] = []
    for _ in range(axes - 1):
        factor = next((factor for factor in (2, 3, 5, 7) if length % factor == 0 and length > factor), 1)
        sizes.append(factor)
        length //= factor
    return (length, *sizes) if axes else ()


ARRANGEMENTS: dict[int, tuple[Arrangement, ...]] = {  # for each number of axes of a batch, in the order in which they are tried
    2: (
        Arrangement(2),
        Arrangement(2, "first"),
        Arrangement(4),
        Arrangement(5),
        Arrangement(3),
        Arrangement(4, "last"),
        Arrangement(3, "last"),
    ),
    3: (Arrangement(3), Arrangement(4), Arrangement(5), Arrangement(3, "last"), Arrangement(4, "last")),
}
