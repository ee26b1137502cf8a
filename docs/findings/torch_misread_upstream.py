"""torch on the CPU: batch norm goes back wrongly through (N, C, L, 1) where x and dy lie in another order; in float64 too.

x is in order, dy is (N, L, C) with its axes swapped: the same numbers, laid out otherwise, give other gradients. That of the
bias is the sum of dy over the channel. Likewise for (N, C, 1, L), for (N, C, L, 1, 1), and for any one sample.
The exit status is 1 while it does.
"""

import sys

import torch


def look(x, dy, transposed, expected):
    right = True
    assert torch.equal(transposed, dy)
    layer = torch.nn.BatchNorm2d(2, dtype=x.dtype)
    for upstream in (dy, transposed):
        leaf = x.clone().requires_grad_()
        _, grad_bias = torch.autograd.grad(layer(leaf), (leaf, layer.bias), upstream)
        print(f"x {tuple(x.shape)} {x.stride()}, dy {upstream.stride()}: bias {grad_bias.tolist()}, expected {expected}")
        right = right and grad_bias.tolist() == expected
    return right


print("torch", torch.__version__)
right = []
for dtype in (torch.float64, torch.float32, torch.bfloat16):
    x = torch.tensor([[[0, 1], [0, 2]], [[3, 1], [-1, 1]]], dtype=dtype)  # (N, C, L)
    dy = torch.tensor([[[1, 2], [3, 5]], [[1, -1], [2, 4]]], dtype=dtype)
    channels_last = dy.transpose(1, 2).contiguous().transpose(1, 2)
    right.append(look(x.unsqueeze(-1), dy.unsqueeze(-1), channels_last.unsqueeze(-1), [3.0, 14.0]))

one = torch.tensor([[[[0.0], [1.0]], [[0.0], [2.0]]]])  # (1, 2, 2, 1)
dy = torch.tensor([[[[1.0], [2.0]], [[3.0], [5.0]]]])
right.append(look(one, dy, dy.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0), [3.0, 8.0]))
image = torch.arange(8.0).reshape(1, 2, 2, 2)
dy = torch.tensor([[[[1.0, 2.0], [3.0, 5.0]], [[1.0, -1.0], [2.0, 4.0]]]])
right.append(look(image, dy, dy.permute(2, 3, 0, 1).contiguous().permute(2, 3, 0, 1), [11.0, 6.0]))
sys.exit(not all(right))
