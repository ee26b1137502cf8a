"""Steps of torch layers: the way back is recorded, or the layer has a method for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import torch

from bn_reference.cases.case import Array, Seen
from bn_reference.cases.directions import Direction
from bn_reference.cases.facts import Missing
from bn_reference.cases.layouts import Placement
from bn_reference.targets.forms.arrangement import Arrangement
from bn_reference.targets.forms.arrays import is_array
from bn_reference.targets.forms.given import GivenLayer
from bn_reference.targets.forms.manual import OWN_MEMORY, manual_grads, require_way_back
from bn_reference.targets.forms.slots import PARAMETERS
from bn_reference.targets.forms.torch_derivatives import call_of, eager_module, mapped, tangent
from bn_reference.targets.forms.torch_life import TorchLife
from bn_reference.targets.forms.torch_step import TorchStep
from bn_reference.targets.forms.torch_tensors import copied, seen, to_tensor
from bn_reference.targets.forms.torch_unreal import forms_without_numbers
from bn_reference.targets.protocol import Forms, Grads, SecondGrads, Step, Unsupported

__all__ = ["forms_of", "mapped_of", "step", "tangent_of"]


def step(session: GivenLayer, x: Placement, arrangement: Arrangement, training: bool, record: bool) -> TorchStep:
    """One forward pass."""
    mode = session.plan.mode.kind
    if mode == "recording" and training and not record:
        raise Unsupported("it trains only while gradients are recorded")
    by_hand = session.plan.backward == "method"  # whoever goes back by hand records nothing
    recorded = record and session.plan.records and not by_hand and (mode != "recording" or training)
    life = session.life
    assert isinstance(life, TorchLife)
    tensor, buffer = life.tensor(x, session.plan.device)
    leaf = tensor.requires_grad_(recorded and session.input_gradient)  # it may be the last one, which did
    found = {role: own for role in PARAMETERS if is_array(own := session.read(role)) and own.is_leaf}
    parameters = list(found.values())
    for role, parameter in found.items() if session.plan.slots else ():
        if not by_hand and (session.trainable or parameter.requires_grad):
            parameter.requires_grad_(session.trains(role))
    y = life.called(lambda: arrangement.leave(session.called(arrangement.enter(leaf), training), x.shape), recorded, training)
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    sources = ([leaf] if session.input_gradient else []) + (trained if len(trained) == 2 else [])
    kind, recorded_of = (_Manual, []) if by_hand else (_Recorded, sources if recorded else [])
    return kind(session, arrangement, leaf, buffer, x.buffer, y, recorded_of, training)


def tangent_of(session: GivenLayer, x: Placement, along: Direction, arrangement: Arrangement, training: bool) -> Seen:
    """The forward-mode derivative of one forward pass; weight and bias have directions where they are parameters of torch's."""
    device, mode = session.plan.device, session.plan.mode
    given = {"weight": along.weight, "bias": along.bias}
    held = {role: session.read(role) for role, values in given.items() if values is not None}
    call = _call_of(session, held, arrangement, x.shape, training)
    vectors = {role: (own, copied(given[role], device).reshape(own.shape)) for role, own in held.items()}  # type: ignore[arg-type]
    batch, u = (to_tensor(arrangement.laid(each), device)[0] for each in (x, along.x))
    life = session.life
    assert isinstance(life, TorchLife)
    with life.recording(mode.kind != "recording" or training, training):
        return tangent(call, batch, u, vectors)


def mapped_of(session: GivenLayer, batches: tuple[Placement, ...], arrangement: Arrangement) -> tuple[Seen, ...]:
    """The outputs of an evaluation that is vectorized over batches."""
    call = _call_of(session, {}, arrangement, batches[0].shape, training=False)
    handed = [to_tensor(arrangement.laid(x), session.plan.device)[0] for x in batches]
    return mapped(lambda batch: call(batch, {}), handed)


