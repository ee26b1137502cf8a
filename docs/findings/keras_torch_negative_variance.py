"""keras on torch: BatchNormalization gives NaN in training for a channel of equal values.

The variance is E[x^2] - E[x]^2 and may come out negative, by more than epsilon. The exit status is 1 while it does.
"""

import os
import sys
from decimal import Decimal, getcontext

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np

getcontext().prec = 40

print("keras", keras.__version__)
wrong = False
for value in (333.3, 1000.1):
    x = np.full((7, 1), value, np.float32)
    layer = keras.layers.BatchNormalization()
    y = layer(x, training=True).detach().numpy()[:, 0]
    kept = float(layer.moving_variance.numpy()[0])
    expected = Decimal(0.99)  # 0.99 * 1 + 0.01 * 0; and y = beta = 0
    print(f"seven values {value}: y = {y[0]}, expected {Decimal(0):.30f}")
    print(f"    moving variance {kept}, expected {expected:.30g}")
    wrong |= bool(np.isnan(y).any())

rng = np.random.default_rng(0)
x = (1000 + 0.01 * rng.standard_normal((32, 1))).astype(np.float32)
exact = [Decimal(float(value)) for value in x[:, 0]]
mean = sum(exact) / len(exact)
var = sum((value - mean) ** 2 for value in exact) / len(exact)
expected = (exact[0] - mean) / (var + Decimal(1e-3)).sqrt()
y = float(keras.layers.BatchNormalization()(x, training=True).detach().numpy()[0, 0])
print(f"mean 1000, deviation 0.01: y[0] = {y}, expected {expected:.30g}")
wrong |= not abs(y - float(expected)) < 0.1
sys.exit(wrong)
