"""A trial: one case on one implementation, with what several properties need of it run once and kept.

The strategies hand out the same ``Case`` object for the same draw, so properties that are tried with the same seed meet the
same cases; the laboratory keeps what the implementation gave for them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.layouts import Placement, place
from bn_reference.oracle.step import ExpectedState, ExpectedStep, expect_inference, expect_sequence, expect_training
from bn_reference.targets.protocol import Grads, Implementation, Misbehaviour, Session, Step

__all__ = ["Laboratory", "NotApplicable", "Observation", "Trial"]

KEPT_CASES = 320  # as many as one pair of dtypes draws by default
KEPT_MADE = 8  # cases that a property made of a drawn one: nobody but itself can ask for them again


class NotApplicable(Exception):
    """The case has nothing that the property speaks of (no second channel, say); another case is drawn in its place."""


@dataclass(frozen=True, eq=False)
class Observation:
    """A step, forward and backward, and the state around it.

    Attributes:
        y, grads: what came out.
        state: after the forward pass, before any backward pass.
        held: the same through references taken before the step.
        state_after_backward: after the backward pass.
        input_changed, state_in_graph, device: what else was seen.
    """

    y: Array
    grads: Grads
    state: State
    held: State
    state_after_backward: State
    input_changed: bool
    state_in_graph: bool
    device: str


Kept = OrderedDict[tuple[Case, bool], Observation]


class Laboratory:
    """An implementation, and what it gave for the cases that were tried last."""

    def __init__(self, implementation: Implementation) -> None:
        self.implementation = implementation
        self._drawn: Kept = OrderedDict()
        self._made: Kept = OrderedDict()

    def observe(self, case: Case, training: bool) -> Observation:
        """Run one step of a fresh layer, or hand out what it gave before."""
        key = (case, training)
        kept, most = (self._made, KEPT_MADE) if case.recipe is None else (self._drawn, 2 * KEPT_CASES)
        if key not in kept:
            kept[key] = observe(self.implementation, case, training)
            if len(kept) > most:
                kept.popitem(last=False)
        kept.move_to_end(key)
        return kept[key]


@lru_cache(maxsize=KEPT_CASES)
def _judged(case: Case, model: tuple[tuple[str, Any], ...]) -> Case:
    """The case as another precision model sees it; the same object each time, as the oracle keeps what it said of it."""
    return case.but(pair=replace(case.pair, **dict(model)))


def observe(implementation: Implementation, case: Case, training: bool) -> Observation:
    session = implementation.open(case)
    step = session.forward(place(case.x, case.layout), training=training)
    state, held = session.state(), session.held_state()
    in_graph = session.state_in_graph()
    grads = step.backward(place(case.grad_y, case.grad_layout))
    return Observation(step.y, grads, state, held, session.state(), step.input_changed(), in_graph, step.device)


class Trial:
    """What a property's body works with.

    Attributes:
        case: the case that was drawn.
        implementation: the one under test.
    """

    def __init__(self, laboratory: Laboratory, case: Case, model: Mapping[str, Any] | None = None) -> None:
        self.laboratory = laboratory
        self.implementation = laboratory.implementation
        self.case = case
        self._model = dict(model or {})

    def judged_as(self, model: Mapping[str, Any]) -> Trial:
        """The same trial, judged by another precision model: fields of ``Pair`` that are to be different."""
        return Trial(self.laboratory, self.case, {**self._model, **model})

    def require(self, condition: bool) -> None:
        """Only cases of which the property says something count."""
        if not condition:
            raise NotApplicable

    # running the implementation

    def train(self, case: Case | None = None) -> Observation:
        """A training step of a fresh layer: forward, then backward."""
        return self.laboratory.observe(case or self.case, True)

    def evaluate(self, case: Case | None = None) -> Observation:
        """The same in eval."""
        return self.laboratory.observe(case or self.case, False)

    def open(self, case: Case | None = None, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        """A fresh layer, for steps of the property's own."""
        return self.implementation.open(case or self.case, trainable=trainable, input_gradient=input_gradient)

    def forward(self, case: Case, *, training: bool = True) -> Step:
        """One forward pass of a fresh layer."""
        return self.open(case).forward(place(case.x, case.layout), training=training)

    def refuses(self, action: Callable[[], object]) -> bool:
        """Whether the implementation raises an exception of its own."""
        try:
            action()
        except Misbehaviour as misbehaviour:
            return misbehaviour.__cause__ is not None
        return False

    # what the oracle expects

    def judged(self, case: Case) -> Case:
        return _judged(case, tuple(self._model.items())) if self._model else case

    def expected(self, case: Case | None = None) -> ExpectedStep:
        """What a training step gives, with bounds."""
        return expect_training(self.judged(case or self.case))

    def expected_after(self, batches: tuple[Array, ...]) -> ExpectedState:
        """The running statistics after these batches, one after another."""
        return expect_sequence(self.judged(self.case), batches)

    def expected_evaluation(self, case: Case | None = None) -> ExpectedStep:
        """What a step in eval gives, with bounds."""
        return expect_inference(self.judged(case or self.case))


def contiguous(array: Array) -> Placement:
    return place(array, "contiguous")