def forms_of(session: GivenLayer, x: Placement, grad_y: Placement, arrangement: Arrangement, training: bool) -> Forms:
    """What a step gives without numbers and with them; nothing goes back through a layer that does so by hand."""
    module = eager_module(session.plan.call(session.layer))
    options = session.plan.mode.tell(session.layer, training)
    recorded = session.plan.records and session.plan.backward != "method" and session.plan.mode.kind != "recording"
    names = {id(own): name for name, own in module.named_parameters()}
    found = {f"grad_{role}": names[id(own)] for role in PARAMETERS if id(own := session.read(role)) in names}

    def call(module: Any, batch: Any) -> Any:
        return arrangement.leave(session.output_of(module(arrangement.enter(batch), **options)), x.shape)

    upstream = arrangement.laid(grad_y) if recorded else None
    return forms_without_numbers(module, call, arrangement.laid(x), upstream, session.plan.device, found)


def _call_of(
    session: GivenLayer, held: dict[str, Any], arrangement: Arrangement, shape: tuple[int, ...], training: bool
) -> Any:
    """The layer as a function of a batch in our axes, and of other parameters."""
    if any(isinstance(own, Missing) for own in held.values()):
        raise Unsupported("its weight and bias are found under no known name")
    inner = call_of(session.plan.call(session.layer), held)
    options = session.plan.mode.tell(session.layer, training)

    def call(batch: Any, values: Any) -> Any:
        return arrangement.leave(session.output_of(inner(arrangement.enter(batch), values, **options)), shape)

    return call


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
        vectors = [None if isinstance(own := session.read(role), Missing) else own for role in PARAMETERS]
        super().__init__(x, buffer, before, y, sources, vectors)
        self._session, self._arrangement, self._training = session, arrangement, training


class _Recorded(_StepOfGiven):
    """A step whose way back torch has recorded."""

    def backward(self, grad_y: Placement) -> Grads:
        self._require_way_back()
        if not self._sources:
            raise Unsupported("nothing is recorded that has a gradient")
        return self._as_vectors(super().backward(self._arrangement.laid(grad_y)))

    def _require_way_back(self) -> None:
        require_way_back(self._session, self._training)
        if self._session.plan.mode.kind == "recording" and not self._training:
            raise Unsupported("nothing is recorded in eval")

    def second(self, grad_y: Placement, along: Direction) -> SecondGrads:
        self._require_way_back()
        came = super().second(self._arrangement.laid(grad_y), along)
        return replace(came, grads=self._as_vectors(came.grads), weight=self._session.vector(came.weight))

    def pile(self, grad_y: Placement) -> Grads:
        self._require_way_back()
        return self._as_vectors(super().pile(self._arrangement.laid(grad_y)))

    def beside(self, grad_y: Placement, other: Step, other_grad_y: Placement) -> tuple[Grads, Seen]:
        self._require_way_back()
        if not self._sources or not self._session.input_gradient:
            raise Unsupported("nothing is recorded that has a gradient")
        laid = self._arrangement.laid(grad_y), self._arrangement.laid(other_grad_y)
        grads, other_x = super().beside(laid[0], other, laid[1])
        return self._as_vectors(grads), other_x

    def now(self) -> tuple[Seen, Grads]:
        y, grads = super().now()
        return y, self._as_vectors(grads)

    def _as_vectors(self, grads: Grads) -> Grads:
        if self._session.asking is None and self._session.trainable and len(self._sources) < 2:
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

    def second(self, grad_y: Placement, along: Direction) -> SecondGrads:
        raise Unsupported("its backward pass is a method, which is not recorded")

    def pile(self, grad_y: Placement) -> Grads:
        raise Unsupported("its backward pass is a method, and gradients do not add up")

    def beside(self, grad_y: Placement, other: Step, other_grad_y: Placement) -> tuple[Grads, Seen]:
        raise Unsupported("its backward pass is a method, which goes through one step")

    def rectify(self) -> None:
        raise Unsupported("nothing is recorded of it")

    def overwrite(self, what: Literal["x", "y", "weight"]) -> None:
        raise Unsupported("nothing is recorded that would notice")

    def now(self) -> tuple[Seen, Grads]:
        return seen(self.tensor, "y"), OWN_MEMORY
