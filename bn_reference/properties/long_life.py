"""A long life as a state machine: operations are drawn one after another, and made fewer where one goes wrong.

Its model is the oracle: what a step must give follows from the state that was seen before it, so that bounds do not pile up.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.facts import Fact, Kind
from bn_reference.cases.others import another_batch
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, fact, within
from bn_reference.properties import transform
from bn_reference.properties.gradients import grads_within
from bn_reference.properties.running import same_count, same_state
from bn_reference.properties.trial import Trial, contiguous
from bn_reference.targets.protocol import Misbehaviour, Unsupported

__all__ = ["lived_through"]

OPERATIONS = 160  # of a life, not half of them calls
LIVES = 3  # of a case, the first of which does the same all the time
SHORTER = 10  # lives in which the same is sought after fewer operations
LEAVES = (
    "copy",
    "pickle",
    "load",
    "convert",
    "replace parameters",
    "join a parent",
    "poison",
)  # of which the state knows nothing
EPS, MOMENTUM = (1e-5, 0.125, 1.0), (0.1, 0.5, 1.0)
NUMBERS = st.integers(0, 7)
SETTINGS = settings(
    max_examples=LIVES,
    stateful_step_count=OPERATIONS,
    deadline=None,
    database=None,
    derandomize=False,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    print_blob=False,
    verbosity=Verbosity.quiet,
)


class _Broken(Exception):
    """An operation gave something else than it must."""


class _Enough(BaseException):
    """A shorter life was sought for long enough. Not an Exception, so that Hypothesis lets it through."""


class _Found:
    """What was found in the lives of a case.

    Attributes:
        compared: what held.
        broken: what did not, in the life of the fewest calls, and these calls.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial, self.compared = trial, list[Comparison]()
        self.broken: tuple[Comparison, list[Any]] | None = None
        self._trace: Any = getattr(trial.implementation, "trace", None)
        self._left = SHORTER

    def begin(self) -> None:
        """Another life: what is kept of the trace is that one alone."""
        self._left -= self.broken is not None
        if self._left < 0:
            raise _Enough
        if self._trace is not None:
            self._trace.clear()

    def keep(self, broken: Comparison) -> None:
        """Something is wrong in this life."""
        calls = list(self._trace or ())
        if self.broken is None or len(calls) <= len(self.broken[1]):
            self.broken = broken, calls

    def said(self) -> Comparison:
        """That of the shortest life in which something is wrong, whose calls are in the trace; else that all is right."""
        if self.broken is None:
            return all_of(*self.compared)
        if self._trace is not None:
            self._trace.clear()
            self._trace.extend(self.broken[1])
        return self.broken[0]


def operation(**drawn: Any) -> Callable[[Callable[..., None]], Any]:
    """A rule of the machine; what the layer cannot be asked for is left out of its life."""

    def made(body: Callable[..., None]) -> Any:
        @wraps(body)
        def watched(life: _Life, **given: Any) -> None:
            with suppress(Unsupported):
                try:
                    body(life, **given)
                except Misbehaviour as misbehaviour:
                    life.end(fact(False, misbehaviour.fact))

        made_rule: Any = rule(**drawn)
        return made_rule(watched)

    return made


