"""Layers and adapters that go wrong in their form, for tests of the machinery round the numbers: one class a kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bn_reference import BatchNorm1d, Unsupported
from bn_reference.cases.case import Case, State
from bn_reference.cases.layouts import Placement
from bn_reference.targets.forms.numpy_layer import NumpyImplementation
from bn_reference.targets.protocol import Grads, Session, Step


class ReturnsNothing(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        super().forward(x)


class ReturnsAList(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x).tolist()


class ReturnsATuple(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x), self.running_mean


class ReturnsWholeNumbers(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x).nan_to_num(0, 0, 0).clamp(-1e6, 1e6).long()


class ReturnsComplexNumbers(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return torch.complex(super().forward(x).double(), torch.zeros_like(x, dtype=torch.float64))


class ReturnsSparse(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x).detach().to_sparse()


class MoreAxes(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x)[..., None]


class SwappedAxes(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x).transpose(0, 1)


class OneRowLess(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x)[1:]


class Scalar(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x).sum()


class Raises(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        raise IndexError("index 7 is out of bounds")


class EndsTheProgram(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        raise SystemExit(3)


class DetachedInEval(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        y = super().forward(x)
        return y if self.training else y.detach()


class DetachedFromItsInput(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x.detach())


class StatisticsAsARow(torch.nn.BatchNorm1d):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.track_running_stats:
            self.running_mean, self.running_var = self.running_mean[None], self.running_var[None]  # type: ignore[index]

    def forward(self, x: torch.Tensor) -> Any:
        mean, var = (None, None) if self.running_mean is None else (self.running_mean[0], self.running_var[0])  # type: ignore[index]
        momentum = self.momentum or 0.1
        return torch.nn.functional.batch_norm(
            x, mean, var, self.weight, self.bias, self.training or mean is None, momentum, self.eps
        )


class StatisticsAreNumbers(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        y = super().forward(x)
        if self.track_running_stats:
            del self._buffers["running_mean"]
            self.running_mean = 3.0  # type: ignore[assignment]
        return y


class CounterIsAWord(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> Any:
        y = super().forward(x)
        if self.track_running_stats:
            del self._buffers["num_batches_tracked"]
            self.num_batches_tracked = "one"  # type: ignore[assignment]
        return y


class NoWeight(torch.nn.BatchNorm1d):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        del self.weight

    def forward(self, x: torch.Tensor) -> Any:
        return x


class Words(BatchNorm1d):
    def __call__(self, x: Any) -> Any:
        return np.full(x.shape, "a")


class Objects(BatchNorm1d):
    def __call__(self, x: Any) -> Any:
        return super().__call__(x).astype(object)


class ShortGradient(BatchNorm1d):
    def backward(self, grad_y: Any) -> Any:
        grad_x, *others = super().backward(grad_y)
        return grad_x[1:], *others


class NoInputGradient(BatchNorm1d):
    def backward(self, grad_y: Any) -> Any:
        return None, *super().backward(grad_y)[1:]


class TwoGradients(BatchNorm1d):
    def backward(self, grad_y: Any) -> Any:
        return super().backward(grad_y)[:2]


class GradientsInAList(BatchNorm1d):
    def backward(self, grad_y: Any) -> Any:
        return [gradient if gradient is None else gradient.tolist() for gradient in super().backward(grad_y)]


class Adapter(NumpyImplementation):
    """The reference behind an adapter, whose sessions and steps a subclass replaces."""

    def __init__(self) -> None:
        super().__init__(BatchNorm1d, type(self).__name__)

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        return AdaptedSession(super().open(case, trainable=trainable, input_gradient=input_gradient), self)

    def step(self, inner: Step, training: bool) -> Any:
        return inner

    def state(self, state: State) -> Any:
        return state


class AdaptedSession(Session):
    def __init__(self, inner: Session, adapter: Adapter) -> None:
        self._inner, self._adapter = inner, adapter

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Any:
        return self._adapter.step(self._inner.forward(x, training=training, record=record), training)

    def state(self) -> Any:
        return self._adapter.state(self._inner.state())


class ForwardAlone(Step):
    """A step without a backward pass, its output times a factor."""

    def __init__(self, inner: Step, factor: float = 1.0) -> None:
        self.y = inner.y * inner.y.dtype.type(factor)


class ForwardOnly(Adapter):
    def step(self, inner: Step, training: bool) -> Any:
        return ForwardAlone(inner)


class DoubledInTraining(Adapter):
    def step(self, inner: Step, training: bool) -> Any:
        return ForwardAlone(inner, 2.0 if training else 1.0)


class EverythingIsUnsupported(Adapter):
    def step(self, inner: Step, training: bool) -> Any:
        raise Unsupported("only on Tuesdays")


class TupleForGrads(Adapter):
    def step(self, inner: Step, training: bool) -> Any:
        backward = inner.backward

        def tuple_of(grad_y: Placement) -> Any:
            grads: Grads = backward(grad_y)
            return grads.x, grads.weight, grads.bias

        inner.backward = tuple_of  # type: ignore[method-assign,assignment]
        return inner


class StepIsAnArray(Adapter):
    def step(self, inner: Step, training: bool) -> Any:
        return inner.y


class NoDevice(Adapter):
    def step(self, inner: Step, training: bool) -> Any:
        del inner.device
        return inner


class StateIsATuple(Adapter):
    def state(self, state: State) -> Any:
        return state.mean, state.var


class StateRaises(Adapter):
    def state(self, state: State) -> Any:
        return {"mean": state.mean}["var"]


LAYERS = (
    ReturnsNothing,
    ReturnsAList,
    ReturnsATuple,
    ReturnsWholeNumbers,
    ReturnsComplexNumbers,
    ReturnsSparse,
    MoreAxes,
    SwappedAxes,
    OneRowLess,
    Scalar,
    Raises,
    EndsTheProgram,
    DetachedInEval,
    DetachedFromItsInput,
    StatisticsAsARow,
    StatisticsAreNumbers,
    CounterIsAWord,
    NoWeight,
    Words,
    Objects,
    ShortGradient,
    NoInputGradient,
    TwoGradients,
    GradientsInAList,
)
ADAPTERS = (
    ForwardOnly,
    DoubledInTraining,
    EverythingIsUnsupported,
    TupleForGrads,
    StepIsAnArray,
    NoDevice,
    StateIsATuple,
    StateRaises,
)
