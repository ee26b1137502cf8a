"""Batch-norm layers by name, for the models: torch's, the reference, or any target."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array, Case, Seen
from bn_reference.cases.layouts import place
from bn_reference.mnist.models import LayerFactory
from bn_reference.power.shell import LayerShell
from bn_reference.reports.sentences import say_fact
from bn_reference.targets import REFERENCE, TORCH
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.forms.torch_tensors import from_tensor, to_tensor
from bn_reference.targets.protocol import Implementation, Misbehaviour, had
from bn_reference.targets.recognition import load_target
from bn_reference.targets.watched import Watched

__all__ = ["ImplementationLayer", "layer_named"]

NAMES = {"torch": TORCH, "reference": REFERENCE}


def layer_named(name: str) -> LayerFactory:
    """What builds the batch-norm layers of a model.

    Args:
        name: ``torch``, ``reference``, or a target, ``module:attribute`` or ``path/to/file.py:attribute``.

    Raises:
        UnusableTarget: the target cannot be loaded.
    """
    implementation = load_target(NAMES.get(name, name))
    if isinstance(implementation, TorchImplementation):
        return implementation.factory
    return partial(ImplementationLayer, implementation)


class ImplementationLayer(LayerShell):
    """Any implementation as a layer of a torch model: it computes forth and back, torch keeps parameters and state.

    Each forward pass opens a session of the implementation with the layer's parameters and statistics as they are, and
    takes the statistics over from it afterwards.
    """

    def __init__(self, implementation: Implementation, num_features: int, **options: Any) -> None:
        super().__init__(num_features, **options)
        self.implementation = Watched(implementation)

    def forward(self, batch: Tensor) -> Tensor:
        self.validate_shape(batch)
        y: Tensor = _Through.apply(batch, self.weight, self.bias, self)  # type: ignore[no-untyped-call]
        return y

    def case(self, batch: Tensor) -> Case:
        """The layer's parameters and state with this batch; its upstream gradient is not known yet."""
        x = from_tensor(batch, "the batch")
        weight, bias, mean, var = (_values(tensor) for tensor in (self.weight, self.bias, self.running_mean, self.running_var))
        held = next((values for values in (weight, mean) if values is not None), x)
        return Case(
            pair=Pair(x.dtype.name, held.dtype.name),
            x=x,
            grad_y=np.zeros_like(x),
            weight=weight,
            bias=bias,
            running_mean=mean,
            running_var=var,
            batches=int(self.num_batches_tracked) if self.track_running_stats else 0,
            eps=self.eps,
            momentum=self.momentum,
        )


def _said(misbehaviour: Misbehaviour) -> Misbehaviour:
    """The same in words, for whoever trains with the layer."""
    return Misbehaviour(say_fact(misbehaviour.fact))


def _values(tensor: Tensor | None) -> Array | None:
    return None if tensor is None else from_tensor(tensor, "a parameter or a statistic")


def _tensor(seen: Seen) -> Tensor | None:
    try:
        values = had(seen)
    except Misbehaviour as misbehaviour:
        raise _said(misbehaviour) from misbehaviour
    return None if values is None else to_tensor(place(values, "contiguous"), "cpu")[0]


class _Through(torch.autograd.Function):
    """A step of the implementation, recorded: ``batch: (N, C) or (N, C, L)``, ``weight, bias: (C,)`` or None."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        batch, _, _, layer = inputs
        session = layer.implementation.open(layer.case(batch))
        step = session.forward(place(from_tensor(batch, "the batch"), "contiguous"), training=layer.training)
        if layer.training and layer.track_running_stats:
            state = session.state()
            layer.running_mean.copy_(_tensor(state.mean))
            layer.running_var.copy_(_tensor(state.var))
            layer.num_batches_tracked.fill_(state.batches)
        ctx.step = step
        try:
            y = _tensor(step.y)
        except Misbehaviour as misbehaviour:
            raise _said(misbehaviour) from misbehaviour
        assert y is not None
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        grads = ctx.step.backward(place(from_tensor(upstream[0], "the upstream gradient"), "contiguous"))
        return _tensor(grads.x), _tensor(grads.weight), _tensor(grads.bias), None
