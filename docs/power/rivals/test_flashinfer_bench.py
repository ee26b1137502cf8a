"""The evaluation that flashinfer-bench has for any kernel: three normal batches, wrong where an error is large both ways.

https://github.com/flashinfer-ai/flashinfer-bench/blob/40e6ca7844b514eb4b1c7edba6d6a7377df57870/flashinfer_bench/bench/evaluators/default.py
https://github.com/flashinfer-ai/flashinfer-bench/blob/40e6ca7844b514eb4b1c7edba6d6a7377df57870/flashinfer_bench/bench/utils.py
https://github.com/flashinfer-ai/flashinfer-bench/blob/40e6ca7844b514eb4b1c7edba6d6a7377df57870/flashinfer_bench/bench/config.py

Theirs: three trials with all inputs normal, without gradients; shape and dtype of the reference, nothing infinite or
NaN, and no element whose absolute *and* relative error is more than 1e-2. Which kernels there are, definitions say, each
with a reference; no batch norm is among them.
Here: the shapes are those of its definition of RMS norm, a batch of rows of 4,096 features (channels), with 16 and with
64 rows; x, weight and bias are normal, and the output in training is looked at. In float32: with bfloat16 parameters
torch's own layer on a CPU fails against a reference that computes in float32.
"""

import pytest
import torch

TRIALS, CHANNELS = 3, 4096
ABSOLUTE = RELATIVE = 1e-2
BESIDE_ZERO = 1e-8  # what keeps the relative error of a zero finite


@pytest.mark.parametrize("rows", [16, 64])
def test_no_element_is_wrong_both_absolutely_and_relatively(rows: int) -> None:
    torch.manual_seed(0)
    layer = torch.nn.BatchNorm1d(CHANNELS)

    for _ in range(TRIALS):
        x = torch.randn(rows, CHANNELS)
        weight, bias = torch.randn(2, CHANNELS).unbind()
        with torch.no_grad():
            expected = torch.native_batch_norm(x, weight, bias, None, None, True, 0.1, 1e-5)[0]
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
            y = layer(x)

        assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
        assert y.isfinite().all()
        error = (y.float() - expected.float()).abs()
        assert not ((error > ABSOLUTE) & (error / (expected.float().abs() + BESIDE_ZERO) > RELATIVE)).any()
