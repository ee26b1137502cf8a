"""A layer of a recognized form as a session: handed batches in the shape that it takes, and looked at."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from bn_reference.cases.case import Case, Seen, State
from bn_reference.cases.circumstances import FOLDS
from bn_reference.cases.directions import Direction
from bn_reference.cases.facts import Missing, Unseen
from bn_reference.cases.layouts import Placement
from bn_reference.cases.others import hyperparameters_of
from bn_reference.targets.border import kind_of
from bn_reference.targets.forms.arrangement import Arrangement
from bn_reference.targets.forms.arrays import filled, flat, is_array
from bn_reference.targets.forms.given import UNFOUND, WORDS, GivenLayer
from bn_reference.targets.forms.life import life_of
from bn_reference.targets.forms.names import COUNTER
from bn_reference.targets.forms.plan import Plan
from bn_reference.targets.forms.slots import PARAMETERS, STATISTICS
from bn_reference.targets.protocol import Forms, Session, Step, Unsupported, had

__all__ = ["FormSession", "state_of"]


class FormSession(GivenLayer, Session):
    """A layer that was built by a plan, with the case's parameters and state in it."""

    def __init__(self, plan: Plan, layer: Any, case: Case, trainable: bool, input_gradient: bool) -> None:
        super().__init__(plan, layer, case, trainable, input_gradient)
        self._hyperparameters = hyperparameters_of(case)
        self._unloaded = "; ".join(UNFOUND.format(WORDS[role]) for role in STATISTICS if case.tracks and role not in plan.slots)
        self._held = {role: self.read(role) for role in STATISTICS}
        self._built = self._dtypes()
        self._loaded: dict[str, Any] = {}  # what was loaded last
        self._fold: Literal["", "column", "row"] = ""

    def _dtypes(self) -> list[str]:
        """Of what it keeps, as far as it is found."""
        return [str(getattr(self.read(role), "dtype", "")) for role in (*PARAMETERS, *STATISTICS)]

    def copied(self) -> Session:
        other = copy.copy(self)
        try:
            other.layer = copy.deepcopy(self.layer)
        except Exception as error:  # whether it can be copied is no promise of a layer of its own kind
            raise Unsupported("a layer that cannot be copied") from error
        other.life, other.latest = life_of(self.plan.library, other.layer), None
        other._held = {role: other.read(role) for role in STATISTICS}
        return other

    def undergo(self, word: str, case: Case) -> Session:
        if word in FOLDS:
            if case.x.ndim < 3 or not self.plan.folds:
                raise Unsupported("there are no axes to spread positions over")
            self._fold = word  # type: ignore[assignment]
            return self
        self.layer = self.life.after(word, self.layer, case)
        return self

    def settle(self, case: Case) -> Session:
        if hyperparameters_of(case) != self._hyperparameters:
            raise Unsupported("eps and momentum are given when the layer is built alone")
        needed = (
            [*PARAMETERS] * case.affine + [*STATISTICS] * case.tracks + [*COUNTER] * (case.tracks and case.momentum is None)
        )
        if not all(is_array(self.read(role)) for role in needed):
            raise Unsupported("something that it keeps is not found in it")
        if self._dtypes() != self._built:
            raise Unsupported("it keeps something in another dtype than when it was built")
        if self.life.loads and case.tracks:
            self.load(case.state)
        else:  # what it made for evaluations it need not keep right where somebody writes into its running statistics
            self.plan.mode.tell(self.layer, True)
        self.give(case)
        self._held = {role: self.read(role) for role in STATISTICS}
        return self

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        self._require(training)
        return self.run(x, training=training, record=record)

    def _require(self, training: bool) -> None:
        if training and not self.plan.trains:
            raise Unsupported("it is made for inference alone")
        if not training and self._unloaded:
            raise Unsupported(self._unloaded)
        if not training and self.plan.mode.kind == "always":
            raise Unsupported("there is no telling it to evaluate")

    def tangent(self, x: Placement, along: Direction, *, training: bool) -> Seen:
        self._require(training)
        if self.plan.library == "numpy":
            raise Unsupported("NumPy has no forward mode")
        from bn_reference.targets.forms.torch_steps import tangent_of

        return tangent_of(self, x, along, self._arrangement(x), training)

    def mapped(self, batches: tuple[Placement, ...]) -> tuple[Seen, ...]:
        self._require(False)
        if self.plan.library == "numpy":
            raise Unsupported("NumPy vectorizes nothing over batches")
        from bn_reference.targets.forms.torch_steps import mapped_of

        return mapped_of(self, batches, self._arrangement(batches[0]))

    def without_numbers(self, x: Placement, grad_y: Placement, *, training: bool) -> Forms:
        self._require(training)
        if self.plan.library == "numpy":
            raise Unsupported("NumPy has no arrays without numbers")
        from bn_reference.targets.forms.torch_steps import forms_of

        return forms_of(self, x, grad_y, self._arrangement(x), training)

    def ask(self, names: tuple[str, ...]) -> None:
        if self.plan.backward == "method" or not self.plan.slots or len(self.parameters()) < len(PARAMETERS):
            raise Unsupported("gradients are not asked for one by one")
        self.asking, self.input_gradient = tuple(role for role in PARAMETERS if role in names), "x" in names

    def _arrangement(self, x: Placement) -> Arrangement:
        arrangement = self.plan.arrangements.get(len(x.shape), Arrangement(len(x.shape)))
        return replace(arrangement, fold=self._fold) if self._fold else arrangement

    def run(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        """One step, with no question whether it can be asked for."""
        arrangement = self._arrangement(x)
        x = arrangement.laid(x)
        if self.plan.library == "numpy":
            from bn_reference.targets.forms.numpy_steps import step
        else:
            from bn_reference.targets.forms.torch_steps import step
        self.latest = step(self, x, arrangement, training, record)
        return self.latest

    def state(self) -> State:
        return state_of({role: self.read(role) for role in (*STATISTICS, "num_batches_tracked")}, self.channels)

    def held_state(self) -> State:
        if any(self.read(role) is not self._held[role] for role in STATISTICS if role in self.plan.slots):
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
        self._loaded = saved
        self.layer.load_state_dict(saved)

    def reuse_loaded(self) -> None:
        for value in self._loaded.values():
            if is_array(value):
                filled(value, np.zeros(tuple(value.shape)))

    def state_in_graph(self) -> bool:
        if self.plan.library == "numpy":
            return False
        return any(bool(getattr(self.read(role), "requires_grad", False)) for role in STATISTICS)


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
