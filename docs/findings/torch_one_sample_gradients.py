"""torch on the CPU: BatchNorm2d goes back wrongly through one sample of one column where x and dy lie in another order.

The same upstream gradient, laid out otherwise, gives other gradients; that of the bias is the sum of dy over the channel.
The exit status is 1 while it does.
"""

import sys

import torch

x = torch.tensor([[[[0.0], [1.0]], [[0.0], [2.0]]]])  # (N, C, H, W) = (1, 2, 2, 1)
dy = torch.tensor([[[[1.0], [2.0]], [[3.0], [5.0]]]])
transposed = dy.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)  # the same numbers
assert torch.equal(transposed, dy)
layer = torch.nn.BatchNorm2d(2)
print("torch", torch.__version__)
seen = []
for upstream in (dy, transposed):
    leaf = x.clone().requires_grad_()
    grad_x, grad_bias = torch.autograd.grad(layer(leaf), (leaf, layer.bias), upstream)
    seen.append(grad_bias.tolist())
    print(f"dy of strides {upstream.stride()}: grad of the bias {grad_bias.tolist()}, expected [3.0, 8.0]")
    print(f"    grad of x {grad_x.flatten().tolist()}")
sys.exit(seen != [[3.0, 8.0], [3.0, 8.0]])
