"""Batch normalization in a few passes over memory: the reference layer's arithmetic, for whole batches, in NumPy alone.

The formulas are those of ``specification`` with per-channel factors taken together, ``y = (x - mu) * (gamma / sigma) + beta``;
the tests hold every function here to the specification's own bound. What makes it fast is the order of the work. A batch is
cut into blocks that stay in the cache while several operations pass over them. A block is a matrix whose rows all hold the
same channels at the same places, so that a vector with one value a channel is spread once over a row, and every inner loop is
as long as a row, whatever the shape of the batch is. Sums run down the rows of a block, then over the blocks, then pairwise
along the row: they err by as many roundings as there are rows in a block and blocks in a batch.

Arrays: ``x, centred, dy: (N, C) or (N, C, L)``, C-contiguous, all of one shape; vectors ``(C,)``. All have the computing dtype.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "centre",
    "gradient_sums",
    "mean",
    "over_rows",
    "rows",
    "scale_and_shift",
    "training_input_gradient",
    "variance",
]

Array = npt.NDArray[Any]
Blocks = Iterator[tuple[Array, ...]]

# Elements of a row, and of a block. A row of float32 takes 32 KB: beside it the fixed cost of a loop is small, and it is still
# in the second-level cache when it is met again. A block takes 1 MB: beside it the fixed cost of a call is small, and the two
# or three that an operation touches are in the third-level cache.
ROW, BLOCK = 2**13, 2**18


@dataclass(frozen=True)
class Strip:
    """Part of a batch: rows that hold the same channels at the same places.

    Attributes:
        start, count, period: ``count`` spans of ``period`` elements, one behind the other, from ``start`` on.
        at: where in each span the row begins.
        channels: which channels a row holds: ``repeats`` times each of them in turn, ``length`` elements of each.
        together: rows of one block.
    """

    start: int
    count: int
    period: int
    at: int
    channels: slice
    repeats: int
    length: int
    together: int

    @property
    def width(self) -> int:
        """Elements of one row."""
        width: int = self.repeats * (self.channels.stop - self.channels.start) * self.length
        return width

    def spread(self, vector: Array) -> Array:
        """One value a channel, (C,), laid out as the channels lie in a row: (width,)."""
        column = vector[self.channels, np.newaxis]
        row = np.empty((self.repeats, len(column), self.length), vector.dtype)
        row[...] = column
        return row.reshape(-1)

    def gathered(self, sums: Array) -> Array:
        """Sums down the rows, (width,), summed pairwise for each channel of the strip."""
        turns = sums.reshape(self.repeats, -1)
        while (count := len(turns)) > 1:
            half = count // 2
            paired = turns[:half] + turns[half : 2 * half]
            if count % 2:
                paired[0] += turns[-1]
            turns = paired
        total: Array = turns.reshape(-1, self.length).sum(axis=1)
        return total

    def blocks(self, *arrays: Array) -> Blocks:
        """The blocks of several arrays, side by side: views, (rows, width)."""
        inside = slice(self.start, self.start + self.count * self.period), slice(self.at, self.at + self.width)
        views = [array.reshape(-1)[inside[0]].reshape(self.count, self.period)[:, inside[1]] for array in arrays]
        for first in range(0, self.count, self.together):
            yield tuple(view[first : first + self.together] for view in views)


@lru_cache(maxsize=256)
def strips(shape: tuple[int, ...], widest: int, most: int) -> tuple[Strip, ...]:
    """Cut a batch of a shape into strips, whose rows hold at most ``widest`` elements, and whose blocks about ``most``.

    Several samples make a row where they fit, and else a sample is cut between channels, and a channel between positions.
    """
    n, c, length = (*shape, 1)[:3]
    sample = c * length
    if n * sample == 0:
        return ()

    def strip(start: int, count: int, period: int, at: int, channels: slice, repeats: int, positions: int) -> Strip:
        width = repeats * (channels.stop - channels.start) * positions
        return Strip(start, count, period, at, channels, repeats, positions, max(1, most // width))

    if sample <= widest:
        repeats = min(widest // sample, n)
        count, rest = divmod(n, repeats)
        period, whole = repeats * sample, slice(0, c)
        full = strip(0, count, period, 0, whole, repeats, length)
        return (full, strip(count * period, 1, rest * sample, 0, whole, rest, length)) if rest else (full,)
    group, piece = max(1, widest // length), min(widest, length)
    return tuple(
        strip(0, n, sample, first * length + at, slice(first, min(first + group, c)), 1, min(piece, length - at))
        for first in range(0, c, group)
        for at in range(0, length, piece)
    )


def _cut(batch: Array) -> tuple[Strip, ...]:
    return strips(batch.shape, ROW, BLOCK)


def mean(x: Array) -> Array:
    r"""Mini-batch mean, :math:`\mu = \frac{1}{m} \sum_i x_i`: (C,)."""
    total = np.zeros(x.shape[1], x.dtype)
    for strip in _cut(x):
        sums = np.zeros(strip.width, x.dtype)
        for (block,) in strip.blocks(x):
            sums += block.sum(axis=0)
        total[strip.channels] += strip.gathered(sums)
    return over_rows(total, rows(x))


def centre(x: Array, mu: Array, centred: Array) -> None:
    r"""Leave :math:`x_i - \mu` in ``centred``, which may be x itself."""
    for strip in _cut(x):
        means = strip.spread(mu)
        for block, out in strip.blocks(x, centred):
            np.subtract(block, means, out=out)


def variance(x: Array, mu: Array, centred: Array) -> Array:
    r"""Biased variance, :math:`\frac{1}{m} \sum_i (x_i - \mu)^2`: (C,); leaves :math:`x_i - \mu` in ``centred`` on the way."""
    total = np.zeros(x.shape[1], x.dtype)
    for strip in _cut(x):
        means, sums = strip.spread(mu), np.zeros(strip.width, x.dtype)
        for block, out in strip.blocks(x, centred):
            np.subtract(block, means, out=out)
            sums += _column_products(out, out)
        total[strip.channels] += strip.gathered(sums)
    return over_rows(total, rows(x))


def scale_and_shift(centred: Array, scale: Array, shift: Array | None, y: Array) -> None:
    r"""Leave :math:`\mathrm{scale} \cdot (x_i - \mu) + \mathrm{shift}` in y; without a shift, the product alone."""
    for strip in _cut(centred):
        scales, shifts = strip.spread(scale), None if shift is None else strip.spread(shift)
        for block, out in strip.blocks(centred, y):
            np.multiply(block, scales, out=out)
            if shifts is not None:
                np.add(out, shifts, out=out)


def gradient_sums(dy: Array, centred: Array) -> tuple[Array, Array]:
    r"""The two sums that the chain rule needs, :math:`\sum_i dy_i` and :math:`\sum_i dy_i (x_i - \mu)`: (C,) each."""
    plain, weighted = np.zeros((2, dy.shape[1]), dy.dtype)
    for strip in _cut(dy):
        sums, products = np.zeros((2, strip.width), dy.dtype)
        for block, deviations in strip.blocks(dy, centred):
            sums += block.sum(axis=0)
            products += _column_products(block, deviations)
        plain[strip.channels] += strip.gathered(sums)
        weighted[strip.channels] += strip.gathered(products)
    return plain, weighted


def training_input_gradient(dy: Array, centred: Array, scale: Array, level: Array, slope: Array, dx: Array) -> None:
    r"""Leave :math:`\mathrm{scale} \cdot (dy_i - \mathrm{level} - \mathrm{slope} \cdot (x_i - \mu))` in dx.

    These are the equations of section 3, summed, where scale is :math:`\gamma / \sigma`, level :math:`\frac{1}{m} \sum dy`, and
    slope :math:`\frac{1}{m \sigma^2} \sum dy (x - \mu)`.
    """
    for strip in _cut(dy):
        scales, levels, slopes = strip.spread(scale), strip.spread(level), strip.spread(slope)
        for block, deviations, out in strip.blocks(dy, centred, dx):
            np.multiply(deviations, slopes, out=out)
            np.subtract(block, out, out=out)
            np.subtract(out, levels, out=out)
            np.multiply(out, scales, out=out)


def rows(batch: Array) -> int:
    """m, the number of values a channel."""
    n, c, length = (*batch.shape, 1)[:3]
    return n * length if c else 0


def over_rows(total: Array, m: int) -> Array:
    """A sum over m rows, (C,), divided by their number; a sum of no rows stays zero."""
    quotient: Array = total / total.dtype.type(max(m, 1))
    return quotient


def _column_products(one: Array, other: Array) -> Array:
    """The sum down each column of the products, (width,), with no array of the products in between."""
    sums: Array = np.einsum("ij,ij->j", one, other)
    return sums
