"""However a batch is cut into blocks, the reference computes what the specification says."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_reference import BatchNorm1d
from bn_reference import specification as spec
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import to_matrix
from bn_reference.cases.strategies import cases
from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_training
from bn_reference.reference import blocks

# The limits of a row and a block, from one element to more than any batch here has.
LIMITS = st.tuples(*[st.sampled_from([1, 2, 3, 5, 8, 16, 64, 1000, 2**15])] * 2)
SHAPES = st.one_of(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 12)),
)


@contextmanager
def cut_at(limits: tuple[int, int]) -> Iterator[None]:
    """Rows and blocks of at most so many elements."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ROW", limits[0])
        patch.setattr(blocks, "BLOCK", limits[1])
        yield


@given(SHAPES, LIMITS)
def test_blocks_hold_every_element_once_and_know_its_channel(shape: tuple[int, ...], limits: tuple[int, int]) -> None:
    place = np.arange(np.prod(shape)).reshape(shape)
    channel = np.broadcast_to(np.arange(shape[1]).reshape(-1, *[1] * (len(shape) - 2)), shape).copy()
    seen = []
    widest, most = limits
    for strip in blocks.strips(shape, widest, most):
        for places, channels in strip.blocks(place, channel):
            assert places.shape[1] == strip.width <= widest
            assert places.size <= max(most, strip.width)
            assert (channels == strip.spread(np.arange(shape[1]))).all()
            seen += places.ravel().tolist()

    assert sorted(seen) == list(range(np.prod(shape)))


def test_an_empty_batch_has_no_blocks() -> None:
    assert [blocks.strips(shape, 8, 64) for shape in ((0, 3), (2, 0), (2, 3, 0))] == [(), (), ()]


@given(SHAPES, LIMITS, st.integers(0, 2**32 - 1))
def test_where_nothing_is_rounded_every_bit_is_the_specification_s(
    shape: tuple[int, ...], limits: tuple[int, int], seed: int
) -> None:
    """Integers in float64, in units of m^3: sums, means and variances are exact, in any order."""
    rng = np.random.default_rng(seed)
    m = int(np.prod(shape)) // shape[1]
    x, dy = (rng.integers(-8, 9, shape) * float(m**3) for _ in range(2))
    centred, y = np.empty_like(x), np.empty_like(x)
    rows, upstream = to_matrix(x), to_matrix(dy)
    with cut_at(limits):
        mu = blocks.mean(x)
        var = blocks.variance(x, mu, centred)
        blocks.scale_and_shift(centred, np.full(shape[1], 2.0), mu, y)
        sums = blocks.gradient_sums(dy, centred)

    assert mu.tolist() == spec.mini_batch_mean(rows).tolist()
    assert var.tolist() == spec.biased_variance(rows, mu).tolist()
    assert to_matrix(centred).tolist() == (rows - mu).tolist()
    assert to_matrix(y).tolist() == spec.scale_and_shift(rows - mu, 2.0, mu).tolist()
    assert [total.tolist() for total in sums] == [upstream.sum(axis=0).tolist(), (upstream * (rows - mu)).sum(axis=0).tolist()]


@given(st.sampled_from(PAIRS).flatmap(cases), LIMITS)
def test_however_it_is_cut_a_batch_stays_within_the_bound(case: Case, limits: tuple[int, int]) -> None:
    layer = BatchNorm1d(case.channels, case.eps, case.momentum, case.affine, case.tracks, case.pair.parameter_dtype)
    if layer.weight is not None and layer.bias is not None and case.weight is not None and case.bias is not None:
        layer.weight[...], layer.bias[...] = case.weight, case.bias
    with cut_at(limits):
        y = layer(case.x)
        grad_x, grad_weight, grad_bias = layer.backward(case.grad_y)
    expected = expect_training(case)

    assert within("y", y, expected.y).holds
    assert within("grad_x", grad_x, expected.grad_x).holds
    if case.affine:
        assert within("grad_weight", grad_weight, expected.grad_weight).holds
        assert within("grad_bias", grad_bias, expected.grad_bias).holds
