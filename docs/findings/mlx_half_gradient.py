"""mlx 0.32.4: the gradient through nn.BatchNorm in float16 is NaN where a channel has equal values.

y is right. Going back, rsqrt(var + eps) is differentiated in float16, with (var + eps)^-1.5 = 3.2e7 beyond 65504, and infinity
times zero is NaN. dx = (dy - mean(dy)) / sqrt(eps) in exact arithmetic, as x_hat is zero.
"""

import math
import sys
from decimal import Decimal, getcontext

import mlx.core as mx
from mlx import nn

mx.set_default_device(mx.cpu)
getcontext().prec = 40
dy = [1, 2, 6]
expected = [(Decimal(each) - Decimal(sum(dy)) / 3) / Decimal("1e-5").sqrt() for each in dy]

layer = nn.BatchNorm(1)
x = mx.array([[1.0], [1.0], [1.0]], dtype=mx.float16)
y, (grad_x,) = mx.vjp(lambda x: [layer(x)], [x], [mx.array([[float(each)] for each in dy])])
given = [row[0] for row in grad_x.tolist()]
print("y       ", y[0].tolist())
print("grad_x  ", given)
print("expected", *(f"{each:.30g}" for each in expected))
sys.exit(any(math.isnan(each) for each in given))
