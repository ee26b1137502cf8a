"""The specification judges the rest, so it is judged here: over exact rationals, with a derivative that is derived otherwise.

A number is a *dual* ``value + slope * t``, t^2 = 0, of two rationals. Run forward, the specification carries along the exact
derivative of its result; that of the loss must equal what section 3's chain rule gives. The root stays rational, for eps is
chosen last: ``eps = s^2 - var`` for a rational s. Nothing is rounded, so every comparison is an equality.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_reference import specification as spec


class Dual:
    """``value + slope * t`` with t^2 = 0: the slope of a result is its derivative along the slopes of what went in."""

    def __init__(self, value: Fraction | int, slope: Fraction | int = 0) -> None:
        self.value, self.slope = Fraction(value), Fraction(slope)

    def __repr__(self) -> str:
        return f"{self.value} + {self.slope} t"

    def __eq__(self, other: object) -> bool:
        b = as_dual(other)
        return self.value == b.value and self.slope == b.slope

    __hash__ = None  # type: ignore[assignment]  # mutable by nature of Python, never a key

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    def __add__(self, other: Dual | int) -> Dual:
        b = as_dual(other)
        return Dual(self.value + b.value, self.slope + b.slope)

    __radd__ = __add__

    def __sub__(self, other: Dual | int) -> Dual:
        return self + (-as_dual(other))

    def __rsub__(self, other: int) -> Dual:
        return as_dual(other) + (-self)

    def __mul__(self, other: Dual | int) -> Dual:
        b = as_dual(other)
        return Dual(self.value * b.value, self.value * b.slope + self.slope * b.value)

    __rmul__ = __mul__

    def __truediv__(self, other: Dual | int) -> Dual:
        b = as_dual(other)
        return Dual(self.value / b.value, (self.slope * b.value - self.value * b.slope) / b.value**2)

    def __pow__(self, n: int) -> Dual:
        return Dual(self.value**n, n * self.value ** (n - 1) * self.slope)

    def sqrt(self) -> Dual:
        """The root of a square of a rational; ``numpy.sqrt`` on an object array asks for it by this name."""
        root = Fraction(isqrt(self.value.numerator), isqrt(self.value.denominator))
        assert root**2 == self.value, f"{self.value} has no rational root: eps was not chosen for it"
        return Dual(root, self.slope / (2 * root))


def as_dual(number: Any) -> Dual:
    return number if isinstance(number, Dual) else Dual(number)


def duals(values: Any, slopes: Any = 0) -> Any:
    """An object array of dual numbers, of the shape of ``values``."""
    values = np.asarray(values, dtype=object)
    return np.vectorize(Dual, otypes=[object])(values, slopes)


class Batch(NamedTuple):
    """``x, dy, directions: (m, C)`` and ``gamma, beta, s, directions: (C,)``, object arrays of Fraction."""

    x: Any
    dy: Any
    gamma: Any
    beta: Any
    s: Any
    along_x: Any
    along_gamma: Any
    along_beta: Any


RATIONALS = st.builds(Fraction, st.integers(-8, 8), st.sampled_from([1, 2, 3, 4]))
ROOTS = st.builds(Fraction, st.integers(1, 8), st.sampled_from([1, 2, 3]))


def arrays(shape: tuple[int, ...], elements: Any = RATIONALS) -> Any:
    size = int(np.prod(shape))
    return st.lists(elements, min_size=size, max_size=size).map(lambda values: np.array(values, object).reshape(shape))


@st.composite
def batches(draw: Any) -> Batch:
    """Small rationals; shrinks to two rows of one channel, zeros and s = 1."""
    m, c = draw(st.integers(2, 5)), draw(st.integers(1, 2))
    rows, channels = arrays((m, c)), arrays((c,))
    return Batch(*(draw(a) for a in (rows, rows, channels, channels, arrays((c,), ROOTS), rows, channels, channels)))


def forward(batch: Batch) -> Any:
    """The exact forward pass in training: ``mu, var, sigma, x_hat, y``, each with its slope along the batch's directions."""
    x = duals(batch.x, batch.along_x)
    mu = spec.mini_batch_mean(x)
    var = spec.biased_variance(x, mu)
    eps = duals([s**2 - v.value for s, v in zip(batch.s, var, strict=True)])  # the deviation is then s
    sigma = spec.deviation(var, eps)
    x_hat = spec.normalize(x, mu, sigma)
    y = spec.scale_and_shift(x_hat, duals(batch.gamma, batch.along_gamma), duals(batch.beta, batch.along_beta))
    return mu, var, sigma, x_hat, y


