"""A layer of a recognized form as a session: told its mode, handed batches in the shape that it takes, and looked at."""

from __future__ import annotations

from typing import Any

from bn_reference.cases.case import Array, Case, Seen, State
from bn_reference.cases.facts import Fact, Kind, Missing, Unseen
from bn_reference.cases.layouts import Placement
from bn_reference.targets.border import kind_of
from bn_reference.targets.forms.arrangement import Arrangement
from bn_reference.targets.forms.arrays import flat, is_array
from bn_reference.targets.forms.plan import Plan
from bn_reference.targets.forms.slots import PARAMETERS, STATISTICS
from bn_reference.targets.protocol import Misbehaviour, Session, Step, Unsupported, had

__all__ = ["FormSession", "state_of"]

UNFOUND = "its {} is found under no known name"
WORDS = {"running_mean": "running mean", "running_var": "running variance"}


class FormSession(Session):
    """A layer that was built by a plan, with the case's parameters and state in it.

    Attributes:
        layer: the target's own.
        latest: the step that was made last, through which alone a layer's own backward pass goes.
    """

    def __init__(self, plan: Plan, layer: Any, case: Case, trainable: bool, input_gradient: bool) -> None:
        self.plan, self.layer, self.channels = plan, layer, case.channels
        self.latest: Step | None = None
        self._input_gradient = input_gradient
        self._trainable = trainable and case.affine
        pattern = plan.array(case.x[:0])
        for role in PARAMETERS:
            self._give(role, getattr(case, role), pattern)
        for role in STATISTICS:
            self._give(role, getattr(case, role), pattern)
        self._unloaded = "; ".join(UNFOUND.format(WORDS[role]) for role in STATISTICS if case.tracks and role not in plan.slots)
        if case.tracks:
            self._count(case)
        self._held = {role: self._read(role) for role in STATISTICS}

    # parameters and state

    def _give(self, role: str, values: Array | None, pattern: Any) -> None:
        slot = self.plan.slots.get(role)
        if slot is None or values is None:
            return
        try:
            slot.write(self.layer, values, pattern)
        except AttributeError:
            option = "affine" if role in PARAMETERS else "track_running_stats"
            raise Misbehaviour(Fact(Kind.PRESENCE, slot.name, "None", (option, True))) from None

    def _count(self, case: Case) -> None:
        counter = self._read("num_batches_tracked")
        if is_array(counter):
            counter[...] = case.batches
        elif case.momentum is None and case.batches:
            raise Unsupported("momentum=None after other batches, which needs num_batches_tracked")

    def _read(self, role: str) -> Any:
        slot = self.plan.slots.get(role)
        if slot is None:
            return Missing("it counts no batches" if role == "num_batches_tracked" else UNFOUND.format(WORDS.get(role, role)))
        try:
            return slot.read(self.layer)
        except AttributeError:
            return Missing(f"it has no {slot.name} yet")

    def parameter(self, role: str) -> Any:
        """Weight or bias as the layer has it; what stands for it where it is not found."""
        return self._read(role)

    def parameters(self) -> list[Any]:
        """Weight and bias as the layer has them, as far as they are found."""
        return [value for role in PARAMETERS if is_array(value := self._read(role))]

    def state(self) -> State:
        return state_of({role: self._read(role) for role in (*STATISTICS, "num_batches_tracked")}, self.channels)

    def held_state(self) -> State:
        if any(self._read(role) is not self._held[role] for role in STATISTICS if role in self.plan.slots):
            raise Unsupported("it replaces its running statistics, so that nobody can hold them")
        return self.state()

    def load(self, state: State) -> None:
        mean, var = had(state.mean), had(state.var)
        if mean is None or var is None:
            raise Unsupported("a layer without running statistics has no state to load")
        if not all(callable(getattr(self.layer, name, None)) for name in ("state_dict", "load_state_dict")):
            raise Unsupported("there is no way to load a saved state")
        saved = {key: value.clone() if hasattr(value, "clone") else value for key, value in self.layer.state_dict().items()}
        given = {"running_mean": mean, "running_var": var}
        absent = [WORDS[role] for role in given if role not in self.plan.slots or self.plan.slots[role].name not in saved]
        if absent:
            raise Unsupported(f"its state_dict has no {' and no '.join(absent)}")
        for role, values in given.items():
            key = self.plan.slots[role].name
            saved[key] = self.plan.array(values).reshape(saved[key].shape)
        counter = self.plan.slots.get("num_batches_tracked")
        if counter is not None and counter.name in saved:
            saved[counter.name][...] = state.batches
        self.layer.load_state_dict(saved)

    def state_in_graph(self) -> bool:
        if self.plan.library == "numpy":
            return False
        return any(bool(getattr(self._read(role), "requires_grad", False)) for role in STATISTICS)

    # steps

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        if not training and self._unloaded:
            raise Unsupported(self._unloaded)
        if not training and self.plan.mode.kind == "always":
            raise Unsupported("there is no telling it to evaluate")
        return self.run(x, training=training, record=record)

    def run(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        """One step, with no question whether it can be asked for."""
        arrangement = self.plan.arrangements.get(len(x.shape), Arrangement(len(x.shape)))
        x = arrangement.laid(x)
        if self.plan.library == "numpy":
            from bn_reference.targets.forms.numpy_steps import step
        else:
            from bn_reference.targets.forms.torch_steps import step
        self.latest = step(self, x, arrangement, training, record)
        return self.latest

    @property
    def input_gradient(self) -> bool:
        """Whether inputs are to have a gradient."""
        return self._input_gradient

    @property
    def trainable(self) -> bool:
        """Whether gradients of weight and bias are asked for."""
        return self._trainable

    def called(self, handed: Any, training: bool) -> Any:
        """What the layer returns for a batch, as it is handed over."""
        return self.plan.call(self.layer)(handed, **self.plan.mode.tell(self.layer, training))

    def vector(self, grad: Seen) -> Seen:
        """A gradient of weight or bias as (C,), where it has as many elements."""
        return flat(grad, "a gradient", self.channels, "") if is_array(grad) else grad


def state_of(parts: dict[str, Any], channels: int) -> State:
    """The state, of what stands in its places."""
    mean, var = (
        parts[role] if isinstance(parts[role], Unseen) else flat(parts[role], role, channels, f"it has no {WORDS[role]} yet")
        for role in STATISTICS
    )
    batches = parts["num_batches_tracked"]
    if not isinstance(batches, Unseen):
        batches = int(batches) if is_array(batches) else Missing(f"its counter is {kind_of(batches)}")
    return State(mean, var, batches)
