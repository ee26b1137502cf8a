"""The reference layer: within the oracle's bounds, and in state and rules like ``torch.nn.BatchNorm1d``.

The text of every message is tested in ``test_layer_messages.py``.
"""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bn_reference.arithmetic.precision import PAIRS, Pair, format_of
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import LAYOUTS, place
from bn_reference.oracle.bounded import Bounded
from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_inference, expect_training
from bn_reference.reference.layer import BatchNorm1d

ROWS = [[3.0, -1.0], [5.0, 0.0], [1.0, 4.0]]
UPSTREAM = [[1.0, 2.0], [0.0, -3.0], [5.0, 1.0]]


def batch(rows: Any = ROWS, dtype: Any = np.float32) -> Any:
    return np.array(rows, dtype)


def torch_layer(*args: Any, **kwargs: Any) -> Any:
    return torch.nn.BatchNorm1d(*args, **kwargs)


def numbers(state: Any) -> dict[str, list[float]]:
    return {name: value.tolist() for name, value in state.items()}


@st.composite
def cases(draw: Any) -> Case:
    """A batch of drawn shape and distance from zero (in deviations), values from a drawn seed; shrinks to two rows around 0."""
    pair = draw(st.sampled_from(PAIRS))
    n, c, length = draw(st.integers(2, 40)), draw(st.integers(1, 5)), draw(st.sampled_from([None, 1, 3]))
    shape = (n, c) if length is None else (n, c, length)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    offset = draw(st.sampled_from([0, 1, 100]))
    affine, tracks = draw(st.booleans()), draw(st.booleans())

    def channel(spread: float, centre: float) -> Any:
        return (centre + spread * rng.uniform(-1, 1, c)).astype(pair.parameter_dtype)

    return Case(
        pair,
        (offset + rng.standard_normal(shape)).astype(pair.input_dtype),
        rng.standard_normal(shape).astype(pair.input_dtype),
        weight=channel(2, 0) if affine else None,
        bias=channel(2, 0) if affine else None,
        running_mean=channel(3, offset) if tracks else None,
        running_var=channel(1, 2) if tracks else None,
        batches=draw(st.integers(0, 5)),
        momentum=draw(st.sampled_from([None, 0.0, 0.1, 1.0])),
        eps=draw(st.sampled_from([1e-5, 1e-3, 1.0])),
    )


def layer_for(case: Case) -> BatchNorm1d:
    layer = BatchNorm1d(case.channels, case.eps, case.momentum, case.affine, case.tracks, case.pair.parameter_dtype)
    own = {"weight": case.weight, "bias": case.bias, "running_mean": case.running_mean, "running_var": case.running_var}
    state = {name: array for name, array in own.items() if array is not None}
    layer.load_state_dict(state | ({"num_batches_tracked": np.int64(case.batches)} if case.tracks else {}))
    return layer


def assert_within(what: str, actual: Any, expected: Bounded | None) -> None:
    if expected is not None:  # None: the layer has no such array
        comparison = within(what, actual, expected)
        assert comparison.holds, str(comparison)


def assert_step_within(layer: BatchNorm1d, case: Case, expected: Any) -> None:
    assert_within("y", layer(case.x), expected.y)
    grad_x, grad_weight, grad_bias = layer.backward(case.grad_y)
    assert_within("grad_x", grad_x, expected.grad_x)
    assert_within("grad_weight", grad_weight, expected.grad_weight if case.affine else None)
    assert_within("grad_bias", grad_bias, expected.grad_bias if case.affine else None)


def assert_state_within(layer: BatchNorm1d, expected: Any) -> None:
    assert layer.num_batches_tracked == expected.batches  # None == None without tracking
    assert_within("running_mean", layer.running_mean, expected.mean)
    assert_within("running_var", layer.running_var, expected.var)


@given(cases())
def test_a_step_in_training_is_within_the_bounds(case: Case) -> None:
    layer, expected = layer_for(case), expect_training(case)
    assert_step_within(layer, case, expected)
    assert_state_within(layer, expected.state)


@given(cases())
def test_a_step_in_eval_is_within_the_bounds_and_leaves_the_state(case: Case) -> None:
    layer = layer_for(case).eval()
    before = numbers(layer.state_dict())
    assert_step_within(layer, case, expect_inference(case))
    assert numbers(layer.state_dict()) == before


def test_exact_inference_equals_torch_bit_for_bit() -> None:
    """Integers, a variance of 4, eps 0 and a weight of 2: every operation is exact, in any order."""
    layer, other = BatchNorm1d(2, eps=0.0), torch_layer(2, eps=0.0)
    state = {"weight": [2, 4], "bias": [1, -3], "running_mean": [1, 5], "running_var": [4, 16]}
    layer.eval().load_state_dict(state)
    other.eval().load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    x = torch.tensor(ROWS, requires_grad=True)
    y = other(x)
    y.backward(torch.tensor(UPSTREAM))
    assert layer(batch()).tolist() == y.tolist()
    assert [grad.tolist() for grad in layer.backward(batch(UPSTREAM))] == [
        grad.tolist() for grad in (x.grad, other.weight.grad, other.bias.grad)
    ]


