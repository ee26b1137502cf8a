"""A trial: one case on one implementation, with what several properties need of it run once and kept.

The strategies hand out the same ``Case`` object for the same draw, so properties that are tried with the same seed meet the
same cases; the laboratory keeps what the implementation gave for them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

from bn_reference.arithmetic.precision import root_roundings
from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.circumstances import OF_A_STEP
from bn_reference.cases.facts import Missing
from bn_reference.cases.layouts import Placement, place
from bn_reference.conventions import Conventions
from bn_reference.oracle.compare import Comparison, unseen
from bn_reference.oracle.derivatives import (
    ExpectedDerivatives,
    expect_derivatives_of_inference,
    expect_derivatives_of_training,
)
from bn_reference.oracle.step import ExpectedState, ExpectedStep, expect_inference, expect_sequence, expect_training
from bn_reference.properties.asking import NOT_SEEN, asking, grads_of_asked, is_between, stepped_between
from bn_reference.targets.lives import lives_on
from bn_reference.targets.protocol import Grads, Implementation, Misbehaviour, Session, Step, Unsupported
from bn_reference.targets.watched import Watched

__all__ = ["EVAL_FIRST", "Laboratory", "NotApplicable", "Observation", "Trial", "asked", "contiguous", "promised"]

KEPT_CASES = 320  # as many as one pair of dtypes draws by default
EVAL_FIRST = (False, True)  # in which order a layer that is lent steps: a training step may hide what its life left in eval
KEPT_MADE = 8  # cases that a property made of a drawn one: nobody but itself can ask for them again


class NotApplicable(Exception):
    """The case has nothing that the property speaks of (no second channel, say); another case is drawn in its place."""


class Observation:
    """A step of a fresh layer. Each thing is asked for when it is first read, and in the order in which it can be seen.

    What cannot be had is a value that says why (``cases.facts.Unseen``); ``y`` raises, as there is nothing to go on with.
    """

    def __init__(self, implementation: Implementation, case: Case, training: bool) -> None:
        self._implementation, self._case, self._training = implementation, case, training
        self._unrecorded = is_unrecorded(case, training)
        self._asking: tuple[str, ...] = ()  # of x, weight and bias, where not all of them ask for a gradient
        self._session, self._step = self._run()
        self._output = self._step  # which is never recorded where the case says so
        self._passed_on = False  # whether the session has made another step since
        self._before: Session | None = self._session  # one in which nothing has gone back

    def _run(self) -> tuple[Session, Step]:
        if self._unrecorded:
            session, x = self._implementation.open(self._case), place(self._case.x, self._case.layout)
            try:
                return session, session.forward(x, training=self._training, record=False)
            except Unsupported:  # then it is called as it can be
                self._unrecorded = False
        return self._recorded()

    def _recorded(self) -> tuple[Session, Step]:
        session, x = self._implementation.open(self._case), place(self._case.x, self._case.layout)
        self._asking = asking(session, self._case)
        return session, session.forward(x, training=self._training)

    def _before_backward(self) -> Session:
        if self._before is None:
            self._before = self._run()[0]
        return self._before

    @property
    def y(self) -> Array:
        """The output. Raises Misbehaviour where it is none."""
        return self._output.y

    @property
    def device(self) -> str:
        """Where the output lies."""
        return self._output.device

    @cached_property
    def state(self) -> State:
        """After the forward pass, before any backward pass."""
        return self._before_backward().state()

    @cached_property
    def state_in_graph(self) -> bool:
        """Whether a running statistic is attached to a recorded computation, after the forward pass."""
        return self._before_backward().state_in_graph()

    @cached_property
    def grads(self) -> Grads:
        """What a backward pass from the case's upstream gradient gives."""
        if self._unrecorded:
            self._session, self._step = self._recorded()
            self._unrecorded = False
        elif self._before is self._session:
            self._before = None
        upstream = place(self._case.grad_y, self._case.grad_layout)
        if is_between(self._case):
            stepped_between(self._session, self._case, self._training)
            self._passed_on = True
        if not self._asking:
            grads = self._step.backward(upstream)
            return grads if not (self._passed_on and isinstance(grads.x, Missing)) else self._plain().grads
        asked = grads_of_asked(self._step, upstream, self._asking)
        whole = self._plain().grads
        seen = ((own, other) for own, other in zip(vars(asked).values(), vars(whole).values(), strict=True))
        return Grads(*(other if own is NOT_SEEN else own for own, other in seen))

    def _plain(self) -> Observation:
        """The step as it is where all ask for a gradient, and nothing lies between it and its backward pass."""
        words = tuple(word for word in self._case.circumstances if word not in OF_A_STEP)
        return Observation(self._implementation, self._case.but(circumstances=words), self._training)

    @cached_property
    def state_after_backward(self) -> State:
        """After a forward and a backward pass."""
        assert self.grads is not None  # it has gone back by now
        return self._plain().state_after_backward if self._passed_on else self._session.state()

    def input_changed(self) -> bool:
        """Whether the memory of x was written to by now."""
        return self._step.input_changed() or self._output.input_changed()

    def given_changed(self) -> str:
        """Which other array that was handed over for reading was written to; empty where none was."""
        return self._step.given_changed() or self._output.given_changed()

    def output_shares_memory(self) -> bool:
        """Whether the output lies in the memory of x."""
        return self._output.shares_memory()

    def upstream_changed(self) -> bool:
        """Whether the memory of the upstream gradient was written to."""
        assert self.grads is not None  # it has gone back by now
        return self._step.upstream_changed()


