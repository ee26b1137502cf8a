"""Evidence: what one array that was seen says of a hypothesis, against the truth."""

from __future__ import annotations

from enum import Enum, auto

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.double_double import DoubleDouble
from bn_reference.arithmetic.precision import Format
from bn_reference.arithmetic.running_error import Carrier, magnitude
from bn_reference.cases.case import Array
from bn_reference.cases.layouts import to_matrix
from bn_reference.oracle.bounded import Bounded

__all__ = ["Verdict", "has_digits_of", "holds", "may_be_cut_off", "usable", "weigh", "weigh_inexact"]

Mask = npt.NDArray[np.bool_]


class Verdict(Enum):
    """What a case says of a rival: that it is so and the truth is not; nothing; that it is not so."""

    SUPPORTS = auto()
    SILENT = auto()
    CONTRADICTS = auto()


def carried(seen: Array, expected: Bounded) -> Carrier:
    """An array as it came, (m, C) or (C,), in the carrier of what is expected."""
    matrix = to_matrix(seen).astype(np.float64)
    return DoubleDouble(matrix) if isinstance(expected.value, DoubleDouble) else matrix


def usable(expected: Bounded) -> Mask:
    """Where something is expected: a finite number within a finite bound, that no NaN of the input reaches."""
    result: Mask = np.isfinite(expected.bound) & np.isfinite(magnitude(expected.value)) & ~expected.polluted
    return result


def near(seen: Array, expected: Bounded) -> Mask:
    """Where an array is within the bound; never where it is NaN."""
    result: Mask = magnitude(carried(seen, expected) - expected.value) <= expected.bound
    return result


def holds(seen: Array, expected: Bounded) -> bool:
    """Whether it is within the bound wherever something is expected."""
    return bool((near(seen, expected) | ~usable(expected)).all())


def excluded(right: Bounded, wrong: Bounded) -> Mask:
    """Where no array can be within both bounds."""
    apart = magnitude(wrong.value - right.value) > right.bound + wrong.bound
    result: Mask = apart & usable(right) & usable(wrong)
    return result


def weigh(seen: Array, right: Bounded, wrong: Bounded) -> Verdict:
    """An element outside the rival's bound contradicts it; one inside, where the truth is excluded, supports it.

    Where the rival divides zero by zero it has no number to be near to, and nothing is said: a NaN may come from anywhere.
    """
    if _contradicted(seen, right, wrong):
        return Verdict.CONTRADICTS
    return Verdict.SUPPORTS if excluded(right, wrong).any() else Verdict.SILENT


def weigh_inexact(seen: Array, right: Bounded, wider: Bounded) -> Verdict:
    """An element that breaks the truth's bound and keeps the rival's, if that is smaller than the number, supports it."""
    if _contradicted(seen, right, wider):
        return Verdict.CONTRADICTS
    broken = usable(right) & usable(wider) & ~near(seen, right) & (wider.bound < magnitude(right.value))
    return Verdict.SUPPORTS if broken.any() else Verdict.SILENT


def may_be_cut_off(seen: Array, right: Bounded, form: Format) -> bool:
    """Whether nothing is further off than a number that is cut off to a format, whose bound has the rounding to it already."""
    size = magnitude(right.value)
    off = magnitude(carried(seen, right) - right.value)
    return bool((~usable(right) | (off <= right.bound + form.unit_roundoff * size + form.underflow)).all())


def has_digits_of(seen: Array, dtype: npt.DTypeLike) -> bool:
    """Whether no number has more digits than a format has."""
    wide = seen.astype(np.float64)
    return bool(np.array_equal(wide, seen.astype(dtype).astype(np.float64), equal_nan=True))


def _contradicted(seen: Array, right: Bounded, wrong: Bounded) -> bool:
    return not (near(seen, wrong) | ~usable(wrong) | right.polluted).all()