@pytest.mark.parametrize("momentum", [None, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(4, 2), (2, 2, 2), (1, 2, 4)])
def test_exact_running_statistics_equal_those_of_torch(momentum: float | None, shape: tuple[int, ...]) -> None:
    """Small integers with dyadic means and variances, and momenta 1 and 1/2: nothing is rounded in two batches.

    The values 0, 0, 0, 6 have mean 3/2, squares' sum 27, unbiased variance 9.
    """
    layer, other = BatchNorm1d(2, momentum=momentum), torch_layer(2, momentum=momentum)
    values = np.zeros((2, 4), np.float32)
    values[:, 3] = 6
    x = values.T.reshape(shape) if len(shape) == 2 else np.ascontiguousarray(values.reshape(2, -1, shape[2]).swapaxes(0, 1))
    for k in (1, 2):
        layer(k * x)
        other(torch.from_numpy(k * x))
    assert numbers(layer.state_dict()) == numbers(other.state_dict())


@pytest.mark.parametrize("options", [{}, {"affine": False}, {"track_running_stats": False}, {"momentum": None, "eps": 1e-3}])
def test_a_new_layer_has_the_attributes_of_torch(options: dict[str, Any]) -> None:
    layer, other = BatchNorm1d(3, **options), torch_layer(3, **options)
    for name in ("num_features", "eps", "momentum", "affine", "track_running_stats", "training"):
        assert getattr(layer, name) == getattr(other, name)
    assert list(layer.state_dict()) == list(other.state_dict())
    assert numbers(layer.state_dict()) == numbers(other.state_dict())


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_dtypes_are_those_of_the_pair(pair: Pair) -> None:
    layer = BatchNorm1d(2, dtype=pair.parameter_dtype)
    y = layer(batch(dtype=pair.input_dtype))
    grads = layer.backward(batch(UPSTREAM, pair.input_dtype))
    assert [array.dtype for array in (y, *grads)] == [pair.input_dtype] * 2 + [pair.parameter_dtype] * 2
    assert {array.dtype for array in list(layer.state_dict().values())[:4]} == {pair.parameter_dtype}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_layer_that_holds_nothing_takes_every_dtype(dtype: str) -> None:
    x = batch(dtype=Pair(dtype, dtype).input_dtype)
    assert BatchNorm1d(2, affine=False, track_running_stats=False)(x).dtype == x.dtype


@pytest.mark.parametrize("shape", [(0, 2), (0, 2, 3), (3, 2, 0)])
@pytest.mark.parametrize("training", [True, False])
def test_an_empty_batch_does_what_it_does_in_torch(shape: tuple[int, ...], training: bool) -> None:
    layer, other = BatchNorm1d(2).train(training), torch_layer(2).train(training)
    y, torch_y = layer(np.zeros(shape, np.float32)), other(torch.zeros(shape))
    torch_y.sum().backward()
    assert y.shape == tuple(torch_y.shape)
    assert numbers(layer.state_dict()) == numbers(other.state_dict())
    grad_x, grad_weight, grad_bias = layer.backward(y)
    assert grad_x.shape == shape
    assert (grad_weight.tolist(), grad_bias.tolist()) == (other.weight.grad.tolist(), other.bias.grad.tolist())


def test_one_row_is_enough_in_eval() -> None:
    assert BatchNorm1d(2, eps=0.0).eval()(batch(ROWS[:1])).tolist() == ROWS[:1]


def test_eval_without_running_statistics_uses_those_of_the_batch() -> None:
    layer = BatchNorm1d(2, track_running_stats=False)
    assert layer.eval()(batch()).tolist() == layer.train()(batch()).tolist()


def test_turning_tracking_off_stops_the_updates_but_not_the_use_of_the_statistics() -> None:
    layer, other = BatchNorm1d(2, eps=0.25), torch_layer(2, eps=0.25)
    for each, x in ((layer, batch()), (other, torch.tensor(ROWS))):
        each.track_running_stats = False
        each.train()(x)
        each.running_mean[...] = 1
        each.running_var[...] = 0.75
    assert numbers(layer.state_dict()) == numbers(other.state_dict())
    assert layer.eval()(batch()).tolist() == other.eval()(torch.tensor(ROWS)).tolist()


