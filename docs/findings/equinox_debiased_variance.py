"""equinox: BatchNorm(mode="batch") evaluates with a variance that is some 100 times too large after its first batch.

The hidden variance begins with one; an evaluation divides it by 1 - momentum^k, which is right for one that begins with zero.
Batches of -1, 1, -1, 1 have mean 0 and variance 1: an average of their variances, debiased, is 1 after any number of them.
The exit status is 1 while it is not.
"""

import sys
from decimal import Decimal, getcontext

import equinox as eqx
import jax
import jax.numpy as jnp

getcontext().prec = 40

x = jnp.array([[-1.0], [1.0], [-1.0], [1.0]], jnp.float32)
layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(1, "batch", mode="batch")


def call(state, inference):
    one = lambda row: layer(row, state, inference=inference)  # noqa: E731
    return jax.vmap(one, axis_name="batch", out_axes=(0, None))(x)


expected = 1 / (1 + Decimal(1e-5)).sqrt()
print("equinox", eqx.__version__)
print(f"expected after any number of batches: {expected:.30g}")
wrong = False
for k in range(1, 1001):
    _, state = call(state, False)
    if k in (1, 2, 10, 100, 1000):
        y = float(call(state, True)[0][1, 0])
        wrong |= abs(Decimal(y) - expected) > Decimal("1e-5")
        print(f"after {k:4} batches of mean 0 and variance 1, eval of 1 is {y:.9g}")
sys.exit(wrong)
