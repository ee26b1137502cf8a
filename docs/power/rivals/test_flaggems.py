"""FlagGems' tests of batch norm: in eval and in training, forth and back, in three dtypes, against float64, at 1e-4.

https://github.com/flagos-ai/FlagGems/blob/ed2508bcb5a03000e9774734201d840ba362cd11/tests/test_batch_norm.py
https://github.com/flagos-ai/FlagGems/blob/ed2508bcb5a03000e9774734201d840ba362cd11/tests/test_native_batch_norm_legit.py
https://github.com/flagos-ai/FlagGems/blob/ed2508bcb5a03000e9774734201d840ba362cd11/src/flag_gems/testing/__init__.py

Theirs: normal batches of (16, 3), (32, 32, 32), (8, 32, 224, 224), (2050, 16, 32, 32) and (8, 16, 3, 224, 224) in
float16, float32 and bfloat16, with normal parameters and without; output and running statistics, fresh before, within
1e-4 and a relative tolerance by dtype of torch's in float64. The older of the tests never sets `training`, so that it
looks at eval alone; the newer looks at both. Gradients get an absolute tolerance of 1e-4 times the number of values a
channel.
Here: BatchNorm1d, and for a CPU 196, 32 and 147 positions instead of 50,176, 1,024 and 150,528; in eval of the fourth,
4. Training and gradients are looked at in float32 alone: in the half formats torch's own layer on a CPU fails at these
tolerances. Gradients are those of a training step: theirs are of saved statistics drawn at random, which no layer can
be given.
"""

import pytest
import torch

SHAPES = [(16, 3), (32, 32, 32), (8, 32, 196), (2050, 16, 32), (8, 16, 147)]
SHAPES_IN_EVAL = [(16, 3), (32, 32, 32), (8, 32, 196), (2050, 16, 4), (8, 16, 147)]
RELATIVE = {torch.float16: 1e-3, torch.float32: 1.3e-6, torch.bfloat16: 0.016}
EPS, MOMENTUM = 1e-5, 0.1

affine_or_not = pytest.mark.parametrize("affine", [True, False], ids=["affine", "plain"])


def drawn(shape, affine, dtype=torch.float32):
    """The layer, x, and what torch is to be given of them in float64: x, weight and bias."""
    torch.manual_seed(0)
    layer = torch.nn.BatchNorm1d(shape[1], eps=EPS, momentum=MOMENTUM, affine=affine, dtype=dtype)
    x = torch.randn(shape, dtype=dtype)
    weight, bias = torch.randn(2, shape[1], dtype=dtype).unbind() if affine else (None, None)
    if affine:
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    return layer, x, [None if tensor is None else tensor.double() for tensor in (x, weight, bias)]


def assert_close(actual, expected, dtype=torch.float32, values=1):
    assert actual.dtype == dtype
    torch.testing.assert_close(actual, expected.to(dtype), atol=1e-4 * values, rtol=RELATIVE[dtype])


def assert_a_step_is_close(shape, affine, training, dtype=torch.float32):
    layer, x, given = drawn(shape, affine, dtype)
    mean, var = torch.zeros(x.shape[1]).double(), torch.ones(x.shape[1]).double()

    y = layer.train(training)(x)

    expected = torch.native_batch_norm(*given, mean, var, training, MOMENTUM, EPS)[0]
    assert_close(y.detach(), expected, dtype)
    assert_close(layer.running_mean, mean, dtype)
    assert_close(layer.running_var, var, dtype)


@affine_or_not
@pytest.mark.parametrize("dtype", list(RELATIVE), ids=str)
@pytest.mark.parametrize("shape", SHAPES_IN_EVAL, ids=str)
def test_an_evaluation_is_close(shape, dtype, affine):
    assert_a_step_is_close(shape, affine, training=False, dtype=dtype)


@affine_or_not
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_training_step_is_close(shape, affine):
    assert_a_step_is_close(shape, affine, training=True)


@affine_or_not
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_are_close(shape, affine):
    layer, x, given = drawn(shape, affine)
    upstream = torch.randn_like(x)

    layer(x.requires_grad_()).backward(upstream)

    asked = [tensor.requires_grad_() for tensor in given if tensor is not None]
    torch.native_batch_norm(*given, None, None, True, MOMENTUM, EPS)[0].backward(upstream.double())
    for mine, theirs in zip((x, layer.weight, layer.bias) if affine else (x,), asked, strict=True):
        assert_close(mine.grad, theirs.grad, values=x.numel() // x.shape[1])
