"""What a comparison that fails keeps of each element, for whoever draws it."""

import math

import numpy as np
import pytest

from bn_reference.oracle.bounded import Bounded
from bn_reference.oracle.compare import Comparison, same_bits, within
from bn_reference.oracle.elements import MOST, Element, Elements


def compared(actual: np.ndarray, expected: np.ndarray, *polluted: int, bound: float = 0.5, **options: np.ndarray) -> Comparison:
    """``expected`` is (m, C); elements of its first column are polluted."""
    reached = np.zeros(expected.shape, bool)
    reached[list(polluted), 0] = True
    return within("y", actual, Bounded(expected, np.full(expected.shape, bound), reached), **options)


def kept(comparison: Comparison) -> Elements:
    assert not comparison.holds
    assert comparison.elements is not None
    return comparison.elements


def test_each_element_stands_in_the_axes_of_the_layer_with_its_own_verdict() -> None:
    batch = np.array([[[1.0, 2.0], [3.0, 4.0]]])  # (1, 2, 2): the matrix has the rows 1, 3 and 2, 4
    elements = kept(compared(batch, np.array([[1.0, 3.25], [2.75, 4.0]])))

    assert (elements.compared, elements.broken) == (4, 1)
    assert elements.shown == (
        Element((0, 0, 0), 1.0, 1.0, 0.0, 0.5, True),
        Element((0, 0, 1), 2.0, 2.75, 0.75, 0.5, False),
        Element((0, 1, 0), 3.0, 3.25, 0.25, 0.5, True),
        Element((0, 1, 1), 4.0, 4.0, 0.0, 0.5, True),
    )


def test_of_many_the_worst_are_kept_in_the_order_in_which_they_stand() -> None:
    actual = np.zeros((1000, 1))
    actual[::5, 0] = np.arange(200)[::-1]
    elements = kept(compared(actual, np.zeros((1000, 1))))

    assert (elements.compared, elements.broken) == (1000, 199)
    assert [each.index for each in elements.shown] == [(5 * at, 0) for at in range(MOST)]


def test_the_worst_element_is_among_them() -> None:
    numbers = np.random.default_rng(0).normal(size=(50, 7))
    comparison = compared(numbers, np.zeros(numbers.shape))
    worst = max(kept(comparison).shown, key=lambda each: each.error / each.bound)

    assert (worst.index, worst.actual, worst.error) == (comparison.index, comparison.actual, comparison.error)


def test_a_nan_that_had_to_be_one_holds_and_one_that_had_not_is_broken() -> None:
    actual = np.array([[math.nan], [math.nan]])
    elements = kept(compared(actual, np.array([[math.nan], [1.0]]), 0))

    assert [each.holds for each in elements.shown] == [True, False]


def test_some_channels_have_their_own_numbers() -> None:
    elements = kept(compared(np.ones((1, 2)), np.zeros((1, 2)), channels=np.array([3, 8])))

    assert [each.index for each in elements.shown] == [(0, 3), (0, 8)]


def test_bits_are_kept_too() -> None:
    elements = kept(same_bits("y", np.array([[1.0, 2.0]]), np.array([[1.0, 2.5]])))

    assert elements.shown[1] == Element((0, 1), 2.0, 2.5, 0.5, 0.0, False)


@pytest.mark.parametrize("actual", [np.zeros((2, 1)), np.zeros((3, 3))], ids=["it holds", "the shape is another"])
def test_there_are_none_where_it_holds_and_where_nothing_is_measured(actual: np.ndarray) -> None:
    assert compared(actual, np.zeros((2, 1))).elements is None
