"""The clean layer and the controls keep the oracle's bounds, whatever the dtypes and the layout, and refuse as torch does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import LAYOUTS, place
from bn_reference.oracle.compare import Comparison, within
from bn_reference.oracle.step import ExpectedStep, expect_inference, expect_training
from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.controls import CONTROLS, Control
from bn_reference.targets.forms.torch_module import TorchImplementation

SHAPES = ((2, 3), (5, 4), (33, 3), (2, 1), (3, 4, 4), (1, 5, 7), (129, 2, 2))

each_control = pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
each_pair = pytest.mark.parametrize("pair", PAIRS, ids=str)


def case_number(index: int, pair: Pair) -> Case:
    """A case of the index's shape and layout; channels differ in offset and scale, one is constant."""
    rng = np.random.default_rng([index, PAIRS.index(pair)])
    shape = SHAPES[index % len(SHAPES)]
    channels = shape[1]
    by_channel = (1, channels) + (1,) * (len(shape) - 2)
    scale = np.where(np.arange(channels) == 2, 0.0, 2.0 ** rng.integers(-3, 4, channels)).reshape(by_channel)
    offset = rng.choice([0.0, 1.0, -30.0, 100.0], channels).reshape(by_channel)
    parameter = pair.parameter_dtype
    affine, tracks = index % 4 != 1, index % 5 != 2
    return Case(
        pair,
        (offset + scale * rng.normal(size=shape)).astype(pair.input_dtype),
        rng.normal(size=shape).astype(pair.input_dtype),
        weight=rng.normal(size=channels).astype(parameter) if affine else None,
        bias=rng.normal(size=channels).astype(parameter) if affine else None,
        running_mean=rng.normal(size=channels).astype(parameter) if tracks else None,
        running_var=rng.uniform(0.5, 2.0, channels).astype(parameter) if tracks else None,
        batches=index if tracks else 0,
        eps=(1e-5, 0.125)[index % 2],
        momentum=(0.1, None, 1.0)[index % 3],
        layout=LAYOUTS[index % len(LAYOUTS)],
        grad_layout=LAYOUTS[-1 - index % len(LAYOUTS)],
    )


def compared(control: Control, case: Case, *, training: bool) -> list[Comparison]:
    """Output, gradients and state of one step against the oracle."""
    expected: ExpectedStep = (expect_training if training else expect_inference)(case)
    session = TorchImplementation(control.factory, control.name).open(case)
    step = session.forward(place(case.x, case.layout), training=training)
    grads, state = step.backward(place(case.grad_y, case.grad_layout)), session.state()
    quantities = [("y", step.y, expected.y), ("grad_x", grads.x, expected.grad_x)]
    if case.affine:
        quantities += [("grad_weight", grads.weight, expected.grad_weight), ("grad_bias", grads.bias, expected.grad_bias)]
    if case.tracks:
        assert state.batches == expected.state.batches
        quantities += [("running_mean", state.mean, expected.state.mean), ("running_var", state.var, expected.state.var)]
    return [within(what, actual, bounded) for what, actual, bounded in quantities]


@each_control
@each_pair
@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
def test_controls_keep_the_bounds(control: Control, pair: Pair, training: bool) -> None:
    comparisons = [each for index in range(12) for each in compared(control, case_number(index, pair), training=training)]

    assert [str(each) for each in comparisons if not each.holds] == []


@pytest.mark.parametrize("arguments", [{}, {"affine": False}, {"track_running_stats": False}], ids=str)
def test_the_state_is_that_of_torch(arguments: dict[str, Any]) -> None:
    clean, layer = CleanBatchNorm1d(3, **arguments), torch.nn.BatchNorm1d(3, **arguments)
    ours, theirs = clean.state_dict(), layer.state_dict()

    assert {name: (value.dtype, value.tolist()) for name, value in ours.items()} == {
        name: (value.dtype, value.tolist()) for name, value in theirs.items()
    }
    layer.load_state_dict(ours)
    clean.load_state_dict(theirs)


def test_a_state_without_counter_leaves_the_counter() -> None:
    clean = CleanBatchNorm1d(2)
    clean(torch.tensor([[1.0, 2.0], [3.0, 5.0]]))
    state = {name: value for name, value in clean.state_dict().items() if name != "num_batches_tracked"}

    clean.load_state_dict(dict(state))

    assert int(clean.num_batches_tracked) == 1


TORCH_CHECKS_EPS = (2, 10)  # github.com/pytorch/pytorch/issues/166405
REFUSED = {
    "one channel too many": (torch.zeros(2, 4), {}),
    "rank 1": (torch.zeros(3), {}),
    "rank 4": (torch.zeros(2, 3, 1, 1), {}),
    "one value per channel": (torch.zeros(1, 3, 1), {}),
    "no statistics for one value": (torch.zeros(1, 3), {"track_running_stats": False}),
    "eps zero": (torch.zeros(2, 3), {"eps": 0.0}),
    "eps negative": (torch.zeros(2, 3), {"eps": -1.0}),
    "float64 input": (torch.zeros(2, 3, dtype=torch.float64), {}),
    "half parameters": (torch.zeros(2, 3), {"dtype": torch.float16}),
    "integers": (torch.zeros(2, 3, dtype=torch.long), {}),
}


@pytest.mark.parametrize(("batch", "arguments"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("layer", [CleanBatchNorm1d, torch.nn.BatchNorm1d], ids=["clean", "torch"])
def test_bad_input_is_refused_as_by_torch(layer: Any, batch: Any, arguments: dict[str, Any]) -> None:
    older = tuple(int(part) for part in torch.__version__.split(".")[:2]) < TORCH_CHECKS_EPS
    if older and layer is torch.nn.BatchNorm1d and "eps" in arguments:
        layer(3, **arguments)(batch)  # taken as it is: the other side of the rule, so that its version stays true
        return
    with pytest.raises((ValueError, RuntimeError, NotImplementedError)):
        layer(3, **arguments)(batch)


@each_control
def test_one_row_and_none_can_be_evaluated(control: Control) -> None:
    layer = control.factory(3).eval()

    assert [tuple(layer(torch.ones(n, 3)).shape) for n in (0, 1)] == [(0, 3), (1, 3)]


@each_control
def test_an_empty_batch_moves_nothing(control: Control) -> None:
    layer, batch = control.factory(3), torch.ones(0, 3, 4, requires_grad=True)

    layer(batch).sum().backward()

    assert batch.grad is not None
    assert batch.grad.shape == batch.shape
    assert layer.weight.grad.tolist() == [0.0, 0.0, 0.0]
    assert (layer.running_mean.tolist(), layer.running_var.tolist()) == ([0.0] * 3, [1.0] * 3)
