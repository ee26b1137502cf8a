"""torch's batch norm on the CPU gives contiguous outputs, and says otherwise where there are no numbers.

On the meta device, and as a FakeTensor, y and the gradient of x of a transposed batch have its strides. torch.compile and
torch.export plan by them: what views y as they say fails where y is.

The exit status is 1 while it is so.
"""

import sys

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

SHAPE = (4, 3)


def strides(device):
    """Those of y and of the gradient of x, of a batch that lies channel by channel."""
    layer = torch.nn.BatchNorm1d(SHAPE[1], device=device)
    x = torch.zeros(SHAPE[::-1], device=device).T.detach().requires_grad_()
    y = layer(x)
    (grad_x,) = torch.autograd.grad(y, x, torch.zeros_like(y))
    return y.stride(), grad_x.stride()


real = strides("cpu")
with FakeTensorMode():
    fake = strides("cpu")
said = {"the CPU": real, "the meta device": strides("meta"), "a FakeTensor of the CPU": fake}
for name, found in said.items():
    print(f"torch {torch.__version__}: y and grad x on {name} have strides {found}")
sys.exit(any(found != real for found in said.values()))
