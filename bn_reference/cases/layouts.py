"""Axes and memory: the only file that knows where the channel stands, and how an array lies in its buffer.

A batch is ``(N, C)`` or ``(N, C, L)``. The specification sees ``(m, C)`` with m = N * L: for a convolutional batch every
position is one more row (Ioffe & Szegedy, section 3.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["LAYOUTS", "Placement", "from_matrix", "is_contiguous", "place", "place_in_batch", "to_matrix"]

Array = npt.NDArray[Any]

LAYOUTS = ("contiguous", "transposed", "channels last", "sliced", "offset", "expanded", "channels last at an offset")


def to_matrix(batch: Array) -> Array:
    """``(N, C)`` or ``(N, C, L)`` to ``(m, C)``: row ``n * L + l`` is position l of sample n; a vector ``(C,)`` stays."""
    if batch.ndim <= 2:
        return batch
    n, c, length = batch.shape
    return np.ascontiguousarray(batch.transpose(0, 2, 1)).reshape(n * length, c)


def from_matrix(matrix: Array, shape: tuple[int, ...]) -> Array:
    """``(m, C)`` back to ``(N, C)`` or ``(N, C, L)``, contiguous."""
    if len(shape) == 2:
        return matrix.reshape(shape)
    n, c, length = shape
    return np.ascontiguousarray(matrix.reshape(n, length, c).transpose(0, 2, 1))


def place_in_batch(row: int, channel: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Where an element of the ``(m, C)`` matrix stands in the batch of a shape."""
    return (row, channel) if len(shape) == 2 else (row // shape[2], channel, row % shape[2])


@dataclass(frozen=True, eq=False)
class Placement:
    """An array as it lies in memory: a flat buffer, and the strided view on it (strides and offset in elements)."""

    buffer: Array
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    def lies_as(self, other: Placement) -> bool:
        """Whether another array fills a buffer of the same form in the same way."""
        here, there = ((p.shape, p.strides, p.offset, p.buffer.size, p.buffer.dtype) for p in (self, other))
        return here == there

    def view(self) -> Array:
        """The array, as a view of the buffer."""
        size = self.buffer.itemsize
        strides = tuple(stride * size for stride in self.strides)
        view: Array = np.ndarray(self.shape, self.buffer.dtype, self.buffer, self.offset * size, strides)
        return view


def place(values: Array, layout: str) -> Placement:
    """Lay ``values`` out in a fresh buffer; every element of the buffer outside the view is NaN, so that a misread shows.

    Layouts: *contiguous*; *transposed*, the axes stored in reverse order; *channels last*, (N, L, C); *sliced*, every second
    element along each axis; *offset*, the view starts inside the buffer; *expanded*, stride zero along an axis of equal values
    (contiguous where there is none); *channels last at an offset*, both.

    Raises:
        ValueError: the layout is not one of LAYOUTS.
    """
    ndim = values.ndim
    if layout == "contiguous":  # there is nothing outside the view
        return Placement(values.flatten(), values.shape, _usual_strides(values.shape), 0)
    if layout == "offset":
        order, step, margin = tuple(range(ndim)), 1, 3
    elif layout == "transposed":
        order, step, margin = tuple(reversed(range(ndim))), 1, 0
    elif layout in ("channels last", "channels last at an offset"):
        order, step, margin = (0, *range(2, ndim), 1), 1, 3 if layout.endswith("offset") else 0
    elif layout == "sliced":
        order, step, margin = tuple(range(ndim)), 2, 1
    elif layout == "expanded":
        return _expanded(values)
    else:
        raise ValueError(f"layout is {layout!r}; choose from {', '.join(LAYOUTS)}")
    return _strided(values, order, step, margin)


def is_contiguous(placement: Placement) -> bool:
    """Whether it is a whole buffer in the usual order; the strides of axes of one element count too."""
    usual = _usual_strides(placement.shape), math.prod(placement.shape), 0
    return (placement.strides, placement.buffer.size, placement.offset) == usual


@lru_cache(maxsize=1024)
def _usual_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides, stride = [0] * len(shape), 1
    for axis in reversed(range(len(shape))):
        strides[axis] = stride
        stride *= shape[axis] or 1
    return tuple(strides)


def _strided(values: Array, order: tuple[int, ...], step: int, margin: int) -> Placement:
    """Store the axes in ``order``, outermost first, with ``step - 1`` gaps between elements and ``margin`` before the first."""
    strides = [0] * values.ndim
    stride = 1
    for axis in reversed(order):
        strides[axis] = stride * step
        stride *= max(values.shape[axis], 1) * step
    buffer = np.full(stride + margin, np.nan).astype(values.dtype)
    placement = Placement(buffer, values.shape, tuple(strides), margin)
    placement.view()[...] = values
    return placement


def _expanded(values: Array) -> Placement:
    """Stride zero along the last axis over which the values do not change."""
    for axis in reversed(range(values.ndim)):
        if values.shape[axis] > 1 and _constant_along(values, axis):
            first = values.take([0], axis=axis)
            placement = _strided(first, tuple(range(values.ndim)), 1, 0)
            strides = tuple(0 if i == axis else stride for i, stride in enumerate(placement.strides))
            return Placement(placement.buffer, values.shape, strides, 0)
    return _strided(values, tuple(range(values.ndim)), 1, 0)


def _constant_along(values: Array, axis: int) -> bool:
    bits = values.view(f"u{values.itemsize}")
    return bool((bits == bits.take([0], axis=axis)).all())
