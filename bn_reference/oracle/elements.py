"""What a comparison that fails saw of each element: all of them where they are few, else the worst ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MOST", "Element", "Elements", "elements_of"]

MOST = 64  # that are kept: a person looks at them one by one

Array = npt.NDArray[Any]
Index = tuple[int, ...]


@dataclass(frozen=True)
class Element:
    """One number that was compared.

    Attributes:
        index: where it stands, in the layer's own axes.
        actual, expected, error, bound: as in a comparison.
        holds: the verdict on it; a NaN that had to be one holds.
    """

    index: Index
    actual: float
    expected: float
    error: float
    bound: float
    holds: bool


@dataclass(frozen=True)
class Elements:
    """The elements of one comparison.

    Attributes:
        compared: how many there were.
        broken: how many of them do not hold.
        shown: all of them, or those with the largest error / bound, in the order in which they stand.
    """

    compared: int
    broken: int
    shown: tuple[Element, ...]


def elements_of(ratio: Array, numbers: tuple[Array, Array, Array, Array], place: Callable[[Index], Index]) -> Elements:
    """The elements of a comparison.

    Args:
        ratio: (m, C) or (C,), error / bound, above 1 where an element does not hold.
        numbers: actual, expected, error and bound, of the same shape.
        place: where an element of these stands in the layer's own axes.
    """
    flat = ratio.reshape(-1)
    chosen = np.arange(flat.size) if flat.size <= MOST else np.argpartition(flat, flat.size - MOST)[-MOST:]
    shown = []
    for at in chosen.tolist():
        here = tuple(int(axis) for axis in np.unravel_index(at, ratio.shape))
        actual, expected, error, bound = (float(array[here]) for array in numbers)
        shown.append(Element(place(here), actual, expected, error, bound, bool(flat[at] <= 1.0)))
    return Elements(flat.size, int(np.count_nonzero(flat > 1.0)), tuple(sorted(shown, key=lambda each: each.index)))