def test_running_statistics_are_updated_in_place() -> None:
    layer = BatchNorm1d(2, momentum=1.0)
    mean, var, batches = layer.running_mean, layer.running_var, layer.num_batches_tracked
    layer(batch())
    assert (mean.tolist(), var.tolist(), batches.tolist()) == ([3, 1], [4, 7], 1)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5)])
def test_the_memory_of_the_input_is_of_no_consequence_and_stays_as_it_was(layout: str, shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) % 7
    placed, plain, other = place(values, layout), BatchNorm1d(3), BatchNorm1d(3)
    before = placed.buffer.tobytes()
    assert other(placed.view()).tolist() == plain(values).tolist()
    for grad, plain_grad in zip(other.backward(placed.view()), plain.backward(values), strict=True):
        assert grad.tolist() == plain_grad.tolist()
    assert placed.buffer.tobytes() == before


@pytest.mark.parametrize("training", [True, False])
def test_backward_goes_through_the_latest_forward_as_it_was(training: bool) -> None:
    x, layer = batch(), BatchNorm1d(2).train(training)
    layer(x)
    expected = [grad.tolist() for grad in layer.backward(batch(UPSTREAM))]
    x[...] = 7
    for array in layer._state().values():
        array[...] = 9
    layer.train(not training)
    assert [grad.tolist() for grad in layer.backward(batch(UPSTREAM))] == expected


def test_nan_and_infinity_stay_in_their_channel() -> None:
    layer, x = BatchNorm1d(3), np.ones((4, 3), np.float32)
    x[0, 0], x[1, 1] = math.nan, math.inf
    y = layer(x)
    touched = np.vstack([y, layer.backward(x)[0], layer.running_var])
    assert np.isnan(touched[:, :2]).all()
    assert np.isfinite(touched[:, 2]).all()


@pytest.mark.parametrize("k", [-45, 45])
def test_gradients_scale_exactly_where_the_cube_of_the_deviation_leaves_the_range(k: int) -> None:
    """x in units of 2^k: y is the same, grad x is in units of 2^-k, bit for bit, though sigma**3 is near 2^(3k)."""
    plain, scaled = BatchNorm1d(2, eps=0.5), BatchNorm1d(2, eps=0.5 * 4.0**k)
    unit = np.float32(2.0**k)
    assert scaled(unit * batch()).tolist() == plain(batch()).tolist()
    assert (unit * scaled.backward(batch(UPSTREAM))[0]).tolist() == plain.backward(batch(UPSTREAM))[0].tolist()


def test_sums_over_the_batch_err_by_blocks_not_by_rows() -> None:
    """A constant of 2^20 rows: 64 blocks make 63 additions, pairs within one 14; a division and three operations of the update
    follow. A recursive sum is off by some 10^4 u here."""
    layer, value = BatchNorm1d(2, momentum=1.0), np.float32(0.1)
    layer(np.full((2**20, 2), value))
    bound = (63 + 14 + 4) * format_of("float32").unit_roundoff * value
    assert np.abs(layer.running_mean - value).max() <= bound


def test_a_state_goes_round_and_shares_nothing() -> None:
    layer, other = BatchNorm1d(2), BatchNorm1d(2)
    layer(batch())
    saved = layer.state_dict()
    held = other.running_mean
    other.load_state_dict(saved)
    assert other.running_mean is held
    assert numbers(other.state_dict()) == numbers(saved)
    saved["running_mean"][...] = 5
    assert numbers(other.state_dict()) == numbers(layer.state_dict())


def test_a_state_is_rounded_to_the_layers_dtype_and_may_lack_the_counter() -> None:
    layer = BatchNorm1d(1, dtype=np.float16)
    layer(batch([[1.0], [2.0]], np.float16))
    layer.load_state_dict({"weight": [1 + 2.0**-20], "bias": [2], "running_mean": [3], "running_var": [1e9]})
    assert numbers(layer.state_dict()) == {
        "weight": [1], "bias": [2], "running_mean": [3], "running_var": [math.inf], "num_batches_tracked": 1
    }  # fmt: skip


def test_resetting_is_in_place() -> None:
    layer = BatchNorm1d(2)
    held = layer._state()
    for array in held.values():
        array[...] = 4
    layer.reset_running_stats()
    assert numbers(held) == numbers(BatchNorm1d(2).state_dict()) | {"weight": [4, 4], "bias": [4, 4]}
    layer.reset_parameters()
    assert numbers(held) == numbers(BatchNorm1d(2).state_dict())


def test_modes_and_repr() -> None:
    layer = BatchNorm1d(2, momentum=None, dtype="bfloat16")
    assert layer.training
    assert not layer.eval().training
    assert layer.train() is layer
    text = "BatchNorm1d(2, eps=1e-05, momentum=None, affine=True, track_running_stats=True, dtype=bfloat16)"
    assert repr(layer) == text
