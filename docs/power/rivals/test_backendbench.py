"""BackendBench's suite of torch's own samples of batch norm (OpInfo), at 1e-2.

https://github.com/meta-pytorch/BackendBench/blob/66e0dbc05a683e537830c246ea83255ff227676f/BackendBench/suite/opinfo.py
https://github.com/meta-pytorch/BackendBench/blob/66e0dbc05a683e537830c246ea83255ff227676f/BackendBench/eval.py
https://github.com/pytorch/pytorch/blob/v2.13.0/torch/testing/_internal/common_methods_invocations.py

Theirs: each sample that runs as one operator, on a GPU in bfloat16; outputs of the dtype and shape of torch's and
within an absolute and relative tolerance of 1e-2, NaN being equal to NaN. Values are uniform in [-9, 9], running
statistics in [0, 9].
Here: the samples of native_batch_norm and those of functional.batch_norm, which differ in their defaults, as they are
but for two axes of positions, which are one; y alone, since what the operator saves for its backward pass no layer
shows. The samples of one axis without values are left out, as a layer takes no such batch. In float32: in bfloat16 two
correct layers differ by more than that in one of the samples.
"""

import pytest
import torch

SEED, TOLERANCE = 0, 1e-2
LIKE_NATIVE = {"training": True, "momentum": 0.5, "eps": 1e-5}
LIKE_FUNCTION = {"training": False, "momentum": 0.1, "eps": 1e-5}
SAMPLES = [
    ((5, 5, 5), {"training": True, "momentum": 0.5, "eps": 0.6}),
    ((3, 2, 4), {"training": False, "momentum": -1.2}),
    ((3, 1), {"training": True, "momentum": 0.0}),
    ((3, 2, 12), {"training": True, "momentum": -1.0, "eps": 0.5}),
    ((3, 2, 12), {"training": False, "momentum": -1.0, "eps": 0.5}),
    ((2, 1), {}),
    ((2, 1), {"training": True}),
    ((2, 1), {"training": False}),
    ((2, 1), {"training": False}),
]


def uniform(*shape: int, low: float = -9.0) -> torch.Tensor:
    return torch.empty(shape).uniform_(low, 9.0)


def assert_close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, atol=TOLERANCE, rtol=TOLERANCE, equal_nan=True)


@pytest.mark.parametrize("defaults", [LIKE_NATIVE, LIKE_FUNCTION], ids=["native", "function"])
@pytest.mark.parametrize(("shape", "given"), SAMPLES)
def test_the_output_of_a_sample_is_close(shape: tuple[int, ...], given: dict[str, float], defaults: dict[str, float]) -> None:
    torch.manual_seed(SEED)
    asked, channels = {**defaults, **given}, shape[1]
    x, weight, bias = uniform(*shape), uniform(channels), uniform(channels)
    mean, var = uniform(channels, low=0.0), uniform(channels, low=0.0)
    layer = torch.nn.BatchNorm1d(channels, eps=asked["eps"], momentum=asked["momentum"]).train(asked["training"])
    with torch.no_grad():
        for mine, value in zip(
            (layer.weight, layer.bias, layer.running_mean, layer.running_var), (weight, bias, mean, var), strict=True
        ):
            mine.copy_(value)
        y = layer(x)

    expected = torch.native_batch_norm(x, weight, bias, mean, var, asked["training"], asked["momentum"], asked["eps"])[0]
    assert_close(y, expected)


def test_the_output_without_parameters_and_statistics_is_close() -> None:
    torch.manual_seed(SEED)
    x = uniform(1, 2, 3)
    layer = torch.nn.BatchNorm1d(2, affine=False, track_running_stats=False)

    assert_close(layer(x), torch.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-5)[0])
