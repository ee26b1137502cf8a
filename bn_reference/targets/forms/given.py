"""A layer that was built by a plan, with a case's parameters and state in it: what its steps need of it."""

from __future__ import annotations

from typing import Any

from bn_reference.cases.case import Array, Case, Seen
from bn_reference.cases.facts import Fact, Kind, Missing
from bn_reference.targets.border import kind_of
from bn_reference.targets.forms.arrays import flat, is_array
from bn_reference.targets.forms.function_manner import cache_in, taken_apart
from bn_reference.targets.forms.life import life_of
from bn_reference.targets.forms.plan import Plan
from bn_reference.targets.forms.slots import PARAMETERS, STATISTICS
from bn_reference.targets.protocol import Misbehaviour, Step, Unsupported

__all__ = ["UNFOUND", "WORDS", "GivenLayer"]

UNFOUND = "its {} is found under no known name"
WORDS = {"running_mean": "running mean", "running_var": "running variance"}


class GivenLayer:
    """A layer that was given the case's parameters and state.

    Attributes:
        layer: the target's own.
        life: what happens to the layer beside its steps.
        latest: the step that was made last, through which alone a layer's own backward pass goes.
        trainable: whether gradients of weight and bias are asked for.
        input_gradient: whether inputs are to have a gradient.
        cache: what the latest step returned beside its output, for the way back.
    """

    def __init__(self, plan: Plan, layer: Any, case: Case, trainable: bool, input_gradient: bool) -> None:
        self.plan, self.layer, self.channels = plan, layer, case.channels
        self.latest: Step | None = None
        self.gone_back: Step | None = None  # the latest through which its own method went back
        self.cache: Any = None
        self.trainable, self.input_gradient = trainable and case.affine, input_gradient
        self.asking: tuple[str, ...] | None = None  # of weight and bias, where they are asked one by one
        self.life = life_of(plan.library, layer)
        self.give(case)

    def give(self, case: Case) -> None:
        """The layer's parameters and state are the case's from now on."""
        pattern = self.plan.array(case.x[:0])
        for role in (*PARAMETERS, *STATISTICS):
            self._give(role, getattr(case, role), pattern)
        if case.tracks:
            self._count(case)

    def _give(self, role: str, values: Array | None, pattern: Any) -> None:
        slot = self.plan.slots.get(role)
        if slot is None or values is None:
            return
        held = self.read(role)
        if role in PARAMETERS and not is_array(held):
            found = "None" if isinstance(held, Missing) else kind_of(held)
            raise Misbehaviour(Fact(Kind.PRESENCE, slot.name, found, ("affine", True)))
        try:
            slot.write(self.layer, values, pattern)
        except AttributeError:
            raise Misbehaviour(Fact(Kind.PRESENCE, slot.name, "None", ("track_running_stats", True))) from None

    def _count(self, case: Case) -> None:
        counter = self.read("num_batches_tracked")
        if is_array(counter):
            counter[...] = case.batches
        elif case.momentum is None and case.batches:
            raise Unsupported("momentum=None after other batches, which needs num_batches_tracked")

    def read(self, role: str) -> Any:
        """What the layer has there now, and Missing where it is not found."""
        slot = self.plan.slots.get(role)
        if slot is None:
            return Missing("it counts no batches" if role == "num_batches_tracked" else UNFOUND.format(WORDS.get(role, role)))
        try:
            return slot.read(self.layer)
        except AttributeError:
            return Missing(f"it has no {slot.name} yet")

    def parameters(self) -> list[Any]:
        """Weight and bias as the layer has them, as far as they are found."""
        return [value for role in PARAMETERS if is_array(value := self.read(role))]

    def trains(self, role: str) -> bool:
        """Whether weight or bias is to have a gradient."""
        return self.trainable if self.asking is None else role in self.asking

    def called(self, handed: Any, training: bool) -> Any:
        """The layer's output for a batch, as it is handed over."""
        return self.output_of(self.plan.call(self.layer)(handed, **self.plan.mode.tell(self.layer, training)))

    def output_of(self, came: Any) -> Any:
        """The output among what the layer returned; what comes with it is kept for the way back."""
        y, others = taken_apart(came) if self.plan.beside else (came, [])
        self.cache = cache_in(others)
        return y if others else came

    def vector(self, grad: Seen) -> Seen:
        """A gradient of weight or bias as (C,), where it has as many elements."""
        return flat(grad, "a gradient", self.channels, "") if is_array(grad) else grad
