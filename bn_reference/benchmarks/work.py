"""An implementation made ready to be timed: one call does one operation and keeps what it gave."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch

from bn_reference.benchmarks.operations import BACKWARD, EVAL
from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import place
from bn_reference.targets.forms.numpy_layer import NumpySession
from bn_reference.targets.forms.torch_session import TorchSession
from bn_reference.targets.forms.torch_tensors import from_tensor, to_tensor
from bn_reference.targets.protocol import Implementation, Misbehaviour, Session

__all__ = ["Outputs", "Work", "work_of"]

Outputs = dict[str, Array]  # y, and after a backward pass grad_x, grad_weight and grad_bias


class Work(ABC):
    """One operation of one implementation on one case."""

    @abstractmethod
    def run(self) -> None:
        """Do it once; this is what is timed."""

    @abstractmethod
    def outputs(self, channels: slice) -> Outputs:
        """What the latest run gave, for some channels."""


class TorchWork(Work):
    """A module called on a tensor that lies on its device already; in training with gradients recorded, in eval without."""

    def __init__(self, session: TorchSession, case: Case, operation: str, device: str) -> None:
        self._module = session.module.train(operation != EVAL)
        self._x = to_tensor(place(case.x, case.layout), device)[0]
        self._backward, self._records = operation == BACKWARD, operation != EVAL
        self._x.requires_grad_(self._backward)
        if self._backward:
            self._grad_y = to_tensor(place(case.grad_y, case.grad_layout), device)[0]
            self._sources = [self._x, self._module.weight, self._module.bias]
        self._y: Any = None
        self._grads: tuple[Any, ...] = ()

    def run(self) -> None:
        self._y, self._grads = None, ()  # as in training, what the step before gave is gone
        with torch.set_grad_enabled(self._records):
            self._y = self._module(self._x)
        if self._backward:
            self._grads = torch.autograd.grad(self._y, self._sources, self._grad_y)  # type: ignore[arg-type]

    def outputs(self, channels: slice) -> Outputs:
        given = {"y": self._y, **dict(zip(("grad_x", "grad_weight", "grad_bias"), self._grads, strict=False))}
        return {name: from_tensor(_channels(name, value, channels), name) for name, value in given.items()}


class NumpyWork(Work):
    """A NumPy layer called on an array."""

    def __init__(self, session: NumpySession, case: Case, operation: str) -> None:
        self._layer = session.layer.train() if operation != EVAL else session.layer.eval()
        self._x, self._grad_y = (place(values, case.layout).view() for values in (case.x, case.grad_y))
        self._backward = operation == BACKWARD
        self._given: tuple[Any, ...] = ()

    def run(self) -> None:
        self._given = ()
        y = self._layer(self._x)
        self._given = (y, *self._layer.backward(self._grad_y)) if self._backward else (y,)

    def outputs(self, channels: slice) -> Outputs:
        names = ("y", "grad_x", "grad_weight", "grad_bias")
        return {name: _channels(name, value, channels) for name, value in zip(names, self._given, strict=False)}


class AdapterWork(Work):
    """Any other implementation, through the protocol: what its adapter does with NumPy arrays is timed too."""

    def __init__(self, session: Session, case: Case, operation: str) -> None:
        self._session, self._training, self._backward = session, operation != EVAL, operation == BACKWARD
        self._x, self._grad_y = place(case.x, case.layout), place(case.grad_y, case.grad_layout)
        self._given: dict[str, Any] = {}

    def run(self) -> None:
        self._given = {}
        step = self._session.forward(self._x, training=self._training, record=self._backward)
        self._given = {"y": step.y}
        if self._backward:
            grads = step.backward(self._grad_y)
            self._given |= {"grad_x": grads.x, "grad_weight": grads.weight, "grad_bias": grads.bias}

    def outputs(self, channels: slice) -> Outputs:
        return {name: _channels(name, value, channels) for name, value in self._given.items()}


def work_of(implementation: Implementation, case: Case, operation: str) -> Work:
    """The operation, ready to run on the case.

    Raises:
        Unsupported: the implementation cannot build such a layer.
    """
    session = implementation.open(case)
    if isinstance(session, TorchSession):
        return TorchWork(session, case, operation, implementation.device)
    if isinstance(session, NumpySession):
        return NumpyWork(session, case, operation)
    return AdapterWork(session, case, operation)


def _channels(name: str, value: Any, channels: slice) -> Any:
    """Some channels of an output: axis 1 of a batch, axis 0 of a vector."""
    if not hasattr(value, "ndim"):
        raise Misbehaviour(f"{name} is {'None' if value is None else f'a {type(value).__name__}'}, not an array")
    return value[:, channels] if value.ndim > 1 else value[channels]
