"""Rivals whose one number is read off what was seen: a constant factor, a constant term.

A number is taken only where a short decimal fits. That it is the same in every element of every other case is then for the
diagnosis to find, as of any rival.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bn_reference.arithmetic.precision import format_of
from bn_reference.arithmetic.running_error import RunningError, leading, magnitude
from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import to_matrix
from bn_reference.oracle.bounded import Bounded, bounded, channelwise, constant
from bn_reference.verification.evidence import usable
from bn_reference.verification.rivals.hypothesis import Rival, truth

__all__ = ["fitted", "zero"]

MOST_DIGITS = 3  # of a number that somebody wrote
WORDS = {
    "y": "the output",
    "running_mean": "the running mean",
    "running_var": "the running variance",
    "grad_x": "the gradient of x",
    "grad_weight": "the gradient of weight",
    "grad_bias": "the gradient of bias",
}


def fitted(seen: Array, right: Bounded, quantity: str) -> Iterator[Rival]:
    """A factor and a term that turn the truth into what was seen, as far as one element says."""
    numbers, values = to_matrix(seen).astype(np.float64), leading(right.value)
    known = usable(right) & np.isfinite(numbers)
    if not known.any():
        return
    kept = format_of(seen.dtype).unit_roundoff  # once more rounded, after the factor or with the term
    at = np.argmax(np.where(known, magnitude(right.value) / right.bound, -1.0))
    number, value, bound = (array.flat[at] for array in (numbers, values, right.bound))
    factor = _shortest(number / value, 2.0 * (bound * max(abs(number / value), 1.0) + kept * abs(number)) / abs(value))
    if factor is not None and factor not in (0.0, 1.0):
        yield _factor(quantity, factor)
    at = np.argmin(np.where(known, right.bound, np.inf))
    number, value, bound = (array.flat[at] for array in (numbers, values, right.bound))
    term = _shortest(number - value, 2.0 * (bound + kept * abs(number)))
    if term:
        yield _term(quantity, term)


def _shortest(number: float, within: float) -> float | None:
    """The decimal of fewest digits, if they are few, within a distance of the number."""
    for digits in range(1, MOST_DIGITS + 1) if np.isfinite(number) else ():
        short = float(f"{number:.{digits}g}")
        if abs(short - number) <= within:
            return short
    return None


def _factor(quantity: str, factor: float) -> Rival:
    def expect(case: Case, training: bool, what: str) -> Bounded | None:
        right = truth(case, training, what)
        if right is None or what != quantity:
            return right
        return _stored(case, what, _number(case, right) * constant(case.precision, factor), right)

    return Rival("constant_factor", f"{WORDS[quantity]} is {factor:g} times what it should be", expect)


def _term(quantity: str, term: float) -> Rival:
    def expect(case: Case, training: bool, what: str) -> Bounded | None:
        right = truth(case, training, what)
        if right is None or what != quantity:
            return right
        return _stored(case, what, _number(case, right) + constant(case.precision, term), right)

    side = "more" if term > 0 else "less"
    return Rival("constant_term", f"{WORDS[quantity]} is {abs(term):g} {side} than it should be, in every element", expect)


def zero(quantity: str, *, mute: bool) -> Rival:
    """Zeros are what freed memory often holds, and what many slips give in part: what else they are is then not said."""

    def expect(case: Case, training: bool, what: str) -> Bounded | None:
        right = truth(case, training, what)
        if right is None or what != quantity:
            return right
        return Bounded(right.value - right.value, np.zeros_like(right.bound), right.polluted)

    return Rival("zero", f"{WORDS[quantity]} is zero", expect, mute=mute)


def _number(case: Case, right: Bounded) -> RunningError:
    """The truth, to be computed with in the format that has fewest digits of those that an honest layer may use."""
    return channelwise(case.precision, RunningError(right.value, right.bound, constant(case.precision, 1.0).rounding))


def _stored(case: Case, what: str, number: RunningError, right: Bounded) -> Bounded:
    dtype = case.pair.input_dtype if what in ("y", "grad_x") else case.pair.parameter_dtype
    return bounded(number.stored(format_of(dtype)), right.polluted)
