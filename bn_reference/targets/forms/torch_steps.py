"""Steps of torch layers: the way back is recorded, or the layer has a method for it."""

from __future__ import annotations

from typing import Any, Literal

import torch

from bn_reference.cases.case import Array, Seen
from bn_reference.cases.facts import Missing
from bn_reference.cases.layouts import Placement
from bn_reference.targets.forms.arrangement import Arrangement
from bn_reference.targets.forms.given import GivenLayer
from bn_reference.targets.forms.manual import OWN_MEMORY, manual_grads, require_way_back
from bn_reference.targets.forms.torch_life import TorchLife
from bn_reference.targets.forms.torch_step import TorchStep
from bn_reference.targets.forms.torch_tensors import seen, to_tensor
from bn_reference.targets.protocol import Grads, Unsupported

__all__ = ["step"]


def step(session: GivenLayer, x: Placement, arrangement: Arrangement, training: bool, record: bool) -> TorchStep:
    """One forward pass."""
    mode = session.plan.mode.kind
    if mode == "recording" and training and not record:
        raise Unsupported("it trains only while gradients are recorded")
    by_hand = session.plan.backward == "method"  # whoever goes back by hand records nothing
    recorded = record and not by_hand and (mode != "recording" or training)
    life = session.life
    assert isinstance(life, TorchLife)
    tensor, buffer = life.tensor(x, session.plan.device)
    leaf = tensor.requires_grad_() if recorded and session.input_gradient else tensor
    parameters = [parameter for parameter in session.parameters() if parameter.is_leaf]
    for parameter in parameters if session.plan.slots else ():
        if not by_hand and (session.trainable or parameter.requires_grad):
            parameter.requires_grad_(session.trainable)
    with life.recording(recorded, training):
        y = arrangement.leave(session.called(arrangement.enter(leaf), training), x.shape)
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    sources = ([leaf] if session.input_gradient else []) + (trained if len(trained) == 2 else [])
    kind, recorded_of = (_Manual, []) if by_hand else (_Recorded, sources if recorded else [])
    return kind(session, arrangement, leaf, buffer, x.buffer, y, recorded_of, training)


class _StepOfGiven(TorchStep):
    """A step of a layer that was built by a plan; how it goes back is a subclass's."""

    def __init__(
        self,
        session: GivenLayer,
        arrangement: Arrangement,
        x: torch.Tensor,
        buffer: torch.Tensor,
        before: Array,
        y: Any,
        sources: list[torch.Tensor],
        training: bool,
    ) -> None:
        super().__init__(x, buffer, before, y, sources)
        self._session, self._arrangement, self._training = session, arrangement, training


class _Recorded(_StepOfGiven):
    """A step whose way back torch has recorded."""

    def backward(self, grad_y: Placement) -> Grads:
        require_way_back(self._session, self._training)
        if not self._sources:
            raise Unsupported("nothing is recorded that has a gradient")
        return self._as_vectors(super().backward(self._arrangement.laid(grad_y)))

    def now(self) -> tuple[Seen, Grads]:
        y, grads = super().now()
        return y, self._as_vectors(grads)

    def _as_vectors(self, grads: Grads) -> Grads:
        if self._session.trainable and len(self._sources) < 2:
            absent = Missing("its weight and bias are not trained")
            return Grads(grads.x, absent, absent)
        return Grads(grads.x, self._session.vector(grads.weight), self._session.vector(grads.bias))


class _Manual(_StepOfGiven):
    """A step through which the layer's own method goes back."""

    def backward(self, grad_y: Placement) -> Grads:
        require_way_back(self._session, self._training)
        if self._session.latest is not self:
            raise Unsupported("its backward pass goes through its latest forward pass alone")
        upstream, memory = to_tensor(self._arrangement.laid(grad_y), self._session.plan.device)
        self._upstream = memory, self._arrangement.laid(grad_y).buffer
        with torch.no_grad():
            return manual_grads(self._session, self._arrangement, upstream, grad_y.shape)

    def overwrite(self, what: Literal["x", "y"]) -> None:
        raise Unsupported("nothing is recorded that would notice")

    def now(self) -> tuple[Seen, Grads]:
        return seen(self.tensor, "y"), OWN_MEMORY