def is_unrecorded(case: Case, training: bool) -> bool:
    """Whether output and state are of a step of which nothing is recorded."""
    return "unrecorded" in case.circumstances or (not training and "inference mode" in case.circumstances)


Kept = OrderedDict[tuple[Case, bool], Observation]


class Laboratory:
    """An implementation, and what it gave for the cases that were tried last."""

    def __init__(self, implementation: Watched) -> None:
        self.implementation = implementation
        self._drawn: Kept = OrderedDict()
        self._made: Kept = OrderedDict()
        self._kernels: OrderedDict[tuple[Case, bool], frozenset[str] | None] = OrderedDict()

    def kernels(self, case: Case, training: bool) -> frozenset[str] | None:
        """The libraries whose own batch norm a step of the case runs through, None without one; latest answers are kept."""
        key = (case, training)
        if key not in self._kernels:
            self._kernels[key] = self.implementation.kernels(case, training=training)
            if len(self._kernels) > KEPT_MADE:
                self._kernels.popitem(last=False)
        return self._kernels[key]

    def observe(self, case: Case, training: bool) -> Observation:
        """A step of a fresh layer, or the one that was run before for the very same case."""
        key = (case, training)
        kept, most = (self._made, KEPT_MADE) if case.recipe is None else (self._drawn, 2 * KEPT_CASES)
        if key in kept:
            self.implementation.recall(case)
        else:
            kept[key] = Observation(self.implementation, case, training)
            if len(kept) > most:
                kept.popitem(last=False)
        kept.move_to_end(key)
        return kept[key]


@lru_cache(maxsize=KEPT_CASES)
def _under(case: Case, model: tuple[tuple[str, Any], ...]) -> Case:
    """The case as another precision model sees it; the same object each time, as the oracle keeps what it said of it."""
    return case.under(**dict(model))


@lru_cache(maxsize=KEPT_CASES)
def _promised(case: Case, roundings: int, conventions: Conventions) -> Case:
    kept = case.kept_by(conventions).under(root_roundings=roundings)
    # whoever counts its batches unseen cannot be settled where the first ones count otherwise than the later
    return kept if conventions.first_batches == "prior" else replace(kept, circumstances=())


def promised(case: Case, device: str, conventions: Conventions) -> Case:
    """The case judged by what device and target promise; the same object each time, and the case itself where it is so."""
    roundings = root_roundings(device)
    known = case.conventions == conventions and case.precision.root_roundings == roundings
    return case if known else _promised(case, roundings, conventions)


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
        self._lent: Session | None = None  # by `lend`, the last time

    def under(self, model: Mapping[str, Any]) -> Trial:
        """The same trial under another precision model: fields of ``Precision`` that are to be different."""
        return Trial(self.laboratory, self.case, {**self._model, **model})

    def on(self, case: Case) -> Trial:
        """The same trial on another case."""
        return self if case is self.case else Trial(self.laboratory, case, self._model)

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

    def lend(self) -> Session:
        """A layer of the case, for whoever is through with what was lent before, and with the way back of its steps.

        That is a fresh one, or the very same where it has lived: it then lives on, as no life costs as much as another one.
        """
        if self._lent is not None:
            with suppress(Unsupported):
                self._lent = lives_on(self._lent, self.case)
                return self._lent
        self._lent = self.open()
        return self._lent

    def forward(self, case: Case | None = None, *, training: bool = True) -> Step:
        """One forward pass, of a layer that is lent where the case is the trial's own."""
        case = case or self.case
        session = self.lend() if case is self.case else self.open(case)
        return session.forward(place(case.x, case.layout), training=training)

    def refuses(self, action: Callable[[], object]) -> bool:
        """Whether the implementation raises an exception of its own, or says that it cannot."""
        try:
            action()
        except Unsupported:
            return True
        except Misbehaviour as misbehaviour:
            return misbehaviour.raised
        return False

    # what the oracle expects

    def modelled(self, case: Case) -> Case:
        """The case as the trial's precision model sees it."""
        return _under(case, tuple(self._model.items())) if self._model else case

    def expected(self, case: Case | None = None) -> ExpectedStep:
        """What a training step gives, with bounds."""
        return expect_training(self.modelled(case or self.case))

    def expected_after(self, batches: tuple[Array, ...]) -> ExpectedState:
        """The running statistics after these batches, one after another."""
        return expect_sequence(self.modelled(self.case), batches)

    def expected_evaluation(self, case: Case | None = None) -> ExpectedStep:
        """What a step in eval gives, with bounds."""
        return expect_inference(self.modelled(case or self.case))

    def expected_derivatives(self) -> ExpectedDerivatives:
        """What the derivatives of a training step along the case's direction are, with bounds."""
        return expect_derivatives_of_training(self.modelled(self.case))

    def expected_derivatives_of_evaluation(self) -> ExpectedDerivatives:
        """The same of a step in eval."""
        return expect_derivatives_of_inference(self.modelled(self.case))


def contiguous(array: Array) -> Placement:
    """The array laid out contiguously."""
    return place(array, "contiguous")


def asked(compare: Callable[[], Comparison], what: str) -> Comparison:
    """A part of a rule, which is left out where an implementation cannot be asked for it."""
    try:
        return compare()
    except Unsupported as unsupported:
        return unseen(what, Missing(str(unsupported)))
