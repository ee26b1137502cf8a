"""mlx: BatchNorm computes mean and variance in the half format of its input: zeros, NaN and infinite statistics, unsaid.

The exit status is 1 while it does.
"""

import sys
from decimal import Decimal, getcontext
from importlib.metadata import version

import mlx.core as mx
import numpy as np
from mlx import nn

getcontext().prec = 40
mx.set_default_device(mx.cpu)

print("mlx", version("mlx"))
wrong = False
for values, dtype in (
    ([300, -300, 300, -300], mx.float16),
    ([60000, 60000, 60000, 59008], mx.float16),
    ([1000, 1000, 1000], mx.bfloat16),
    ([100, 101, 102], mx.bfloat16),
):
    x = mx.array(np.array(values, np.float32)[:, None]).astype(dtype)
    layer = nn.BatchNorm(1)
    y = float(layer(x).astype(mx.float32)[0, 0])
    exact = [Decimal(float(value)) for value in x.astype(mx.float32)[:, 0].tolist()]
    mean = sum(exact) / len(exact)
    var = sum((value - mean) ** 2 for value in exact) / len(exact)
    expected = (exact[0] - mean) / (var + Decimal(1e-5)).sqrt()
    running = Decimal("0.9") + var * len(exact) / (len(exact) - 1) / 10
    print(f"{dtype} {values}: y[0] = {y}, expected {+expected:.30f}")
    print(f"    running variance {layer.running_var.item()}, expected {running:.30g}")
    wrong |= not abs(y - float(expected)) < 0.1
sys.exit(wrong)
