"""What the reference layer refuses: the whole text of each message, that torch refuses it too, and that nothing is changed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from bn_reference.reference.layer import BatchNorm1d

BATCH = np.array([[1.0, 2.0], [3.0, 6.0]], np.float32)
STATE = {"weight": np.ones(2), "bias": np.ones(2), "running_mean": np.ones(2), "running_var": np.ones(2)}
ENTRIES = "weight, bias, running_mean, running_var, num_batches_tracked"

Action = Callable[[Any], Any]


def refusal(kind: type[Exception], action: Callable[[], Any]) -> str:
    with pytest.raises(kind) as caught:
        action()
    return str(caught.value)


def forward(values: Any, **changes: Any) -> Action:
    def act(layer: Any) -> Any:
        for name, value in changes.items():
            setattr(layer, name, value)
        return layer(values)

    return act


@pytest.mark.parametrize(
    ("kind", "text", "arguments"),
    [
        (TypeError, "num_features is 2.5, but must be an integer; pass the number of channels C", {"num_features": 2.5}),
        (TypeError, "num_features is True, but must be an integer; pass the number of channels C", {"num_features": True}),
        (ValueError, "num_features is -1, but must not be negative; pass the number of channels C", {"num_features": -1}),
        (TypeError, "eps is '1', but must be a real number; pass a float", {"num_features": 2, "eps": "1"}),
        (TypeError, "momentum is '1', but must be a real number or None; pass a float", {"num_features": 2, "momentum": "1"}),
        (
            ValueError,
            "dtype is 'int64', which batch normalization is not verified in; choose from float16, bfloat16, float32, float64",
            {"num_features": 2, "dtype": np.int64},
        ),
    ],
)
def test_the_constructor_refuses(kind: type[Exception], text: str, arguments: dict[str, Any]) -> None:
    assert refusal(kind, lambda: BatchNorm1d(**arguments)) == text


FORWARDS: list[tuple[type[Exception], str, Action]] = [
    (TypeError, "x is [[1.0]], but must be a NumPy array; convert it first", forward([[1.0]])),
    (ValueError, "x has shape (2,), but must have 2 or 3 dimensions; pass (N, C) or (N, C, L)", forward(BATCH[0])),
    (
        ValueError,
        "x has shape (2, 2, 1, 1), but must have 2 or 3 dimensions; pass (N, C) or (N, C, L)",
        forward(BATCH[..., None, None]),
    ),
    (ValueError, "x has 1 channels, but the layer has 2; pass that many along axis 1", forward(BATCH[:, :1])),
    (
        TypeError,
        "x has dtype float64, but a layer of float32 takes float32, float16, bfloat16; convert it first",
        forward(BATCH.astype(np.float64)),
    ),
    (
        TypeError,
        "x has dtype int32, but a layer of float32 takes float32, float16, bfloat16; convert it first",
        forward(BATCH.astype(np.int32)),
    ),
    (
        ValueError,
        "x has shape (1, 2), but a variance needs more than one value a channel; pass more rows",
        forward(BATCH[:1]),
    ),
    (
        ValueError,
        "x has shape (1, 2, 1), but a variance needs more than one value a channel; pass more rows",
        forward(BATCH[:1, :, None]),
    ),
    (
        ValueError,
        "x has shape (1, 2), but a variance needs more than one value a channel; pass more rows",
        forward(BATCH[:1], training=False, running_mean=None, running_var=None),
    ),
]
# The rules for eps have changed across versions of torch, so they are not compared with it.
EPS_FORWARDS: list[tuple[type[Exception], str, Action]] = [
    (
        ValueError,
        "eps is 0.0, but must be positive where the batch's statistics are used; build the layer with another eps",
        forward(BATCH, eps=0.0),
    ),
    (
        ValueError,
        "eps is -1.0, but must be positive where the batch's statistics are used; build the layer with another eps",
        forward(BATCH, eps=-1.0),
    ),
    (
        ValueError,
        "eps is -0.5, but must not be negative; build the layer with another eps",
        forward(BATCH, eps=-0.5, training=False),
    ),
]


@pytest.mark.parametrize(("kind", "text", "act"), FORWARDS + EPS_FORWARDS)
def test_forward_refuses_and_changes_nothing(kind: type[Exception], text: str, act: Action) -> None:
    layer = BatchNorm1d(2)
    before, batches = layer.state_dict(), layer.num_batches_tracked
    assert refusal(kind, lambda: act(layer)) == text
    assert all((array == before[name]).all() for name, array in layer.state_dict().items())
    assert batches == 0


@pytest.mark.parametrize("act", [act for _, _, act in FORWARDS[1:]])
def test_torch_refuses_the_same_batches(act: Action) -> None:
    class InTorch(torch.nn.BatchNorm1d):
        def __call__(self, x: Any) -> Any:
            return super().__call__(torch.from_numpy(x))

    with pytest.raises((ValueError, RuntimeError, NotImplementedError)):
        act(InTorch(2))


@pytest.mark.parametrize(
    ("kind", "text", "grad_y"),
    [
        (TypeError, "grad_y is None, but must be a NumPy array; convert it first", None),
        (TypeError, "grad_y has dtype complex64, but must hold real numbers; convert it first", BATCH.astype(np.complex64)),
        (ValueError, "grad_y has shape (1, 2), but must have that of the latest output; pass (2, 2)", BATCH[:1]),
    ],
)
def test_backward_refuses(kind: type[Exception], text: str, grad_y: Any) -> None:
    layer = BatchNorm1d(2)
    layer(BATCH)
    assert refusal(kind, lambda: layer.backward(grad_y)) == text


def test_backward_refuses_to_come_first() -> None:
    text = "backward needs a forward pass to go back through, and there was none; call the layer first"
    assert refusal(RuntimeError, lambda: BatchNorm1d(2).backward(BATCH)) == text


def test_a_refused_forward_leaves_the_earlier_one_to_go_back_through() -> None:
    layer = BatchNorm1d(2)
    layer(BATCH)
    before = layer.backward(BATCH)[0].tolist()
    refusal(ValueError, lambda: layer(BATCH[:1]))
    assert layer.backward(BATCH)[0].tolist() == before


@pytest.mark.parametrize(
    ("kind", "text", "state"),
    [
        (ValueError, f"state lacks 'bias', but must have every entry of {ENTRIES}; add it", {"weight": np.zeros(2)}),
        (
            ValueError,
            f"state has 'scale', which is none of the layer's entries ({ENTRIES}); remove it",
            STATE | {"scale": np.zeros(2)},
        ),
        (
            ValueError,
            "state['bias'] has shape (1,), but this layer's has (2,); pass that shape",
            STATE | {"weight": np.zeros(2), "bias": np.zeros(1)},
        ),
        (
            TypeError,
            "state['bias'] has dtype complex128, but must hold real numbers; convert it first",
            STATE | {"weight": np.zeros(2), "bias": np.zeros(2, complex)},
        ),
        (
            TypeError,
            "state['num_batches_tracked'] has dtype float64, but must hold an integer; convert it first",
            STATE | {"weight": np.zeros(2), "num_batches_tracked": 1.5},
        ),
    ],
)
def test_loading_refuses_and_changes_nothing(kind: type[Exception], text: str, state: dict[str, Any]) -> None:
    layer = BatchNorm1d(2)
    before = layer.state_dict()
    assert refusal(kind, lambda: layer.load_state_dict(state)) == text
    assert all((array == before[name]).all() for name, array in layer.state_dict().items())


def test_a_layer_that_holds_nothing_loads_nothing() -> None:
    layer = BatchNorm1d(2, affine=False, track_running_stats=False)
    text = "state has 'weight', which is none of the layer's entries (there are none); remove it"
    assert refusal(ValueError, lambda: layer.load_state_dict({"weight": np.ones(2)})) == text


def test_the_mode_is_a_bool() -> None:
    text = "mode is 1, but must be True or False; pass a bool"
    assert refusal(TypeError, lambda: BatchNorm1d(2).train(1)) == text
