"""What the oracle says of a step does not depend on what it was asked before."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.arithmetic.running_error import leading
from bn_reference.cases.case import Array, Case
from bn_reference.cases.strategies import cases
from bn_reference.oracle.bounded import Bounded
from bn_reference.oracle.keeping import forget
from bn_reference.oracle.statistics import statistics
from bn_reference.oracle.step import ExpectedStep, expect_inference, expect_training

PARTS = ("y", "grad_x", "grad_weight", "grad_bias")
CASES = st.sampled_from(PAIRS).flatmap(cases)
_BATCH = np.arange(12, dtype=np.float32).reshape(4, 3)
CASE = Case(
    PAIRS[0],
    _BATCH,
    _BATCH[::-1],
    np.ones(3, np.float32),
    np.zeros(3, np.float32),
    np.zeros(3, np.float32),
    np.ones(3, np.float32),
)


def numbers(bounded: Bounded) -> list[Array]:
    return [leading(bounded.value), bounded.bound, bounded.polluted]


def equal(one: ExpectedStep, other: ExpectedStep, parts: tuple[str, ...] = PARTS) -> bool:
    arrays = [pair for part in parts for pair in zip(numbers(getattr(one, part)), numbers(getattr(other, part)), strict=True)]
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in arrays)


def anew(case: Case) -> ExpectedStep:
    """As if the oracle had not met the case."""
    forget()
    return expect_training(case)


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


def test_how_a_case_lies_and_what_its_layer_went_through_is_not_asked_again() -> None:
    case = CASE.but(circumstances=("train",))
    assert expect_training(case) is expect_training(case.fresh.but(layout="sliced"))


@pytest.mark.parametrize(
    "other", [{"eps": 0.5}, {"momentum": 0.5}, {"batches": 5}, {"grad_y": -CASE.grad_y}, {"weight": None, "bias": None}]
)
def test_a_case_that_differs_in_what_a_step_is_computed_of_is_another(other: dict[str, Any]) -> None:
    assert expect_training(CASE) is not expect_training(CASE.but(**other))
    assert statistics(CASE) is statistics(CASE.but(**other))  # of the same batch


def test_equal_arrays_are_not_one_array() -> None:
    assert statistics(CASE) is not statistics(CASE.but(x=CASE.x.copy()))
    assert statistics(CASE) is not statistics(CASE.under(working="float16"))
