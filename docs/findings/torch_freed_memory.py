"""torch on the CPU: going back through (N, C), weight and running statistics that lie with gaps are read after they were freed.

In aten/src/ATen/native/cpu/batch_norm_kernel.cpp conditional_data_ptr returns a pointer into t.contiguous(), a temporary copy
where t has gaps, which is gone when the pointer is used. The exit status is 1 while it is so.
"""

import sys
from fractions import Fraction

import torch

print("torch", torch.__version__)
x = torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], dtype=torch.float64, requires_grad=True)
dy = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 0.25]], dtype=torch.float64)
wrong = False
for gaps in (False, True):
    layer = torch.nn.BatchNorm1d(2, eps=0.0, dtype=torch.float64).eval()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([2.0, 3.0]))
        layer.running_mean.copy_(torch.tensor([1.0, -1.0]))
        layer.running_var.copy_(torch.tensor([4.0, 9.0]))
    if gaps:  # the same numbers, in every second place of a memory
        for own in (layer.weight, layer.running_mean, layer.running_var):
            own.data = torch.stack([own.data, torch.full_like(own.data, 7.0)], dim=1).flatten()[::2]
    y = layer(x)
    grad_x, grad_weight = torch.autograd.grad(y, (x, layer.weight), dy)
    # in eval dx = gamma dy / sigma = dy here, and dgamma = sum(dy (x - mean) / sigma): 11/4 and 1/6
    expected_x, expected_weight = dy, [Fraction(11, 4), Fraction(1, 6)]
    off = max(abs(float(g) - float(e)) for g, e in zip(grad_weight, expected_weight, strict=True))
    print("with gaps:" if gaps else "contiguous:", "dx", grad_x.tolist(), "dweight", grad_weight.tolist())
    print("  expected: dx", expected_x.tolist(), "dweight", [str(e) for e in expected_weight])
    wrong = wrong or off > 2.0**-40 or not bool(torch.allclose(grad_x, expected_x))
sys.exit(1 if wrong else 0)
