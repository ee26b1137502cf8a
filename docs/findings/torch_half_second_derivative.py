"""torch: derivatives of the gradients of batch norm in half precision take a mean that is rounded to it.

The gradient of the weight, sum(dy x_hat), has the derivative x_hat by dy; torch gives it for a batch around another mean.
The exit status is 1 while it does.
"""

import sys

import torch

# (x - mean) / sqrt(var + 1e-5) of 128, 129, 132, of mean 129 + 2/3 and variance 26/9
X_HAT = [-0.980578978536, -0.392231591415, 1.372810569951]

wrong = False
for dtype in (torch.float32, torch.float16, torch.bfloat16):
    x = torch.tensor([[128.0], [129.0], [132.0]], dtype=dtype, requires_grad=True)  # which all of them hold
    dy = torch.ones(3, 1, dtype=dtype, requires_grad=True)
    weight, bias = torch.ones(1, requires_grad=True), torch.zeros(1)  # in float32, and so are the running statistics
    y = torch.nn.functional.batch_norm(x, torch.zeros(1), torch.ones(1), weight, bias, training=True)
    [grad_weight] = torch.autograd.grad(y, weight, dy, create_graph=True)
    given = torch.autograd.grad(grad_weight, dy)[0].flatten().tolist()
    off = max(abs(got - wanted) for got, wanted in zip(given, X_HAT))
    print("torch", torch.__version__, dtype, "y", [round(v, 4) for v in y.flatten().tolist()], "gives", given, "for", X_HAT)
    wrong = wrong or off > 4 * torch.finfo(dtype).eps * max(map(abs, X_HAT))
sys.exit(wrong)
