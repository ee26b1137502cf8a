"""The one place where floats are compared: what passes, what does not, and what is said of it."""

import math

import numpy as np
import pytest

from bn_reference.cases.facts import Fact, Kind
from bn_reference.oracle.bounded import Bounded
from bn_reference.oracle.compare import all_of, fact, same_bits, within
from bn_reference.reports.sentences import say


def expected(value: list[list[float]], bound: float, polluted: bool = False) -> Bounded:
    array = np.array(value)
    return Bounded(array, np.full(array.shape, bound), np.full(array.shape, polluted))


def test_an_error_equal_to_the_bound_holds_and_has_ratio_one() -> None:
    comparison = within("y", np.array([[1.5]]), expected([[1.0]], 0.5))

    assert (comparison.holds, comparison.ratio) == (True, 1.0)


def test_an_error_above_the_bound_does_not_hold() -> None:
    assert not within("y", np.array([[1.75]]), expected([[1.0]], 0.5)).holds


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_nothing_that_is_not_finite_passes_for_a_finite_value(wrong: float) -> None:
    assert not within("y", np.array([[wrong]]), expected([[1.0]], 0.5)).holds


def test_where_the_bound_is_infinite_anything_passes_and_has_no_power() -> None:
    comparison = within("y", np.array([[math.nan]]), expected([[1.0]], math.inf))

    assert comparison.holds
    assert comparison.powerless


def test_where_the_input_was_not_finite_a_finite_output_fails() -> None:
    polluted = expected([[math.nan]], math.inf, polluted=True)

    assert within("y", np.array([[math.inf]]), polluted).holds
    assert not within("y", np.array([[0.0]]), polluted).holds


def test_a_bound_as_large_as_the_value_has_no_power() -> None:
    assert within("y", np.array([[1.0]]), expected([[1.0]], 1.0)).powerless
    assert not within("y", np.array([[1.0]]), expected([[1.0]], 0.5)).powerless


def test_a_wrong_shape_is_told_before_any_number() -> None:
    comparison = within("y", np.zeros((1, 3, 1, 3)), expected([[1.0, 2.0, 3.0]], 0.5))

    assert not comparison.holds
    assert say(comparison) == "y has shape (1, 3, 1, 3) and must have (1, 3)"


def test_nothing_at_all_is_told_as_such() -> None:
    assert say(within("grad_x", None, expected([[1.0]], 0.5))) == "there is no grad_x"


def test_the_worst_element_is_told_in_the_axes_of_the_layer() -> None:
    actual = np.zeros((2, 2, 2))
    actual[1, 0, 1] = 3.0

    comparison = within("y", actual, expected([[0.0, 0.0]] * 4, 0.5))

    assert say(comparison) == "y[1, 0, 1] is 3.0, expected 0.0 within 0.5; the error is 3, 6 times the bound"


def test_bits_are_the_same_whatever_the_sign_of_a_zero_and_the_payload_of_a_nan() -> None:
    assert same_bits("y", np.array([0.0, math.nan]), np.array([-0.0, math.nan])).holds


def test_one_bit_in_the_last_place_is_seen() -> None:
    one = np.array([1.0], np.float32)

    comparison = same_bits("y", np.nextafter(one, np.float32(2)), one)

    assert say(comparison) == "y[0] is 1.0000001192092896 and must be 1.0, bit for bit"


def test_another_dtype_is_not_the_same_bits() -> None:
    assert not same_bits("y", np.ones(1, np.float32), np.ones(1)).holds


def test_of_several_comparisons_the_one_that_fails_is_told() -> None:
    good, bad = within("y", np.array([[1.5]]), expected([[1.0]], 0.5)), fact(False, Fact(Kind.DEVICE, "y", "cpu", "cuda"))

    assert say(all_of(good, bad)) == "y lies on cpu, the input on cuda"
    assert not all_of(good, bad).holds


def test_several_comparisons_have_power_where_one_of_them_has() -> None:
    weak, strong = within("a", np.ones((1, 1)), expected([[1.0]], 1.0)), within("b", np.ones((1, 1)), expected([[1.0]], 0.5))

    assert not all_of(weak, strong).powerless
    assert all_of(weak, weak).powerless
