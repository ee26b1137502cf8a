"""tinygrad: BatchNorm computes mean and variance in the half format of its input: zeros and infinite statistics, unsaid.

The exit status is 1 while it does.
"""

import sys
from decimal import Decimal, getcontext
from importlib.metadata import version

import numpy as np
from tinygrad import Tensor, nn
from tinygrad.helpers import Context

getcontext().prec = 40

print("tinygrad", version("tinygrad"))
wrong = False
for values in ([300, -300, 300, -300], [0, 0, 0, 2049 / 2048]):
    x = np.array(values, np.float16)[:, None]
    layer = nn.BatchNorm(1)
    with Context(TRAINING=1):
        y = layer(Tensor(x)).numpy()[0, 0]
    exact = [Decimal(float(value)) for value in x[:, 0]]
    mean = sum(exact) / len(exact)
    var = sum((value - mean) ** 2 for value in exact) / len(exact)
    expected = (exact[0] - mean) / (var + Decimal(1e-5)).sqrt()
    running = Decimal("0.9") + var * len(exact) / (len(exact) - 1) / 10
    print(f"float16 {values}: y[0] = {y} in {y.dtype}, expected {expected:.30f}")
    print(f"    running variance {layer.running_var.numpy()[0]}, expected {running:.30f}")
    wrong |= not abs(y - float(expected)) < 1e-5
sys.exit(wrong)
