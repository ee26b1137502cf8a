"""What the oracle says of a step does not depend on what it was asked before."""

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.arithmetic.running_error import leading
from bn_reference.cases.case import Array, Case
from bn_reference.cases.strategies import cases
from bn_reference.oracle.bounded import Bounded
from bn_reference.oracle.step import ExpectedStep, expect_inference, expect_training

PARTS = ("y", "grad_x", "grad_weight", "grad_bias")
CASES = st.sampled_from(PAIRS).flatmap(cases)


def numbers(bounded: Bounded) -> list[Array]:
    return [leading(bounded.value), bounded.bound, bounded.polluted]


def equal(one: ExpectedStep, other: ExpectedStep, parts: tuple[str, ...] = PARTS) -> bool:
    arrays = [pair for part in parts for pair in zip(numbers(getattr(one, part)), numbers(getattr(other, part)), strict=True)]
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in arrays)


def anew(case: Case) -> ExpectedStep:
    """Of a case that the oracle has not met."""
    return expect_training(case.but())


@given(CASES, st.sampled_from(list(permutations(PARTS))))
def test_the_order_of_the_questions_changes_no_answer(case: Case, order: tuple[str, ...]) -> None:
    assert equal(anew(case), anew(case), order)


@given(CASES, st.booleans(), st.booleans())
def test_another_upstream_gradient_gives_what_its_own_case_would(case: Case, training: bool, asked_before: bool) -> None:
    expect = expect_training if training else expect_inference
    other = case.but(grad_y=-case.grad_y[::-1])
    step = expect(case)
    before = step.grad_x if asked_before else None

    assert equal(step.going_back_from(other.grad_y), expect(other))
    assert before is None or step.grad_x is before