class _Life(RuleBasedStateMachine):
    """One layer from its building on."""

    found: ClassVar[_Found]

    def __init__(self) -> None:
        super().__init__()
        self.found.begin()
        self.trial = self.found.trial
        self.case = self.trial.case
        self.session = self.trial.open(self.case)

    # training

    @operation(number=NUMBERS, size=st.sampled_from((1.0, 0.5, 1.5)), record=st.booleans())
    def train(self, number: int, size: float, record: bool) -> None:
        """A training step, whose gradients nobody asks for."""
        case = self._on(number, size)
        step = self.session.forward(contiguous(case.x), training=True, record=record)
        self._moved(case, self._within(step.y, case, training=True))

    @operation(number=NUMBERS)
    def go_back(self, number: int) -> None:
        """A training step, and the way back."""
        case = self._on(number, 1.0)
        step = self.session.forward(contiguous(case.x), training=True)
        found = self._within(step.y, case, training=True)
        self._moved(case, found, grads_within(step.backward(contiguous(case.grad_y)), self.trial.expected(case), case))

    # evaluation

    @operation(number=NUMBERS, record=st.booleans())
    def evaluate(self, number: int, record: bool) -> None:
        """An evaluation, which moves nothing."""
        case = self._on(number, 1.0)
        step = self.session.forward(contiguous(case.x), training=False, record=record)
        self._unmoved(Aspect.AFTER_EVALUATION, self._within(step.y, case, training=False))

    @operation(number=NUMBERS)
    def go_back_in_eval(self, number: int) -> None:
        """An evaluation, and the way back."""
        case = self._on(number, 1.0)
        step = self.session.forward(contiguous(case.x), training=False)
        expected = self.trial.expected_evaluation(case)
        found = self._within(step.y, case, training=False)
        self._unmoved(Aspect.AFTER_BACKWARD, found, grads_within(step.backward(contiguous(case.grad_y)), expected, case))

    # what it may refuse

    @operation(wide=st.booleans(), training=st.booleans())
    def be_refused(self, wide: bool, training: bool) -> None:
        """Twice the channels are refused, no sample is or is not; the statistics stay, and the counter may have moved."""
        x = another_batch(self.case, 0)
        if wide and self.case.channels == 1:
            return
        batch = x.repeat(2, axis=1) if wide else x[:0]
        try:
            self.session.forward(contiguous(batch), training=training and wide)
        except Misbehaviour:
            self._unmoved(Aspect.AFTER_A_REFUSAL, counted=False)
        else:
            if wide and (self.case.affine or self.case.tracks):
                self._judge(fact(False, Fact(Kind.ACCEPTED, "x", batch.shape, self.case.channels)))
            self._unmoved(Aspect.AFTER_NO_ROW, counted=False)

    # what else happens to it

    @operation(word=st.sampled_from(LEAVES))
    def undergo(self, word: str) -> None:
        """A copy goes on, it is loaded with what it has ..."""
        self.session = self.session.undergo(word, self.case)
        self._unmoved(Aspect.AGAIN)

    @operation()
    def load(self) -> None:
        """Another saved state."""
        if not self.case.tracks:
            return
        state = transform.another_state(self.case)
        self.session.load(state)
        self.case = transform.with_state(self.case, state)
        self._unmoved(Aspect.AS_LOADED)

    @operation(sign=st.sampled_from((-1, 1)))
    def step_of_an_optimizer(self, sign: int) -> None:
        """Other weights and biases."""
        case = self.case
        if case.weight is not None and case.bias is not None:
            half = case.weight.dtype.type(0.5)
            self._settle(case.but(weight=case.bias * half, bias=case.weight * case.weight.dtype.type(sign)))

    @operation(eps=st.sampled_from(EPS), momentum=st.sampled_from(MOMENTUM))
    def change_hyperparameters(self, eps: float, momentum: float) -> None:
        """Other eps and momentum."""
        domain = getattr(self.trial.implementation, "domain", None)
        case = self.case.but(eps=eps, momentum=momentum)
        if domain is None or not domain.refusal(case):
            self._settle(case)

    # what is judged

    def _on(self, number: int, size: float) -> Case:
        """The case on another batch, and the state that was seen last."""
        x: Array = another_batch(self.case, number)
        least = 1 if x.ndim == 3 and x.shape[2] > 1 else 2
        samples = max(int(len(x) * size), least)
        case = transform.with_batch(self.case, x.repeat(2, axis=0)[:samples] if samples > len(x) else x[:samples])
        return case.but(grad_y=another_batch(case, number + 1))

    def _within(self, y: Array, case: Case, training: bool) -> Comparison:
        expected = self.trial.expected(case) if training else self.trial.expected_evaluation(case)
        return within("y", y, expected.y)

    def _moved(self, case: Case, *found: Comparison) -> None:
        state, expected = self.session.state(), self.trial.expected(case).state
        self._judge(*found, *transform.state_within(state, expected), same_count(state.batches, expected.batches))
        self._seen(state)

    def _unmoved(self, aspect: Aspect, *found: Comparison, counted: bool = True) -> None:
        state = self.session.state()
        count = [same_count(state.batches, self.case.batches if self.case.tracks else None)] if counted else []
        self._judge(*found, same_state(state, self.case, aspect), *count)
        self._seen(state)

    def _seen(self, state: State) -> None:
        self.case = transform.with_state(self.case, state)

    def _settle(self, case: Case) -> None:
        self.session = self.session.settle(case)
        self.case = case

    def _judge(self, *found: Comparison) -> None:
        comparison = all_of(*found)
        if not comparison.holds:
            self.end(comparison)
        self.found.compared.append(comparison)

    def end(self, broken: Comparison) -> None:
        """Something is wrong: no more operations."""
        self.found.keep(broken)
        raise _Broken


def lived_through(trial: Trial, key: str) -> Comparison:
    """What was found in a few long lives of a case, drawn by a key: what is wrong, or that all is right."""
    found = _Found(trial)
    life = type("Life", (_Life,), {"found": found})
    seed(zlib.crc32(key.encode()))(life)
    with suppress(_Broken, _Enough, Flaky):
        run_state_machine_as_test(life, settings=SETTINGS)
    return found.said()
