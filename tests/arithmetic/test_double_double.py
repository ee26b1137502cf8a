"""Double-double arithmetic keeps its stated unit roundoff, one operation at a time and through the whole specification."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_reference import specification as spec
from bn_reference.arithmetic.double_double import DoubleDouble, fast_two_sum, two_product, two_sum

U = Fraction(DoubleDouble.unit_roundoff)
TRUTH = mpmath.MPContext()  # a context of its own: the global precision stays as it is
TRUTH.prec = 400  # bits; its own rounding is 2^-290 of the smallest bound here

# Away from the ends of the range: splitting needs |a| < 2^996, and the low part of a square or a quotient must not underflow.
FLOATS = st.just(0.0) | st.builds(math.ldexp, st.floats(0.5, 1.0) | st.floats(-1.0, -0.5), st.integers(-200, 200))


@st.composite
def numbers(draw: Any) -> DoubleDouble:
    """A normalized pair: the low part is up to half a unit in the last place of the high one; shrinks to 0."""
    high = draw(FLOATS)
    return DoubleDouble(*fast_two_sum(np.float64(high), np.float64(high * draw(st.floats(-1, 1)) * 2.0**-53)))


def exact(number: DoubleDouble) -> Fraction:
    return Fraction(float(number.hi)) + Fraction(float(number.lo))


def assert_one_rounding(result: DoubleDouble, truth: Fraction) -> None:
    assert abs(exact(result) - truth) <= U * abs(truth)


@given(FLOATS, FLOATS)
def test_a_sum_and_a_product_of_floats_are_split_without_error(a: float, b: float) -> None:
    assert sum(map(Fraction, two_sum(np.float64(a), np.float64(b)))) == Fraction(a) + Fraction(b)
    assert sum(map(Fraction, two_product(np.float64(a), np.float64(b)))) == Fraction(a) * Fraction(b)


@given(numbers(), numbers())
def test_a_sum_is_within_one_rounding(a: DoubleDouble, b: DoubleDouble) -> None:
    assert_one_rounding(a + b, exact(a) + exact(b))


@given(numbers(), numbers())
def test_a_difference_is_within_one_rounding_even_where_it_cancels(a: DoubleDouble, b: DoubleDouble) -> None:
    assert_one_rounding(a - b, exact(a) - exact(b))
    near = a * (b + 1) / (b + 1) if exact(b) != -1 else a
    assert_one_rounding(a - near, exact(a) - exact(near))


@given(numbers(), numbers())
def test_a_product_is_within_one_rounding(a: DoubleDouble, b: DoubleDouble) -> None:
    assert_one_rounding(a * b, exact(a) * exact(b))


@given(numbers(), numbers().filter(lambda b: exact(b) != 0))
def test_a_quotient_is_within_one_rounding(a: DoubleDouble, b: DoubleDouble) -> None:
    assert_one_rounding(a / b, exact(a) / exact(b))


@given(numbers().filter(lambda a: exact(a) >= 0))
def test_a_root_is_within_one_rounding(a: DoubleDouble) -> None:
    """|r - sqrt(a)| <= u sqrt(a) says (1 - u)^2 a <= r^2 <= (1 + u)^2 a, in rationals."""
    square = exact(np.sqrt(a)) ** 2
    assert (1 - U) ** 2 * exact(a) <= square <= (1 + U) ** 2 * exact(a)


@given(st.lists(numbers(), max_size=9))
def test_a_sum_of_n_terms_is_within_log2_n_roundings_of_the_sum_of_magnitudes(terms: list[DoubleDouble]) -> None:
    """Higham, section 4.2: pairwise, ceil(log2 n) additions stand on a term, (1 + u)^k - 1 <= k u / (1 - k u)."""
    total = DoubleDouble([float(t.hi) for t in terms], [float(t.lo) for t in terms]).sum(axis=0)
    k = math.ceil(math.log2(max(len(terms), 1)))
    bound = k * U / (1 - k * U) * sum(abs(exact(t)) for t in terms)
    assert abs(exact(total) - sum(map(exact, terms))) <= bound


def test_integers_and_powers_mix_in_exactly() -> None:
    three = DoubleDouble(3.0)
    assert [exact(number) for number in (1 - three, 2 * three, three**3, 12 / three, -three, three + 1)] == [
        -2,
        6,
        27,
        4,
        -3,
        4,
    ]


def test_the_specification_sums_over_the_batch_alone() -> None:
    with pytest.raises(ValueError, match=r"^axis must be 0, the batch, and is 1; the specification sums over nothing else$"):
        DoubleDouble(np.ones((2, 2))).sum(axis=1)


def test_an_operand_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError):
        np.ones(2) * DoubleDouble(np.ones(2))


# The whole specification. Its batches are well conditioned by construction: of an even number m of rows, half are 1 and -1 in
# turn and the rest lie within [-1, 1], so |mu| <= 1/2, sigma >= sqrt(1/2), 1 <= M = max|x - mu| <= 3/2 and M / sigma <= 2.13.


@st.composite
def batches(draw: Any) -> dict[str, Any]:
    """``x, dy: (m, 2)``, ``gamma, beta: (2,)`` float64, m in 4, 8, 16."""
    m = draw(st.sampled_from([4, 8, 16]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.uniform(-1, 1, (m, 2))
    x[: m // 2] = np.where(np.arange(m // 2) % 2, -1.0, 1.0)[:, None]
    return {"x": x, "dy": rng.standard_normal((m, 2)), "gamma": rng.uniform(-2, 2, 2), "beta": rng.uniform(-2, 2, 2)}


def roundings(a: float) -> dict[str, float]:
    """How many unit roundoffs each result may be off, in units of its scale below, where a sum of m terms makes ``a`` of them.

    To first order; the terms of second order are below u times the square of these counts, far less than the one added at
    the end. ``centred`` counts in absolute units, and so, as M >= 1, in those of M as well; a mean of |x - mu| is at most
    sigma (Cauchy).
    """
    root_half = math.sqrt(0.5)
    mean = a + 1  # the sum and the division, of magnitudes at most 1
    centred = mean + 1.5  # one subtraction, |x - mu| <= 3/2
    var = (
        2 * centred / root_half + 1 + a + 1
    )  # each square doubles what it is given, on average 2 |x - mu| centred; square, sum, division
    sigma = var / 2 + 1.5  # adding eps (halved) and the root
    x_hat = centred + sigma + 1
    y = x_hat + 2
    dvar = (a + 2 + centred / root_half) + (3 * sigma + 2) + 1  # the sum of dx_hat (x - mu); sigma cubed; the division
    through_var = (dvar + 2 + centred) * 2.13  # the term dvar 2 (x - mu) / m is at most M / sigma
    through_mu = (a + sigma + 3) + 2 * (
        centred / root_half + a
    )  # the sum of dx_hat; that of x - mu, which is zero but for rounding
    grad_x = (sigma + 2) + through_var + through_mu + 8.3  # additions of terms of sizes 1, 2.13 and 1: at most 3.13 + 4.13 + 1
    counts = {"mean": mean, "var": var, "y": y, "grad_x": grad_x, "grad_gamma": x_hat + 1 + a, "grad_beta": a}
    return {name: count + 1 for name, count in counts.items()}


def specification_over(batch: dict[str, Any], lift: Any) -> dict[str, Any]:
    """Everything the specification gives in training, over the number type that ``lift`` makes of float64 arrays."""
    x, dy, gamma, beta = (lift(batch[name]) for name in ("x", "dy", "gamma", "beta"))
    mu = spec.mini_batch_mean(x)
    var = spec.biased_variance(x, mu)
    sigma = spec.deviation(var, lift(np.full(2, 1e-5)))
    y = spec.scale_and_shift(spec.normalize(x, mu, sigma), gamma, beta)
    grads = spec.training_gradients(dy, x, mu, sigma, gamma)
    return {"mean": mu, "var": var, "y": y, "grad_x": grads.x, "grad_gamma": grads.gamma, "grad_beta": grads.beta}


def as_truth(array: Any) -> Any:
    """Numbers of 400 bits, exactly those given."""
    if isinstance(array, DoubleDouble):
        return as_truth(array.hi) + as_truth(array.lo)
    return np.vectorize(TRUTH.mpf, otypes=[object])(array)


def scales(batch: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    """The size of each result before anything cancels: (2,) each, one a channel."""
    spread = np.abs(as_truth(batch["x"]) - truth["mean"]).max(axis=0)
    sigma = np.sqrt(truth["var"] + TRUTH.mpf(1e-5))
    dy, gamma, beta = (np.abs(as_truth(batch[name])) for name in ("dy", "gamma", "beta"))
    return {
        "mean": 1,
        "var": truth["var"],
        "y": gamma * spread / sigma + beta,
        "grad_x": dy.max(axis=0) * gamma / sigma,
        "grad_gamma": dy.sum(axis=0) * spread / sigma,
        "grad_beta": dy.sum(axis=0),
    }


def assert_within_roundings(batch: dict[str, Any], lift: Any, unit_roundoff: float, additions: float) -> None:
    result, truth = specification_over(batch, lift), specification_over(batch, as_truth)
    allowed, size = roundings(additions), scales(batch, truth)
    for name in result:
        error = np.abs(as_truth(result[name]) - truth[name])
        assert (error <= allowed[name] * unit_roundoff * size[name]).all(), name


@given(batches())
def test_the_specification_in_double_double_is_right_to_95_bits(batch: dict[str, Any]) -> None:
    """At most 128 = 2^7 roundings of 2^-102 each give 2^-95; grad_x alone may make 2^8 of them (see ``roundings``)."""
    additions = math.log2(len(batch["x"]))
    assert_within_roundings(batch, DoubleDouble, DoubleDouble.unit_roundoff, additions)


def test_the_roundings_of_a_batch_of_16_keep_95_bits() -> None:
    """The count behind the name of the test above: 4 additions stand on a term of a pairwise sum of 16."""
    counts = roundings(4)
    assert max(count for name, count in counts.items() if name != "grad_x") <= 2.0**7
    assert counts["grad_x"] <= 2.0**8


@given(batches())
def test_the_specification_in_float64_is_right_to_its_roundings(batch: dict[str, Any]) -> None:
    """A sum over the first axis is recursive: m - 1 additions stand on a term."""
    assert_within_roundings(batch, np.asarray, np.finfo(np.float64).eps / 2, len(batch["x"]) - 1)
