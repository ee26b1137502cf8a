"""equinox.nn.BatchNorm(mode="batch") under ``jax.vmap``."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax

from bn_reference.cases.case import Case, Seen, State
from bn_reference.conventions import LIBRARIES
from bn_reference.targets.arrays import seen
from bn_reference.targets.frameworks.of_jax import OfJax

NAMES = ("running_mean", "running_var")


class Equinox(OfJax):
    """The module; its state is what it keeps: sums from which an evaluation takes the averages."""

    form = 'equinox.nn.BatchNorm(mode="batch")'
    conventions = LIBRARIES["equinox"]
    momentum = tuple(momentum for momentum in OfJax.momentum if 0 < momentum < 1)  # as its documentation says
    channels_last = False

    def fresh(self, case: Case) -> tuple[Seen, Seen, State]:
        made, held = case.affine, case.pair.parameter_dtype
        layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(
            case.channels, "batch", channelwise_affine=made, dtype=held, mode="batch"
        )
        mean, var = (seen(each, what) for each, what in zip(state.get(layer.batch_state_index), NAMES, strict=True))
        weight, bias = seen(layer.weight, "weight"), seen(layer.bias, "bias")
        return weight, bias, State(mean, var, int(state.get(layer.batch_counter)))

    def step(self, training: bool, x: Any, weight: Any, bias: Any, *rest: Any) -> tuple[Any, Any, Any]:
        mean, var, eps, momentum, batches = rest
        make = eqx.nn.make_with_state(eqx.nn.BatchNorm)
        layer, state = make(x.shape[1], "batch", channelwise_affine=weight is not None, dtype=mean.dtype, mode="batch")
        for name, value in {"weight": weight, "bias": bias, "eps": eps, "momentum": momentum}.items():
            object.__setattr__(layer, name, value)  # static fields take no traced numbers
        state = state.set(layer.batch_counter, state.get(layer.batch_counter) + batches)
        state = state.set(layer.batch_state_index, (mean, var))
        one = lambda row: layer(row, state, inference=not training)  # noqa: E731  # what is mapped over rows
        y, state = jax.vmap(one, axis_name="batch", out_axes=(0, None))(x)
        return y, *state.get(layer.batch_state_index)
