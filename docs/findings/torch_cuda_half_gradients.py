"""torch on CUDA: the backward pass of the native batch norm rounds its sums to the half format of the input at every step.

The exit status is 1 while it does. It needs a CUDA device.
"""

import sys
from decimal import Decimal

import torch

DY = [0.89453125, 1.125, 0.61328125, -0.08251953125, 1.0078125, -0.7421875, -1.203125, 0.96484375, 0.1708984375, -0.380859375]
DY += [-1.859375, -0.025390625]  # bfloat16 numbers

dy = torch.tensor(DY, dtype=torch.bfloat16, device="cuda").reshape(3, 1, 4)
x = torch.arange(12.0, dtype=torch.bfloat16, device="cuda").reshape(3, 1, 4)
layer = torch.nn.BatchNorm1d(1, device="cuda")  # parameters in float32
with torch.backends.cudnn.flags(enabled=False):
    layer(x).backward(dy)
expected = sum(Decimal(value) for value in DY)
actual = layer.bias.grad.item()
print("torch", torch.__version__, torch.cuda.get_device_name())
print(f"grad of the bias, in {layer.bias.grad.dtype}: {actual}, expected {expected:.30f}")
sys.exit(abs(Decimal(actual) - expected) > Decimal("1e-5"))
