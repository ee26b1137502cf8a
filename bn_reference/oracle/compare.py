"""The one place where floating-point numbers are compared.

A comparison holds where ``error <= bound``: written so, a NaN never passes. An element that a NaN or an infinity of the input
reaches must not come out finite; one whose bound is infinite may come out as anything, and has no power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.double_double import DoubleDouble
from bn_reference.arithmetic.running_error import Carrier, leading, magnitude
from bn_reference.cases.layouts import place_in_batch, to_matrix
from bn_reference.oracle.bounded import Bounded

__all__ = ["Comparison", "all_of", "fact", "same_bits", "within"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Comparison:
    """What one comparison found.

    Attributes:
        what: the quantity, in the words of the layer: "y", "running_var".
        holds: the verdict.
        ratio: the largest error / bound, 0 where all is equal; None where nothing is measured.
        powerless: every bound is as large as the value itself (or its scale), so that zeros would have passed too.
        index: where the worst element stands, in the layer's own axes; None for a fact.
        actual, expected, error, bound: the worst element's.
        sentence: what is wrong, for a fact or a wrong form; empty otherwise.
    """

    what: str
    holds: bool
    ratio: float | None = None
    powerless: bool = False
    index: tuple[int, ...] | None = None
    actual: float = math.nan
    expected: float = math.nan
    error: float = math.nan
    bound: float = math.nan
    sentence: str = ""

    def __str__(self) -> str:
        if self.sentence:
            return self.sentence
        where = f"{self.what}[{', '.join(map(str, self.index or ()))}]"
        if math.isinf(self.expected) or math.isnan(self.expected):
            return f"{where} is {self.actual!r}, though a NaN or an infinity of the input reaches it"
        if self.bound == 0.0:
            return f"{where} is {self.actual!r} and must be {self.expected!r}, bit for bit"
        times = f", {self.ratio:.3g} times the bound" if self.ratio is not None and math.isfinite(self.ratio) else ""
        expected = f"expected {self.expected!r} within {self.bound:.3g}"
        return f"{where} is {self.actual!r}, {expected}; the error is {self.error:.3g}{times}"


def within(what: str, actual: Array | Carrier | None, expected: Bounded | None) -> Comparison:
    """``|actual - expected| <= bound``, element by element.

    Args:
        what: the quantity's name.
        actual: (N, C), (N, C, L) or (C,) as the implementation gave it, or a carrier of the expected value's shape.
        expected: (m, C) or (C,); None where there is to be nothing.
    """
    if expected is None:
        return fact(what, actual is None, f"there is a {what} where there is to be none")
    if actual is None:
        return Comparison(what, False, sentence=f"there is no {what}")
    shape = actual.shape
    channels = expected.bound.shape[-1]
    fits = len(shape) == expected.bound.ndim or (len(shape) == 3 and expected.bound.ndim == 2)
    if not fits or (shape[1] if len(shape) > 1 else shape[0]) != channels or _size(shape) != expected.bound.size:
        return Comparison(what, False, sentence=f"{what} has shape {shape}, which does not fit (m, C) = {expected.bound.shape}")
    if isinstance(actual, np.ndarray):
        matrix = to_matrix(actual).astype(np.float64)
        numbers: Carrier = DoubleDouble(matrix) if isinstance(expected.value, DoubleDouble) else matrix
    else:
        numbers = actual
    scale = magnitude(expected.value) if expected.scale is None else expected.scale
    with np.errstate(all="ignore"):
        error = magnitude(numbers - expected.value)
        holds = error <= expected.bound
        sees = expected.bound < scale
        ratio = np.where(error == 0.0, 0.0, error / expected.bound)
        if not holds.all() or expected.polluted.any() or np.isnan(ratio).any():
            polluted = np.broadcast_to(expected.polluted, error.shape)
            holds, ratio = _with_exceptions(leading(numbers), expected, polluted, holds, ratio)
            sees &= ~polluted
        powerless = error.size > 0 and not sees.any()
    return _worst(
        what, shape, bool(holds.all()), ratio, leading(numbers), leading(expected.value), error, expected.bound, powerless
    )


def _with_exceptions(
    numbers: Array, expected: Bounded, polluted: npt.NDArray[np.bool_], near: npt.NDArray[np.bool_], ratio: Array
) -> tuple[npt.NDArray[np.bool_], Array]:
    """The verdict on each element, and its ratio, where some are polluted, free, or out of their bound."""
    free = ~polluted & ~np.isfinite(expected.bound)
    holds = np.where(polluted, ~np.isfinite(numbers), free | near)
    ratio = np.where(free | (polluted & holds), 0.0, np.where(holds, ratio, np.where(np.isnan(ratio), np.inf, ratio)))
    return holds, np.where(holds, ratio, np.maximum(ratio, np.nextafter(1.0, 2.0)))


def same_bits(what: str, actual: Array | None, expected: Array | None) -> Comparison:
    """Equal bit for bit, the sign of a zero and the payload of a NaN aside.

    Args:
        what: the quantity's name.
        actual, expected: arrays of one shape and dtype; None and None are the same.
    """
    if actual is None or expected is None:
        same = actual is None and expected is None
        return Comparison(what, same, sentence="" if same else f"{what} is there in one run and not in the other")
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        form = f"{what} has shape {actual.shape} and dtype {actual.dtype}, not {expected.shape} and {expected.dtype}"
        return Comparison(what, False, sentence=form)
    if actual.tobytes() == expected.tobytes():
        return Comparison(what, True, ratio=0.0)
    wide, reference = to_matrix(actual).astype(np.float64), to_matrix(expected).astype(np.float64)
    equal = (wide == reference) | (np.isnan(wide) & np.isnan(reference))
    with np.errstate(all="ignore"):
        error = np.where(equal, 0.0, np.abs(wide - reference))
    ratio = np.where(equal, 0.0, np.inf)
    return _worst(what, actual.shape, bool(equal.all()), ratio, wide, reference, error, np.zeros_like(error), False)


def fact(what: str, holds: bool, sentence: str) -> Comparison:
    """Something that is so or not: a dtype, a count; ``sentence`` says what is wrong where it does not hold."""
    return Comparison(what, holds, sentence="" if holds else sentence)


def all_of(*comparisons: Comparison) -> Comparison:
    """The comparison that fails worst, or the one that comes nearest to its bound."""
    failed = [c for c in comparisons if not c.holds]
    worst = max(failed or comparisons, key=lambda c: -1.0 if c.ratio is None else c.ratio)
    measured = [c for c in comparisons if c.ratio is not None]
    powerless = bool(measured) and all(c.powerless for c in measured)
    return worst if worst.powerless == powerless else Comparison(**{**vars(worst), "powerless": powerless})


def _size(shape: tuple[int, ...]) -> int:
    return math.prod(shape)


def _worst(
    what: str,
    shape: tuple[int, ...],
    holds: bool,
    ratio: Array,
    actual: Array,
    expected: Array,
    error: Array,
    bound: Array,
    powerless: bool,
) -> Comparison:
    if ratio.size == 0:
        return Comparison(what, holds, ratio=0.0)
    flat = int(np.argmax(ratio))
    at = tuple(int(i) for i in np.unravel_index(flat, ratio.shape))
    index = place_in_batch(*at, shape) if len(at) == 2 else at
    return Comparison(
        what,
        holds,
        ratio=float(ratio[at]),
        powerless=powerless,
        index=index,
        actual=float(actual[at]),
        expected=float(expected[at]),
        error=float(error[at]),
        bound=float(bound[at]),
    )
