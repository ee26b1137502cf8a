"""haiku: BatchNorm gives NaN in training for equal values in float32, and for values above 256 in float16.

The variance is E[x^2] - E[x]^2 in the dtype of the input: it comes out negative, by more than eps; x^2 overflows in float16.
The exit status is 1 while it does.
"""

import sys
from decimal import Decimal, getcontext
from importlib.metadata import version

import haiku as hk
import jax
import numpy as np

getcontext().prec = 40

print("dm-haiku", version("dm-haiku"))
norm = hk.transform_with_state(lambda x: hk.BatchNorm(True, True, 0.9)(x, is_training=True))
wrong = False
for x in (np.full((7, 1), 333.3, np.float32), np.array([[300], [301], [302]], np.float16)):
    parameters, state = norm.init(jax.random.key(0), x)
    y, state = norm.apply(parameters, state, None, x)
    exact = [Decimal(float(value)) for value in x[:, 0]]
    mean = sum(exact) / len(exact)
    var = sum((value - mean) ** 2 for value in exact) / len(exact)
    expected = (exact[0] - mean) / (var + Decimal(float(np.asarray(1e-5, x.dtype)))).sqrt()
    print(f"{x.dtype} {x[0, 0]} ...: y[0] = {y[0, 0]}, expected {+expected:.30f}")
    print(f"    variance kept {state['batch_norm/~/var_ema']['average'].ravel()[0]}, expected {+var:.30f}")
    wrong |= bool(np.isnan(np.asarray(y, np.float64)).any())
sys.exit(wrong)
