"""How a batch and its channels' vectors are handed to a target that has its own idea of their axes.

A batch is ``(N, C)`` or ``(N, C, L)`` for us. A target may want the channels last, or more axes:
``(N, C, L, 1)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bn_reference.cases.case import Array
from bn_reference.cases.layouts import Placement, is_contiguous, place

__all__ = ["SHAPES", "Shape"]


@dataclass(frozen=True)
class Shape:
    """The axes that a target wants.

    Attributes:
        extra: how many axes of one element stand at the end (before the channels, if those are last).
        last: whether the channels are the last axis.
        aligned: whether vectors have as many axes as the batch, (1, C, 1), instead of (C,).
    """

    extra: int = 0
    last: bool = False
    aligned: bool = False

    def batch(self, placement: Placement) -> Placement:
        """The batch with the target's axes, in a buffer of its own; contiguous where it was."""
        shape, strides = [*placement.shape, *(1,) * self.extra], [*placement.strides, *(1,) * self.extra]
        if self.last:
            shape.append(shape.pop(1))
            strides.append(strides.pop(1))
        if is_contiguous(placement):
            view = np.moveaxis(placement.view(), 1, -1) if self.last else placement.view()
            return place(view.reshape(shape), "contiguous")
        return Placement(placement.buffer.copy(), tuple(shape), tuple(strides), placement.offset)

    def vector(self, channels: int, ndim: int) -> tuple[int, ...]:
        """The shape of a vector of the channels beside a batch of so many axes (as we count them)."""
        if not self.aligned:
            return (channels,)
        others = (1,) * (ndim - 2 + self.extra)
        return (1, *others, channels) if self.last else (1, channels, *others)

    def back(self, array: Array, ndim: int) -> Array:
        """An output with our axes again; one that has not the target's is left as it is."""
        if array.ndim != ndim + self.extra:
            return array
        moved = np.moveaxis(array, -1, 1) if self.last else array
        return moved.reshape(moved.shape[:ndim]) if set(moved.shape[ndim:]) <= {1} else array

    def said(self, ndim: int) -> str:
        """A batch of so many of our axes, as the target has it."""
        others = ("L",) * (ndim - 2) + ("1",) * self.extra
        return f"({', '.join(('N', *others, 'C') if self.last else ('N', 'C', *others))})"


# Most usual first. Whoever is handed (N, C, L) and takes it has those axes; with vectors that fit any batch, or with the
# channels last, a target of (N, C) alone would not notice.
SHAPES = tuple(Shape(extra, last, aligned) for last in (False, True) for aligned in (False, True) for extra in (0, 1, 2))
