"""The computed bounds hold for every honest computation, and are not idle: operation by operation, and for whole steps."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_reference.arithmetic.precision import DTYPES, FORMATS
from bn_reference.arithmetic.running_error import Rounding, RunningError
from bn_reference.oracle.bounded import bounded
from bn_reference.oracle.compare import within

FLOAT32 = Rounding.working_in(FORMATS["float32"], FORMATS["float32"], FORMATS["float64"])
LARGEST = FORMATS["float32"].largest


@pytest.fixture(autouse=True, scope="module")
def no_warnings() -> Iterator[None]:
    """As in the oracle: an overflow is answered by an infinite error, not by a warning."""
    with np.errstate(all="ignore"):
        yield


Approximation = tuple[np.float32, RunningError]


@st.composite
def approximations(draw: Any, least: float = -LARGEST, largest: float = LARGEST) -> Approximation:
    """A float32 number that a computation has, and the true one with the error between them; shrinks to an exact 0.

    The errors go up to the number itself, and are rounded up.
    """
    computed = draw(st.floats(least, largest, width=32))
    value = computed * (1.0 + draw(st.floats(-1.0, 1.0) | st.just(-1.0)) * 2.0 ** -draw(st.sampled_from([0, 0, 10, 20, 60])))
    gap = abs(Fraction(value) - Fraction(computed))
    error = np.nextafter(float(gap), np.inf) if gap else 0.0
    return np.float32(computed), RunningError(np.float64(value), error, FLOAT32)


def assert_covered(computed: Any, bound: RunningError, truth: Fraction) -> None:
    """|computed - truth| <= error in rationals; an infinite or NaN ``computed`` under a finite error raises, and so fails."""
    if not np.isposinf(bound.error):
        assert abs(Fraction(float(computed)) - truth) <= Fraction(float(bound.error))


@pytest.mark.parametrize("act", [operator.add, operator.sub, operator.mul, operator.truediv])
@given(approximations(), approximations())
def test_each_operation_stays_within_its_bound(
    act: Callable[[Any, Any], Any], one: Approximation, other: Approximation
) -> None:
    (a, true_a), (b, true_b) = one, other
    if act is operator.truediv and true_b.value == 0:
        b, true_b = np.float32(1), RunningError.exactly(np.float64(1), FLOAT32)
    computed, bound = act(a, b), act(true_a, true_b)
    assert_covered(computed, bound, act(Fraction(float(true_a.value)), Fraction(float(true_b.value))))


@given(approximations(), st.integers(1, 1000))
def test_an_integer_operand_is_exact(one: Approximation, n: int) -> None:
    computed, true = one
    truth = Fraction(float(true.value))
    assert_covered(np.float32(n) * computed, n * true, n * truth)
    assert_covered(computed / np.float32(n), true / n, truth / n)
    assert_covered(np.float32(n) - computed, n - true, n - truth)


@given(approximations(least=0.0))
def test_a_root_stays_within_its_bound(one: Approximation) -> None:
    """|r - sqrt(v)| <= e says max(r - e, 0)^2 <= v <= (r + e)^2, in rationals."""
    computed, true = one
    root, bound = float(np.sqrt(computed)), float(np.sqrt(true).error)
    assert math.isinf(bound) or within_rationals(Fraction(root), Fraction(bound), Fraction(float(true.value)))


def within_rationals(root: Fraction, bound: Fraction, square: Fraction) -> bool:
    return max(root - bound, Fraction(0)) ** 2 <= square <= (root + bound) ** 2


# nine terms of at most twice these never overflow, in whatever order
@given(st.lists(approximations(-LARGEST / 32, LARGEST / 32), min_size=1, max_size=9), st.booleans())
def test_a_recursive_sum_from_either_end_stays_within_its_bound(terms: list[Approximation], backwards: bool) -> None:
    computed = np.array([number for number, _ in terms], np.float32)[:: -1 if backwards else 1]
    values = np.array([true.value for _, true in terms])
    bound = RunningError(values, np.array([true.error for _, true in terms]), FLOAT32).sum(axis=0)
    assert_covered(np.add.accumulate(computed)[-1], bound, sum(map(Fraction, values.tolist()), Fraction(0)))


@given(approximations(), st.sampled_from(["float16", "bfloat16", "float32"]))
def test_storing_adds_the_rounding_of_the_store(one: Approximation, name: str) -> None:
    computed, true = one
    assert_covered(computed.astype(DTYPES[name]), true.stored(FORMATS[name]), Fraction(float(true.value)))


@pytest.mark.parametrize("act", [operator.add, operator.mul])
def test_where_a_computation_may_overflow_the_error_is_infinite(act: Callable[[Any, Any], Any]) -> None:
    large = RunningError.exactly(np.float64(LARGEST), FLOAT32)
    assert np.isposinf(act(large, large).error)
    assert np.isposinf(act(large, 0 * act(large, large)).error)  # and stays so, though the value is back in range


def test_where_a_partial_sum_may_overflow_the_error_is_infinite() -> None:
    assert np.isposinf(RunningError.exactly(np.array([3e38, 3e38, -3e38]), FLOAT32).sum(axis=0).error)


def test_where_a_store_may_overflow_the_error_is_infinite() -> None:
    assert np.isposinf(RunningError.exactly(np.float64(1e5), FLOAT32).stored(FORMATS["float16"]).error)


def test_where_a_divisor_may_be_zero_the_error_is_infinite() -> None:
    assert np.isposinf((RunningError.exactly(np.float64(1), FLOAT32) / RunningError(np.float64(1), 1.0, FLOAT32)).error)


def deviation_of_zero_variance(error_in_eps: float, floor: float | None) -> tuple[RunningError, RunningError, float]:
    eps = 1e-5
    var = RunningError(np.float64(0), error_in_eps * eps, FLOAT32, floor)
    total = var + RunningError.rounded(np.float64(eps), FLOAT32)
    return total, np.sqrt(total), eps


@pytest.mark.parametrize("error_in_eps", [0.5, 2.0, 1e6])
def test_a_variance_that_is_never_negative_keeps_the_root_away_from_zero(error_in_eps: float) -> None:
    """The floor is eps less its own rounding and the two of the addition: eps (1 - 3 u)."""
    total, root, eps = deviation_of_zero_variance(error_in_eps, 0.0)
    assert eps * (1 - 3 * FLOAT32.unit_roundoff) <= total.floor <= eps  # type: ignore[operator]
    _, without, _ = deviation_of_zero_variance(error_in_eps, None)
    assert root.error <= without.error


def test_the_floor_narrows_the_bound_where_the_variance_is_near_eps() -> None:
    """Down to eps / 2 the root falls by (1 - sqrt(1/2)) sqrt(eps), up to 3/2 eps it rises by less: the floor takes the fall."""
    assert deviation_of_zero_variance(0.5, 0.0)[1].error < deviation_of_zero_variance(0.5, None)[1].error


@pytest.mark.parametrize("error_in_eps", [0.5, 2.0, 1e6])
def test_the_root_of_a_variance_at_the_upper_end_of_its_error_is_within_the_bound(error_in_eps: float) -> None:
    """The variance is truly 0 and was computed as its whole error: with a floor only the rise of the root covers that."""
    _, root, eps = deviation_of_zero_variance(error_in_eps, 0.0)
    computed = np.sqrt(np.float32(error_in_eps * eps) + np.float32(eps))
    assert abs(float(computed) - math.sqrt(eps)) <= root.error


def test_an_even_power_has_a_floor_and_a_sum_and_a_mean_of_such_keep_it() -> None:
    x = RunningError.exactly(np.array([1.0, -2.0]), FLOAT32)
    assert (x**2).floor == (x**2).sum(axis=0).floor == ((x**2).sum(axis=0) / 2).floor == 0.0
    assert x.floor is (x**3).floor is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_never_passes(bad: float) -> None:
    y = np.array([bad, 0.0])
    expected = bounded(RunningError(np.zeros(2), np.ones(2), FLOAT32), np.zeros(2, bool))
    assert not within("y", y, expected).holds


def test_an_error_that_is_not_a_number_bounds_nothing() -> None:
    unknown = bounded(RunningError(np.zeros(1), np.array([math.nan]), FLOAT32), np.zeros(1, bool))
    assert np.isposinf(unknown.bound).all()


def test_an_operand_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError):
        np.ones(2) * RunningError.exactly(np.ones(2), FLOAT32)
