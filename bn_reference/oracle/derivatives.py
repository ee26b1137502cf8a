"""The oracle of derivatives beyond the first backward pass: forward-mode derivatives, and derivatives of gradients.

Both are along a direction (u, v, w) of x, weight and bias. An honest implementation may make their products in any order, and
keep any of their factors: what that loses to underflow, and where it overflows, is part of the bound.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference import specification as spec
from bn_reference.arithmetic.running_error import RunningError
from bn_reference.cases.case import Case
from bn_reference.cases.directions import Direction, direction_of
from bn_reference.cases.layouts import to_matrix
from bn_reference.oracle.bounded import Bounded, bounded, finite, lift
from bn_reference.oracle.keeping import kept_by_case, of_a_step
from bn_reference.oracle.running import Statistics
from bn_reference.oracle.statistics import statistics
from bn_reference.oracle.step import ExpectedStep

__all__ = ["ExpectedDerivatives", "expect_derivatives_of_inference", "expect_derivatives_of_training"]

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]


class ExpectedDerivatives(ExpectedStep):
    """What the derivatives of a step along a direction are expected to be.

    ``tangent_y`` is the forward-mode derivative of y. ``second_grad_x, second_grad_grad_y: (m, C)`` and
    ``second_grad_weight: (C,)`` are the gradients of ``<grad_x, u> + <grad_weight, v> + <grad_bias, w>``.
    """

    def __init__(self, case: Case, rules: Any, batch: Statistics | None, training: bool, along: Direction) -> None:
        super().__init__(case, rules, batch, training)
        with np.errstate(all="ignore"):
            self._along_values = to_matrix(along.x.view())
            products = _Products(self._x - self._mean, case.grad_y, self._along_values, self._inverse, self._gamma.size)
            self._overflows = products.largest > self._x.rounding.largest
            rounding = self._x.rounding.before_factor(products.all_of_them)
            numbers = (lift(case.precision, each) for each in self._values_of(along))
            self._along = spec.Gradients(*(number.computed_in(rounding) for number in numbers))
            dy = lift(case.precision, to_matrix(case.grad_y))
            given = (dy, self._x, self._mean, self._sigma, self._gamma)
            self._symbols = [number.computed_in(rounding) for number in given]

    def _values_of(self, along: Direction) -> tuple[Any, Any, Any]:
        zeros = np.zeros(self._case.channels)
        weight, bias = (zeros if vector is None else vector for vector in (along.weight, along.bias))
        return self._along_values, weight, bias

    def _stored(self, number: RunningError, reached: npt.NDArray[np.bool_], factor: Float | float = 1.0) -> Bounded:
        kept = self._kept if number.value.shape == self._gamma.value.shape else self._inputs
        return bounded(number.unbounded_where(self._overflows | ~np.isfinite(self._inverse)).stored(kept, factor), reached)

    @cached_property
    def tangent_y(self) -> Bounded:
        tangent = self._rules.inference_tangent if self._batch is None else self._rules.training_tangent
        with np.errstate(all="ignore"):
            # the derivative by dy of what goes back is the same tangent
            number = self._second.dy if "_second" in vars(self) else tangent(*self._symbols[1:], self._along)
            return self._stored(number, self._reached_by_tangents)

    @cached_property
    def _second(self) -> Any:
        rules = self._rules
        second = rules.inference_second_gradients if self._batch is None else rules.training_second_gradients
        with np.errstate(all="ignore"):
            return second(*self._symbols, self._along)

    @cached_property
    def second_grad_x(self) -> Bounded:
        with np.errstate(all="ignore"):
            return self._but_for_roots(self._stored(self._second.x, self._reached_by_gradients))

    @cached_property
    def second_grad_weight(self) -> Bounded:
        with np.errstate(all="ignore"):
            reached = ~finite(self._var) if self._batch is None else self._channel
            return self._but_for_roots(self._stored(self._second.gamma, reached, self._inverse))

    @cached_property
    def second_grad_grad_y(self) -> Bounded:
        with np.errstate(all="ignore"):
            return self._but_for_roots(self._stored(self._second.dy, self._reached_by_tangents))

    def _but_for_roots(self, expected: Bounded) -> Bounded:
        """A standard deviation that is squared again has no second derivative where the variance may come out as zero."""
        return expected if self._batch is None else replace(expected, singular=self._var.size <= self._var.error)

    @property
    def _reached_by_tangents(self) -> npt.NDArray[np.bool_]:
        """In eval x is met by the direction of the weight alone."""
        return self._reached if self._case.affine else self._reached_by_gradients

    @property
    def _reached_by_gradients(self) -> npt.NDArray[np.bool_]:
        if self._batch is None:
            return np.zeros_like(self._polluted) | ~finite(self._var)
        return self._reached


class _Products:
    """Magnitudes, (C,), of what an honest computation may make on the way."""

    def __init__(self, difference: RunningError, grad_y: Array, along: Array, inverse: Float, gamma: Float) -> None:
        dy, u = (np.abs(to_matrix(each).astype(np.float64)) for each in (grad_y, along))
        centred = difference.size + difference.error
        self._inverse, self._gamma = np.maximum(1.0, inverse), np.maximum(1.0, gamma)
        self._size, self._rows = centred.max(axis=0), len(centred)
        self._dy, self._u = dy.sum(axis=0), u.sum(axis=0)
        self._dy_centred, self._u_centred = (dy * centred).sum(axis=0), (u * centred).sum(axis=0)

    @property
    def largest(self) -> Float:
        """The largest of them: the cube of 1 / sigma with one of its factors, a product of two sums, m dy."""
        cubed = self._inverse**3 * np.maximum.reduce([self._size, self._dy_centred, self._u_centred, np.ones_like(self._size)])
        of_sums = np.maximum(self._inverse**2 * self._dy_centred * self._u_centred, self._dy * self._u)
        largest: Float = np.maximum.reduce([cubed, of_sums, self._rows * self._dy, self._rows * self._u])
        return self._gamma * largest

    @property
    def all_of_them(self) -> Float:
        """By how much a product that was made first may be enlarged by the factors that follow."""
        sizes = (np.maximum(1.0, size) for size in (self._size, self._size, self._dy, self._u))
        return np.asarray(self._inverse**3 * self._gamma * np.prod([*sizes], axis=0))


@kept_by_case(of_a_step)
def expect_derivatives_of_training(case: Case, rules: Any = spec) -> ExpectedDerivatives:
    """Of a step in training, through the batch's statistics, along the case's direction."""
    with np.errstate(all="ignore"):
        return ExpectedDerivatives(case, rules, statistics(case, rules), True, direction_of(case))


@kept_by_case(of_a_step)
def expect_derivatives_of_inference(case: Case, rules: Any = spec) -> ExpectedDerivatives:
    """Of a step in eval, whose statistics are constants, or the batch's own where none are tracked; along the same."""
    with np.errstate(all="ignore"):
        return ExpectedDerivatives(case, rules, None if case.tracks else statistics(case, rules), False, direction_of(case))
