"""The one place where floating-point numbers are compared.

A comparison holds where ``error <= bound``: written so, a NaN never passes. An element that a NaN or an infinity of the input
reaches must not come out finite; one whose bound is infinite may come out as anything, and has no power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.double_double import DoubleDouble
from bn_reference.arithmetic.running_error import Carrier, leading, magnitude
from bn_reference.cases.facts import Fact, Kind, Missing, Unseen, Wrong
from bn_reference.cases.layouts import place_in_batch, to_matrix
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.bounded import Bounded
from bn_reference.oracle.elements import Elements, elements_of

__all__ = ["Comparison", "all_of", "fact", "presence", "same_bits", "unseen", "within"]

Array = npt.NDArray[Any]
Chosen = npt.NDArray[np.intp] | None


@dataclass(frozen=True)
class Comparison:
    """What one comparison found.

    Attributes:
        what: the quantity, in the words of the layer: "y", "running_var".
        holds: the verdict.
        aspect: what about the quantity was compared.
        ratio: the largest error / bound, 0 where all is equal; None where nothing is measured.
        powerless: every bound is as large as the value itself (or its scale), so that zeros would have passed too.
        resolution: the median over the elements of bound / size of the value: what part of it an error must be to be seen.
        index: where the worst element stands, in the layer's own axes; None for a fact.
        actual, expected, error, bound: the worst element's.
        elements: where it does not hold, what was seen of each element; None where nothing is measured.
        fact: what is so and must not be, or the other way round; None where numbers were compared.
        unasked: why it could not be asked; empty where it was.
        vacuous: there was nothing to compare, on either side.
    """

    what: str
    holds: bool
    aspect: Aspect = Aspect.VALUE
    ratio: float | None = None
    powerless: bool = False
    resolution: float | None = None
    index: tuple[int, ...] | None = None
    actual: float = math.nan
    expected: float = math.nan
    error: float = math.nan
    bound: float = math.nan
    elements: Elements | None = field(default=None, repr=False)
    fact: Fact | None = None
    unasked: str = ""
    vacuous: bool = False

    @property
    def says_something(self) -> bool:
        """Whether anything was looked at."""
        return not self.unasked and not self.vacuous


def within(
    what: str,
    actual: Array | Carrier | Unseen | None,
    expected: Bounded | None,
    aspect: Aspect = Aspect.VALUE,
    *,
    channels: Chosen = None,
) -> Comparison:
    """``|actual - expected| <= bound``, element by element.

    Args:
        what: the quantity's name.
        actual: (N, C), (N, C, L) or (C,) as the implementation gave it, or a carrier of the expected value's shape.
        expected: (m, C) or (C,); None where there is to be nothing.
        aspect: what about the quantity is compared.
        channels: the numbers of those that are compared, where they are not all there are.
    """
    if isinstance(actual, Unseen):
        return unseen(what, actual, aspect)
    if expected is None or actual is None:
        return presence(what, actual is not None, expected is not None, aspect)
    shape = actual.shape
    width = expected.bound.shape[-1]
    fits = len(shape) == expected.bound.ndim or (len(shape) == 3 and expected.bound.ndim == 2)
    if not fits or (shape[1] if len(shape) > 1 else shape[0]) != width or math.prod(shape) != expected.bound.size:
        return fact(False, Fact(Kind.SHAPE, what, shape, expected.bound.shape), aspect)
    if isinstance(actual, np.ndarray):
        matrix = to_matrix(actual).astype(np.float64)
        numbers: Carrier = DoubleDouble(matrix) if isinstance(expected.value, DoubleDouble) else matrix
    else:
        numbers = actual
    with np.errstate(all="ignore"):
        error = magnitude(numbers - expected.value)
        near = error <= expected.bound
        ratio = error / expected.bound
        holds = np.count_nonzero(near) == near.size
        if not holds and expected.singular is not None:
            excused = expected.singular & ~np.isfinite(leading(numbers))
            near, ratio = near | excused, np.where(excused, 0.0, ratio)
            holds = bool(near.all())
        if _has_nan(ratio):
            ratio = np.where(error == 0.0, 0.0, ratio)
        if not holds or expected.is_polluted or _has_nan(ratio):
            polluted = np.broadcast_to(expected.polluted, error.shape)
            near, ratio = _with_exceptions(leading(numbers), expected, polluted, near, ratio)
            holds = bool(near.all())
    resolution = expected.resolution
    found = what, holds, aspect, resolution == math.inf, resolution
    return _worst(found, shape, channels, ratio, (leading(numbers), leading(expected.value), error, expected.bound))


def _has_nan(ratio: Array) -> bool:
    return math.isnan(np.maximum.reduce(ratio, axis=None, initial=0.0))


def _with_exceptions(
    numbers: Array, expected: Bounded, polluted: npt.NDArray[np.bool_], near: npt.NDArray[np.bool_], ratio: Array
) -> tuple[npt.NDArray[np.bool_], Array]:
    """The verdict on each element, and its ratio, where some are polluted, free, or out of their bound."""
    free = ~polluted & ~np.isfinite(expected.bound)
    holds = np.where(polluted, ~np.isfinite(numbers), free | near)
    ratio = np.where(free | (polluted & holds), 0.0, np.where(holds, ratio, np.where(np.isnan(ratio), np.inf, ratio)))
    return holds, np.where(holds, ratio, np.maximum(ratio, np.nextafter(1.0, 2.0)))


def same_bits(
    what: str,
    actual: Array | Unseen | None,
    expected: Array | Unseen | None,
    aspect: Aspect = Aspect.VALUE,
    *,
    channels: Chosen = None,
) -> Comparison:
    """Equal bit for bit, the sign of a zero and the payload of a NaN aside.

    Args:
        what: the quantity's name.
        actual, expected: arrays of one shape and dtype; where both are None there is nothing to compare.
        aspect: what about the quantity is compared.
        channels: the numbers of those that are compared, where they are not all there are.
    """
    for side in (actual, expected):
        if isinstance(side, Unseen):
            return unseen(what, side, aspect)
    if actual is None and expected is None:
        return Comparison(what, True, aspect, vacuous=True)
    if actual is None or expected is None:
        return fact(False, Fact(Kind.ONE_SIDED, what), aspect)
    assert isinstance(actual, np.ndarray)
    assert isinstance(expected, np.ndarray)
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        forms = [(array.shape, array.dtype.name) for array in (actual, expected)]
        return fact(False, Fact(Kind.FORM, what, *forms), aspect)
    if actual.tobytes() == expected.tobytes():
        return Comparison(what, True, aspect, ratio=0.0)
    wide, reference = to_matrix(actual).astype(np.float64), to_matrix(expected).astype(np.float64)
    equal = (wide == reference) | (np.isnan(wide) & np.isnan(reference))
    with np.errstate(all="ignore"):
        error = np.where(equal, 0.0, np.abs(wide - reference))
    ratio = np.where(equal, 0.0, np.inf)
    found = what, bool(equal.all()), aspect, False, None
    return _worst(found, actual.shape, channels, ratio, (wide, reference, error, np.zeros_like(error)))


def fact(holds: bool, said: Fact, aspect: Aspect = Aspect.VALUE) -> Comparison:
    """Something that is so or not: a dtype, a count; ``said`` is what is wrong where it does not hold."""
    return Comparison(said.what, holds, aspect, fact=None if holds else said)


def presence(what: str, there: bool, wanted: bool, aspect: Aspect = Aspect.VALUE) -> Comparison:
    """Whether there is something exactly where there is to be; nothing where nothing is wanted shows nothing."""
    if there == wanted:
        return Comparison(what, True, aspect, vacuous=not wanted)
    return fact(False, Fact(Kind.ABSENT if wanted else Kind.UNWANTED, what), aspect)


def unseen(what: str, instead: Unseen, aspect: Aspect = Aspect.VALUE) -> Comparison:
    """The comparison with something that could not be had: not asked, or failed by what came in its place."""
    if isinstance(instead, Wrong):
        return Comparison(what, False, aspect, fact=instead.fact)
    return Comparison(what, True, aspect, unasked=instead.reason if isinstance(instead, Missing) else "it was not seen")


def all_of(*comparisons: Comparison) -> Comparison:
    """The comparison that fails worst, or the one that comes nearest to its bound; what could not be asked is left out."""
    failed = [c for c in comparisons if not c.holds]
    telling = failed or [c for c in comparisons if c.says_something] or [c for c in comparisons if c.unasked] or comparisons
    worst = max(telling, key=lambda c: -1.0 if c.ratio is None else c.ratio)
    measured = [c for c in comparisons if c.ratio is not None]
    powerless = bool(measured) and all(c.powerless for c in measured)
    resolutions = [c.resolution for c in measured if c.resolution is not None]
    resolution = min(resolutions, default=None)
    same = worst.powerless == powerless and worst.resolution == resolution
    return worst if same else replace(worst, powerless=powerless, resolution=resolution)


Found = tuple[str, bool, Aspect, bool, float | None]  # what, holds, aspect, powerless, resolution


def _worst(
    found: Found, shape: tuple[int, ...], channels: Chosen, ratio: Array, numbers: tuple[Array, Array, Array, Array]
) -> Comparison:
    """The comparison with its worst element: where it stands, and its ``numbers``, actual, expected, error and bound."""
    what, holds, aspect, powerless, resolution = found
    if ratio.size == 0:
        return Comparison(what, holds, aspect, 0.0, powerless, resolution)
    at: tuple[int, ...] = (int(ratio.argmax()),)
    if ratio.ndim == 2:
        at = divmod(at[0], ratio.shape[1])

    def place(here: tuple[int, ...]) -> tuple[int, ...]:
        here = here if channels is None else (*here[:-1], int(channels[here[-1]]))
        return place_in_batch(*here, shape) if len(here) == 2 else here

    actual, expected, error, bound = (float(array[at]) for array in numbers)
    elements = None if holds else elements_of(ratio, numbers, place)
    worst, where = float(ratio[at]), place(at)
    return Comparison(what, holds, aspect, worst, powerless, resolution, where, actual, expected, error, bound, elements)
