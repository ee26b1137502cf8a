"""A step of a torch module: its output, the way back that torch has recorded, and the memory that it was handed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch

from bn_reference.cases.case import Array, Seen
from bn_reference.cases.directions import Direction
from bn_reference.cases.facts import Fact, Kind
from bn_reference.cases.layouts import Placement
from bn_reference.targets.border import kind_of
from bn_reference.targets.forms.torch_derivatives import UNRECORDED, gone_back_twice, piled
from bn_reference.targets.forms.torch_tensors import copied, from_tensor, in_one_memory, seen, to_tensor
from bn_reference.targets.protocol import Grads, Misbehaviour, SecondGrads, Step, Unsupported

__all__ = ["TorchStep"]


class TorchStep(Step):
    """A step whose way back torch has recorded, from the output to these sources: x, if it has a gradient, weight and bias.

    ``vectors`` are weight and bias, whether they have a gradient or not; ``forward_alone`` says why there is no way back.
    """

    def __init__(
        self,
        x: torch.Tensor,
        buffer: torch.Tensor,
        before: Array,
        y: Any,
        sources: list[torch.Tensor],
        vectors: Sequence[Any] = (),
        forward_alone: str = "",
    ) -> None:
        self._forward_alone = forward_alone
        self._x, self._buffer, self._before, self.tensor, self._sources = x, buffer, before, y, sources
        self._vectors = vectors
        self._kept = False
        self._upstream: tuple[torch.Tensor, Array] | None = None
        self._gave: list[Any] = []  # the latest gradients
        real = issubclass(type(y), torch.Tensor)  # whatever it says of its own class
        self._y = from_tensor(y, "y") if real else None
        self.device = str(y.device) if real else ""

    @property
    def y(self) -> Array:  # type: ignore[override]  # an attribute elsewhere
        if self._y is None:
            raise Misbehaviour(Fact(Kind.RETURNED, "forward", kind_of(self.tensor), "a tensor"))
        return self._y

    def keep(self) -> None:
        self._kept = True

    def backward(self, grad_y: Placement) -> Grads:
        upstream = self._handed(grad_y)
        kept, self._kept = self._kept, False
        try:
            grads = torch.autograd.grad(self.tensor, self._sources, upstream, retain_graph=kept or None, allow_unused=True)
        except RuntimeError as error:
            if kept and "donated buffer" in str(error):
                raise Unsupported("its compiled backward pass gives its memory away, and can be taken once alone") from error
            raise
        self._gave = list(grads)
        return self._grads()

    def _handed(self, grad_y: Placement) -> torch.Tensor:
        """The upstream gradient as a tensor."""
        if self._forward_alone:
            raise Unsupported(self._forward_alone)
        if self._y is None or self._y.shape != grad_y.shape:
            raise Unsupported("an output of a wrong form has no gradients to ask for")
        if not self.tensor.requires_grad:
            raise Misbehaviour(Fact(Kind.NO_GRADIENT, "y"))
        upstream, memory = to_tensor(grad_y, str(self.tensor.device))
        self._upstream = memory, grad_y.buffer
        return upstream

    def second(self, grad_y: Placement, along: Direction) -> SecondGrads:
        upstream, device = self._handed(grad_y).requires_grad_(), str(self.tensor.device)
        vectors = [copied(each, device) for each in (along.weight, along.bias) if each is not None]
        directions = [to_tensor(along.x, device)[0], *vectors]
        if len(directions) != len(self._sources):
            raise Unsupported("not all of its gradients are recorded")
        directions = [each.reshape(source.shape) for each, source in zip(directions, self._sources, strict=True)]
        self._gave, again = gone_back_twice(
            self.tensor, self._sources, upstream, directions, [self._x, upstream, *self._sources[1:2]]
        )
        names = ("second_grad_x", "second_grad_grad_y", "second_grad_weight")
        by = {name: UNRECORDED if one is None else seen(one, name) for name, one in zip(names, again, strict=False)}
        return SecondGrads(self._grads(), by["second_grad_x"], by.get("second_grad_weight"), by["second_grad_grad_y"])

    def pile(self, grad_y: Placement) -> Grads:
        return Grads(*piled(self.tensor, self._handed(grad_y), [self._x, *self._vectors, None, None][:3]))

    def beside(self, grad_y: Placement, other: Step, other_grad_y: Placement) -> tuple[Grads, Seen]:
        assert isinstance(other, TorchStep)
        upstream = self._handed(grad_y), other._handed(other_grad_y)
        sources = [*self._sources, other._x]
        *self._gave, theirs = torch.autograd.grad((self.tensor, other.tensor), sources, upstream, allow_unused=True)
        return self._grads(), seen(theirs, "grad_x")

    def rectify(self) -> None:
        if not isinstance(self.tensor, torch.Tensor) or not self.tensor.requires_grad:
            raise Unsupported("nothing is recorded of it")
        with torch.enable_grad():  # whatever the layer left it at
            self.tensor = self.tensor.relu_()

    def _grads(self) -> Grads:
        names = [*(["grad_x"] if self._sources[0] is self._x else []), "grad_weight", "grad_bias"]
        given = {name: seen(grad, name) for name, grad in zip(names, self._gave, strict=False)}
        return Grads(*(given.get(name) for name in ("grad_x", "grad_weight", "grad_bias")))

    def input_changed(self) -> bool:
        return from_tensor(self._buffer, "the input").tobytes() != self._before.tobytes()

    def upstream_changed(self) -> bool:
        if self._upstream is None:
            raise Unsupported("nothing has gone back")
        memory, before = self._upstream
        return from_tensor(memory, "the upstream gradient").tobytes() != before.tobytes()

    def shares_memory(self) -> bool:
        return isinstance(self.tensor, torch.Tensor) and in_one_memory(self.tensor, self._buffer)

    def overwrite(self, what: Literal["x", "y", "weight"]) -> None:
        array = {"x": self._buffer, "y": self.tensor, "weight": next(iter(self._vectors), None)}[what]
        if not isinstance(array, torch.Tensor):
            raise Unsupported("its weight is not found")
        if array.is_inference():
            raise Unsupported("nothing notices that an array is written over that was made under inference_mode")
        with torch.no_grad():
            array.zero_()

    def now(self) -> tuple[Seen, Grads]:
        return seen(self.tensor, "y"), self._grads() if self._gave else Grads(None, None, None)
