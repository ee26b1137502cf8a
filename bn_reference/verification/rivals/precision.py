"""Rivals that give the truth, but less exactly: a less stable variance, and formats of fewer digits than there should be.

By its value such a rival excludes nothing, so more is asked of it: what was seen breaks the truth's bound and keeps the
rival's, which is smaller than the number itself; the implementation is right on *controls*, where the rival's weakness does
not show; and where numbers are said to be kept in a format, they all have its few digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.conventions import ONE_PASS
from bn_reference.oracle.bounded import Bounded
from bn_reference.oracle.step import expect_inference, expect_training
from bn_reference.verification.generic import far_from_zero, generic_cases
from bn_reference.verification.rivals.hypothesis import Rival, expected, truth

__all__ = ["OF_THE_PRECISION", "Inexact"]

HALVES = ("float16", "bfloat16")


@dataclass(frozen=True, eq=False)
class Inexact(Rival):
    """The truth within a wider bound.

    Attributes:
        concerns: whether it may be so of a quantity in a pair of dtypes.
        controls: cases in which the implementation must be right.
        digits: the name of the format whose digits all numbers have, if the rival says so.
        beyond_cutting_off: whether some number of the input's format has to be further off than one that was computed exactly
            and cut off, not rounded, to that format: which needs no half inside.
    """

    concerns: Callable[[Pair, str], bool] = lambda pair, what: True
    controls: Callable[[Case], tuple[Case, ...]] = generic_cases
    digits: Callable[[Pair], str] | None = None
    beyond_cutting_off: bool = False


# the variance as E[x^2] - E[x]^2


def _by_one_pass(case: Case, training: bool, what: str) -> Bounded | None:
    return expected(expect_training(case, ONE_PASS) if training else expect_inference(case, ONE_PASS), what)


# everything in fewer digits


def _everything_in(name: Callable[[Pair], str]) -> Callable[[Case, bool, str], Bounded | None]:
    """The truth under the precision model of a computation that does everything in one format, sums too."""

    def expect(case: Case, training: bool, what: str) -> Bounded | None:
        return truth(case.under(working=name(case.pair), narrow_totals=True), training, what)

    return expect


def _in_float32(case: Case) -> tuple[Case, ...]:
    """Generic cases of float32, where neither half formats nor a float32 that should be float64 do any harm."""
    return generic_cases(case.converted(Pair("float32", "float32")))


def _of_the_input(pair: Pair) -> str:
    return pair.input


OF_THE_PRECISION: tuple[Inexact, ...] = (
    Inexact(
        "one_pass_variance",
        "the variance is computed as E[x^2] - E[x]^2, which cancels where the mean is large against the deviation",
        _by_one_pass,
        concerns=lambda pair, what: pair.input not in HALVES and what in ("y", "running_var"),
        shows=lambda case: (far_from_zero(case),),
    ),
    Inexact(
        "kept_in_half_precision",
        "what belongs into the parameters' format is summed or kept in the half format of the input",
        _everything_in(_of_the_input),
        concerns=lambda pair, what: pair.input in HALVES and pair.parameters != pair.input and what not in ("y", "grad_x"),
        controls=_in_float32,
        digits=_of_the_input,
    ),
    Inexact(
        "computed_in_float32",
        "what belongs into float64 is computed or kept in float32",
        _everything_in(lambda pair: "float32"),
        concerns=lambda pair, what: pair.input == "float64",
        controls=_in_float32,
        digits=lambda pair: "float32",
    ),
    Inexact(
        "rounded_to_half_precision",
        "a number that belongs into more digits is rounded to the half format of the input; float32 shows no such error",
        _everything_in(_of_the_input),
        concerns=lambda pair, what: pair.input in HALVES,
        controls=_in_float32,
        beyond_cutting_off=True,
    ),
)