def plain(array: Any) -> Any:
    """The values without their slopes."""
    return np.vectorize(lambda number: number.value, otypes=[object])(array)


def slope_of_loss(batch: Batch, y: Any) -> Fraction:
    total: Fraction = (duals(batch.dy) * y).sum().slope
    return total


def slope_by_chain_rule(batch: Batch, gradients: spec.Gradients) -> Fraction:
    pairs = zip(gradients, (batch.along_x, batch.along_gamma, batch.along_beta), strict=True)
    return Fraction(sum((gradient * along).sum() for gradient, along in pairs))


def gradients_in_training(batch: Batch) -> spec.Gradients:
    mu, _, sigma, _, _ = forward(batch)
    return spec.training_gradients(batch.dy, batch.x, plain(mu), plain(sigma), batch.gamma)


def test_the_statistics_of_a_batch_known_by_heart() -> None:
    x = np.array([[Fraction(1)], [Fraction(2)], [Fraction(6)]])
    mu = spec.mini_batch_mean(x)
    var = spec.biased_variance(x, mu)
    assert [mu, var, spec.unbiased_variance(var, 3)] == [[3], [Fraction(14, 3)], [7]]


def test_eps_stands_inside_the_root() -> None:
    assert spec.deviation(duals([9]), Dual(16)) == [Dual(5)]


@given(batches())
def test_the_normalized_batch_has_mean_zero_and_variance_one_less_the_share_of_eps(batch: Batch) -> None:
    _, var, sigma, x_hat, _ = forward(batch)
    values = plain(x_hat)
    assert (values.sum(axis=0) == 0).all()
    assert ((values**2).sum(axis=0) / len(values) == plain(var) / plain(sigma) ** 2).all()


@given(batches())
def test_backward_in_training_is_the_derivative_of_the_loss_in_every_direction(batch: Batch) -> None:
    y = forward(batch)[-1]
    assert slope_of_loss(batch, y) == slope_by_chain_rule(batch, gradients_in_training(batch))


@given(batches(), st.data())
def test_backward_in_inference_is_the_derivative_of_the_loss_in_every_direction(batch: Batch, data: Any) -> None:
    mu = data.draw(arrays(batch.gamma.shape))
    x_hat = spec.normalize(duals(batch.x, batch.along_x), duals(mu), duals(batch.s))
    y = spec.scale_and_shift(x_hat, duals(batch.gamma, batch.along_gamma), duals(batch.beta, batch.along_beta))
    gradients = spec.inference_gradients(batch.dy, batch.x, mu, batch.s, batch.gamma)
    assert slope_of_loss(batch, y) == slope_by_chain_rule(batch, gradients)


@given(batches())
def test_grad_x_in_training_sums_to_zero_over_the_batch(batch: Batch) -> None:
    assert (gradients_in_training(batch).x.sum(axis=0) == 0).all()


@given(batches())
def test_grad_x_in_training_meets_x_hat_only_through_eps(batch: Batch) -> None:
    """<dx, x_hat> = gamma dgamma / sigma * eps / sigma^2: without eps the loss is blind to the scale of x."""
    _, var, sigma, x_hat, _ = forward(batch)
    gradients, s = gradients_in_training(batch), plain(sigma)
    eps = s**2 - plain(var)
    assert ((gradients.x * plain(x_hat)).sum(axis=0) == batch.gamma * gradients.gamma * eps / s**3).all()


@given(st.lists(RATIONALS, min_size=1, max_size=6), RATIONALS)
def test_momentum_one_over_k_gives_the_plain_average_of_all_batches(statistics: list[Fraction], start: Fraction) -> None:
    running = start
    for k, new in enumerate(statistics, start=1):
        running = spec.exponential_average(running, new, Fraction(1, k))
    assert running == sum(statistics) / len(statistics)


