"""The test that cuDNN's frontend has of batch norm in training with a ReLU behind it: one float16 batch, at 1e-3.

https://github.com/NVIDIA/cudnn-frontend/blob/3929da2ef4c1dba1bb8acb68727b9134f26f40c0/test/python/test_batchnorm.py

Theirs: one normal batch of (4, 16, 56, 56), float16, channels last, with normal parameters in float32, eps 1e-3,
momentum 0.1, running statistics drawn at random and never looked at; the output behind the ReLU, and what is saved for
the backward pass, within an absolute and relative tolerance of 1e-3 of torch's in float32. Its tests of the backward
pass compare nothing.
Here: BatchNorm1d with the positions in one axis; y alone, since a layer does not show what it saves.
"""

import torch

SHAPE, EPS, MOMENTUM, TOLERANCE = (4, 16, 56 * 56), 1e-3, 0.1, 1e-3


def test_the_rectified_output_of_a_half_batch_is_close() -> None:
    torch.manual_seed(0)
    x = torch.randn(SHAPE, dtype=torch.float16).mT.contiguous().mT  # channels last
    weight, bias, mean, var = torch.randn(4, SHAPE[1]).unbind()
    layer = torch.nn.BatchNorm1d(SHAPE[1], eps=EPS, momentum=MOMENTUM)
    with torch.no_grad():
        for mine, value in zip(
            (layer.weight, layer.bias, layer.running_mean, layer.running_var), (weight, bias, mean, var), strict=True
        ):
            mine.copy_(value)
        y = torch.relu(layer(x))

    expected = torch.relu(torch.native_batch_norm(x.float(), weight, bias, mean, var, True, MOMENTUM, EPS)[0])
    torch.testing.assert_close(expected, y.float(), atol=TOLERANCE, rtol=TOLERANCE)
