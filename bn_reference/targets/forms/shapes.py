"""How a batch and its channels' vectors are handed to a function that has its own idea of their axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bn_reference.cases.layouts import Placement
from bn_reference.targets.forms.arrangement import ARRANGEMENTS, Arrangement

__all__ = ["SHAPES", "Shape"]


@dataclass(frozen=True)
class Shape:
    """The axes that a function wants.

    Attributes:
        arrangement: of a batch.
        aligned: whether vectors have as many axes as the batch, (1, C, 1), instead of (C,).
    """

    arrangement: Arrangement
    aligned: bool = False

    def laid(self, placement: Placement) -> Placement:
        """The batch in a buffer of its own, contiguous in the function's order of axes where it was in ours."""
        laid = self.arrangement.laid(placement)
        return Placement(laid.buffer.copy(), laid.shape, laid.strides, laid.offset)

    def enter(self, array: Any) -> Any:
        """A batch with the function's axes: a view."""
        return self.arrangement.enter(array)

    def leave(self, array: Any, shape: tuple[int, ...]) -> Any:
        """An output with our axes again; one that has not the function's is left as it is."""
        return self.arrangement.leave(array, shape)

    def vector(self, channels: int) -> tuple[int, ...]:
        """The shape of a vector of the channels."""
        if not self.aligned:
            return (channels,)
        others = (1,) * (self.arrangement.dimensions - 2)
        shapes = {"second": (1, channels, *others), "last": (1, *others, channels), "first": (channels, 1)}
        return shapes[self.arrangement.channels]

    def is_usual(self, ndim: int) -> bool:
        """Whether a batch of so many axes is handed over as we have it, with vectors (C,)."""
        return self.arrangement.is_plain(ndim) and not self.aligned


# For each number of axes, the most usual first. A function of (N, C) alone does not notice axes that its vectors fit.
SHAPES: dict[int, tuple[Shape, ...]] = {
    ndim: tuple(
        Shape(arrangement, aligned)
        for channels in ("second", "last", "first")
        for aligned in (False, True)
        for arrangement in arrangements
        if arrangement.channels == channels
    )
    for ndim, arrangements in ARRANGEMENTS.items()
}