@given(RATIONALS, RATIONALS)
def test_momentum_zero_keeps_the_old_and_momentum_one_takes_the_new(old: Fraction, new: Fraction) -> None:
    assert spec.exponential_average(old, new, 0) == old
    assert spec.exponential_average(old, new, 1) == new


@given(batches())
def test_the_unbiased_variance_is_half_the_mean_squared_difference_of_two_rows(batch: Batch) -> None:
    """sum over ordered pairs i != j of (x_i - x_j)^2 / (2 m (m - 1)): no mean in it, and no other factor makes it true."""
    m = len(batch.x)
    biased = spec.biased_variance(batch.x, spec.mini_batch_mean(batch.x))
    differences = (batch.x[:, None] - batch.x[None, :]) ** 2
    assert (spec.unbiased_variance(biased, m) == differences.sum(axis=(0, 1)) / (2 * m * (m - 1))).all()


def test_an_irrational_root_is_noticed() -> None:
    with pytest.raises(AssertionError, match="2 has no rational root"):
        spec.deviation(duals([1]), Dual(1))


# The chain rule once more: the backward pass itself, run over dual numbers, gives the derivative of what it gives.


@st.composite
def second_orders(draw: Any) -> tuple[Batch, spec.Gradients, Any]:
    """A batch, the directions u, v, w of its gradients, and a direction of dy."""
    batch = draw(batches())
    rows, channels = arrays(batch.x.shape), arrays(batch.gamma.shape)
    return batch, spec.Gradients(draw(rows), draw(channels), draw(channels)), draw(rows)


def along_gradients(gradients: spec.Gradients, along: spec.Gradients) -> Any:
    """<dx, u> + <dgamma, v> + <dbeta, w>."""
    return sum((gradient * duals(direction)).sum() for gradient, direction in zip(gradients, along, strict=True))


def slope_by_second_gradients(second: spec.SecondGradients, batch: Batch, along_dy: Any) -> Fraction:
    pairs = ((second.x, batch.along_x), (second.gamma, batch.along_gamma), (second.dy, along_dy))
    return Fraction(sum((gradient * along).sum() for gradient, along in pairs))


@given(second_orders())
def test_second_gradients_in_training_are_the_derivative_of_the_backward_pass(drawn: tuple[Batch, spec.Gradients, Any]) -> None:
    batch, along, along_dy = drawn
    mu, _, sigma, _, _ = forward(batch)
    x, dy, gamma = duals(batch.x, batch.along_x), duals(batch.dy, along_dy), duals(batch.gamma, batch.along_gamma)
    second = spec.training_second_gradients(batch.dy, batch.x, plain(mu), plain(sigma), batch.gamma, along)
    slope = along_gradients(spec.training_gradients(dy, x, mu, sigma, gamma), along).slope
    assert slope == slope_by_second_gradients(second, batch, along_dy)


@given(second_orders(), st.data())
def test_second_gradients_in_inference_are_the_derivative_of_the_backward_pass(
    drawn: tuple[Batch, spec.Gradients, Any], data: Any
) -> None:
    batch, along, along_dy = drawn
    mu = data.draw(arrays(batch.gamma.shape))
    x, dy, gamma = duals(batch.x, batch.along_x), duals(batch.dy, along_dy), duals(batch.gamma, batch.along_gamma)
    second = spec.inference_second_gradients(batch.dy, batch.x, mu, batch.s, batch.gamma, along)
    slope = along_gradients(spec.inference_gradients(dy, x, duals(mu), duals(batch.s), gamma), along).slope
    assert slope == slope_by_second_gradients(second, batch, along_dy)


@given(batches())
def test_the_tangent_of_the_output_is_its_slope_along_the_direction(batch: Batch) -> None:
    mu, _, sigma, _, y = forward(batch)
    along = spec.Gradients(batch.along_x, batch.along_gamma, batch.along_beta)
    tangent = spec.training_tangent(batch.x, plain(mu), plain(sigma), batch.gamma, along)
    assert (tangent == np.vectorize(lambda number: number.slope, otypes=[object])(y)).all()
