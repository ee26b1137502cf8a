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

    libraries = ("equinox",)
    form = 'equinox.nn.BatchNorm(mode="batch")'
    conventions = LIBRARIES["equinox"]
    momentum = tuple(momentum for momentum in OfJax.momentum if 0 < momentum < 1)  # as its documentation says
    channels_last = False
    mode = "batch"

    def made(self, channels: int, affine: bool, held: Any) -> tuple[Any, Any]:
        """Layer and state, as they are constructed."""
        make = eqx.nn.make_with_state(eqx.nn.BatchNorm)
        made: tuple[Any, Any] = make(channels, "batch", channelwise_affine=affine, dtype=held, mode=self.mode)
        return made

    def index(self, layer: Any) -> Any:
        """Where the state has the statistics."""
        return layer.batch_state_index

    def seen_batches(self, layer: Any, state: Any, batches: Any) -> Any:
        """The state of a layer that has seen so many batches."""
        return state.set(layer.batch_counter, state.get(layer.batch_counter) + batches)

    def fresh(self, case: Case) -> tuple[Seen, Seen, State]:
        layer, state = self.made(case.channels, case.affine, case.pair.parameter_dtype)
        mean, var = (seen(each, what) for each, what in zip(state.get(self.index(layer)), NAMES, strict=True))
        return seen(layer.weight, "weight"), seen(layer.bias, "bias"), State(mean, var, 0)

    def step(self, training: bool, x: Any, weight: Any, bias: Any, *rest: Any) -> tuple[Any, Any, Any]:
        mean, var, eps, momentum, batches = rest
        layer, state = self.made(x.shape[1], weight is not None, mean.dtype)
        for name, value in {"weight": weight, "bias": bias, "eps": eps, "momentum": momentum}.items():
            object.__setattr__(layer, name, value)  # static fields take no traced numbers
        state = self.seen_batches(layer, state, batches).set(self.index(layer), (mean, var))
        one = lambda row: layer(row, state, inference=not training)  # noqa: E731  # what is mapped over rows
        y, state = jax.vmap(one, axis_name="batch", out_axes=(0, None))(x)
        return y, *state.get(self.index(layer))
