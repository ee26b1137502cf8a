"""The arrays that a function is handed, NumPy's or torch's, and how gradients are recorded on them."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bn_reference.cases.case import Array, Seen
from bn_reference.cases.layouts import Placement
from bn_reference.targets.protocol import Unsupported

__all__ = ["Arrays", "NumpyArrays", "TorchArrays", "arrays_named"]


class Arrays(ABC):
    """A library's arrays.

    Attributes:
        name: what people call them.
        records: whether the library records what is computed, for a backward pass.
    """

    name: str
    records: bool

    @abstractmethod
    def batch(self, placement: Placement, gradient: bool) -> tuple[Any, Callable[[], bool]]:
        """An array that lies as the placement does, and what tells whether its memory was written to since."""

    @abstractmethod
    def vector(self, values: Array, gradient: bool) -> Any:
        """An array of its own with these values."""

    def recording(self, enabled: bool) -> contextlib.AbstractContextManager[Any]:
        """Where gradients are recorded, or not."""
        return contextlib.nullcontext()

    def recorded(self, array: Any) -> bool:
        """Whether it is part of a recorded computation."""
        return False

    def is_of_library(self, array: Any) -> bool:
        """Whether it is the output of the library's own batch norm."""
        return False

    def gradients(self, y: Any, sources: Sequence[Any], upstream: Any, keep: bool) -> Sequence[Any]:
        """The gradients of the sources, through what was recorded."""
        raise Unsupported("there is no backward pass")

    def gone_back_twice(
        self, y: Any, sources: Sequence[Any], upstream: Any, directions: Sequence[Any], by: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """The gradients of the sources, and the derivatives of their products with the directions, summed."""
        raise Unsupported("there is no second backward pass")

    def piled(self, y: Any, upstream: Any, leaves: Sequence[Any]) -> list[Seen]:
        """What lies where gradients add up, for each of the leaves, after a backward pass."""
        raise Unsupported("gradients do not add up anywhere")

    def tangent(self, call: Callable[..., Any], x: Any, u: Any, vectors: Mapping[str, tuple[Any, Any]]) -> Seen:
        """The tangent of a call along directions of the batch, and of the vectors beside which they stand."""
        raise Unsupported("there are no forward-mode derivatives")

    def mapped(self, call: Callable[..., Any], batches: Sequence[Any]) -> tuple[Seen, ...]:
        """The outputs of one call that is vectorized over batches."""
        raise Unsupported("an evaluation is not vectorized over batches")


class NumpyArrays(Arrays):
    """NumPy's."""

    name, records = "NumPy arrays", False

    def batch(self, placement: Placement, gradient: bool) -> tuple[Any, Callable[[], bool]]:
        before = placement.buffer.tobytes()
        own = Placement(placement.buffer.copy(), placement.shape, placement.strides, placement.offset)
        return own.view(), lambda: own.buffer.tobytes() != before

    def vector(self, values: Array, gradient: bool) -> Any:
        return values.copy()


class TorchArrays(Arrays):
    """torch's tensors, on a device."""

    name, records = "tensors", True

    def __init__(self, device: str) -> None:
        import torch

        from bn_reference.targets.forms import torch_tensors

        self.torch, self._tensors, self.device = torch, torch_tensors, device

    def batch(self, placement: Placement, gradient: bool) -> tuple[Any, Callable[[], bool]]:
        tensor, buffer = self._tensors.to_tensor(placement, self.device)
        before = placement.buffer.tobytes()
        changed = lambda: self._tensors.from_tensor(buffer, "the input").tobytes() != before  # noqa: E731
        return tensor.requires_grad_(gradient), changed

    def vector(self, values: Array, gradient: bool) -> Any:
        values = values.copy()
        whole = Placement(values, values.shape, (1,), 0)
        return self._tensors.to_tensor(whole, self.device)[0].clone().requires_grad_(gradient)

    def recording(self, enabled: bool) -> contextlib.AbstractContextManager[Any]:
        return self.torch.set_grad_enabled(enabled)

    def recorded(self, array: Any) -> bool:
        return isinstance(array, self.torch.Tensor) and bool(array.requires_grad)

    def is_of_library(self, array: Any) -> bool:
        from bn_reference.targets.forms.torch_alone import is_recorded_alone

        return isinstance(array, self.torch.Tensor) and is_recorded_alone(array)

    def gradients(self, y: Any, sources: Sequence[Any], upstream: Any, keep: bool) -> Sequence[Any]:
        return self.torch.autograd.grad(y, sources, upstream, retain_graph=keep or None, allow_unused=True)

    def gone_back_twice(
        self, y: Any, sources: Sequence[Any], upstream: Any, directions: Sequence[Any], by: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        from bn_reference.targets.forms.torch_derivatives import gone_back_twice

        return gone_back_twice(y, sources, upstream, directions, by)

    def piled(self, y: Any, upstream: Any, leaves: Sequence[Any]) -> list[Seen]:
        from bn_reference.targets.forms.torch_derivatives import piled

        return piled(y, upstream, leaves)

    def tangent(self, call: Callable[..., Any], x: Any, u: Any, vectors: Mapping[str, tuple[Any, Any]]) -> Seen:
        from bn_reference.targets.forms.torch_derivatives import tangent

        return tangent(call, x, u, vectors)

    def mapped(self, call: Callable[..., Any], batches: Sequence[Any]) -> tuple[Seen, ...]:
        from bn_reference.targets.forms.torch_derivatives import mapped

        return mapped(lambda batch: call(batch, {}), batches)


def arrays_named(name: str, device: str) -> Arrays:
    """NumPy's or torch's."""
    return NumpyArrays() if name == "numpy" else TorchArrays(device)
