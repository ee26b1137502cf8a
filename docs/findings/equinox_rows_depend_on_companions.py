"""equinox under jax.jit: an evaluation of a row differs in its last bit with the number of rows beside it.

XLA compiles each shape for itself: with and without a fused multiply-add. The exit status is 1 while it does.
"""

import sys
from decimal import Decimal, getcontext

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

getcontext().prec = 40

mean, var = jnp.array([-3.0, -1.5, 1.5, 2.0], jnp.float32), jnp.array([3.25, 2.75, 2.25, 2.25], jnp.float32)


@jax.jit
def evaluate(x, weight, bias, mean, var):
    layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(4, "batch", mode="batch")
    kept = state.set(layer.batch_state_index, (mean, var))
    one = eqx.tree_at(lambda it: (it.weight, it.bias), layer, (weight, bias))
    return jax.vmap(lambda row: one(row, kept, inference=True)[0], axis_name="batch")(x)


weight, bias = jnp.array([2.5, 2.0, 1.0, 2.5], jnp.float32), jnp.array([3.0, 2.0, -2.0, -2.0], jnp.float32)
seen = {rows: np.asarray(evaluate(jnp.zeros((rows, 4), jnp.float32), weight, bias, mean, var))[0] for rows in (1, 2, 8)}
print("equinox", eqx.__version__, "jax", jax.__version__)
exact = [
    -Decimal(float(m)) / (Decimal(float(v)) + Decimal(1e-5)).sqrt() * Decimal(float(w)) + Decimal(float(b))
    for m, v, w, b in zip(mean, var, weight, bias)
]
print("expected", *(f"{value:.30g}" for value in exact))
for rows, y in seen.items():
    print(f"first of {rows} equal rows", *(value.hex() for value in y.tolist()))
sys.exit(any(not np.array_equal(y, seen[1]) for y in seen.values()))
