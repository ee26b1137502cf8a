"""An implementation that is watched: what it raises becomes misbehaviour, and what was asked of it is kept as a trace.

Nothing is computed or judged here. What comes out has passed the border; what could not be had stands there as a value that
says why. The trace is what a standalone script is written from.
"""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager
from functools import partial
from weakref import WeakKeyDictionary

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case, Seen, State
from bn_reference.cases.directions import Direction
from bn_reference.cases.facts import Fact, Kind, Wrong
from bn_reference.cases.layouts import Placement
from bn_reference.targets.border import kind_of, missing, seen_array, seen_state
from bn_reference.targets.first_calls import FirstCalls
from bn_reference.targets.lives import Outcome, lived
from bn_reference.targets.protocol import Forms, Implementation, Misbehaviour, Session, Step, Unsupported
from bn_reference.targets.trace import (
    Ask,
    Call,
    Copy,
    Forward,
    Framework,
    Fresh,
    Load,
    Mapped,
    Open,
    Read,
    Restore,
    Reuse,
    Settle,
    Tangent,
    Threads,
    Trace,
    Track,
    Undergo,
)
from bn_reference.targets.watched_step import WatchedStep, asked, had_or_why, refused

__all__ = ["Watched"]

KEPT_CALLS = 1024  # a property asks for some thirty, each layer's life for up to two dozen
FRAMEWORKS: dict[str, Framework] = {  # of our own forms, whatever subclass of theirs a user makes
    "bn_reference.targets.forms.torch_module": "torch",
    "bn_reference.targets.forms.numpy_layer": "numpy",
}


class _Session(Session):
    def __init__(self, inner: Session, number: int, case: Case, watcher: Watched) -> None:
        self._inner, self._number, self._channels, self._watcher = inner, number, case.channels, watcher
        self._case = case
        self._kind = str(case.pair), case.affine, case.tracks

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        call = Forward(session=self._number, step=self._watcher.next_number(), x=x, training=training, record=record)
        self._watcher.trace.append(call)
        self._require_taken(call, x)
        with self._watcher.calls.told("forward", training, x.shape, self._kind):
            step = asked("forward", call, lambda: self._inner.forward(x, training=training, record=record))
        if not isinstance(step, Step):
            call.wrong = Fact(Kind.RETURNED, "the session's forward", kind_of(step), "bn_reference's Step")
            raise Misbehaviour(call.wrong)
        try:
            y = seen_array(asked("forward", call, lambda: step.y), "y", x.shape)
            call.y = Wrong(Fact(Kind.RETURNED, "forward", "None", "a NumPy array")) if y is None else y
        except Unsupported as unsupported:
            call.refused, call.y = "", missing(unsupported, "the output is not seen")  # the step itself was made
        except Misbehaviour as misbehaviour:
            call.y = Wrong(misbehaviour.fact)
        told = partial(self._watcher.calls.told, "backward", training, x.shape, self._kind)
        return WatchedStep(step, call.step, x.shape, self._watcher.trace, call.y, self._watcher.domain, told)

    def tangent(self, x: Placement, along: Direction, *, training: bool) -> Seen:
        call = Tangent(session=self._number, x=x, along=along, training=training)
        self._watcher.trace.append(call)
        self._require_taken(call, x)
        with self._watcher.calls.told("forward mode", training, x.shape, self._kind):
            came = asked("forward in forward mode", call, lambda: self._inner.tangent(x, along, training=training))
        call.tangent = seen_array(came, "tangent_y", x.shape)
        return call.tangent

    def mapped(self, batches: tuple[Placement, ...]) -> tuple[Seen, ...]:
        call = Mapped(session=self._number, batches=batches)
        self._watcher.trace.append(call)
        for x in batches:
            self._require_taken(call, x)
        with self._watcher.calls.told("vectorized", batches[0].shape, self._kind):
            came = asked("forward over several batches", call, lambda: self._inner.mapped(batches))
        if not isinstance(came, tuple | list) or len(came) != len(batches):
            call.wrong = Fact(Kind.RETURNED, "the forward pass over several batches", kind_of(came), "an output for each")
            raise Misbehaviour(call.wrong)
        call.ys = tuple(seen_array(y, "y", x.shape) for y, x in zip(came, batches, strict=True))
        return call.ys

    def without_numbers(self, x: Placement, grad_y: Placement, *, training: bool) -> Forms:
        with self._watcher.calls.told("without numbers", training, x.shape, self._kind):
            return asked(
                "a step without numbers",
                Call(),
                lambda: self._inner.without_numbers(x, grad_y, training=training),
            )

    def ask(self, names: tuple[str, ...]) -> None:
        call = Ask(session=self._number, names=names)
        self._watcher.trace.append(call)
        asked("asking for gradients", call, lambda: self._inner.ask(names))

    def _require_taken(self, call: Call, x: Placement) -> None:
        refusal = self._watcher.domain.refusal_of_batch(x)
        if refusal and not self.whole:
            raise refused(call, refusal)

    def state(self) -> State:
        return self._read(held=False)

    def held_state(self) -> State:
        return self._read(held=True)

    def _read(self, held: bool) -> State:
        call = Read(session=self._number, held=held)
        self._watcher.trace.append(call)
        read = self._inner.held_state if held else self._inner.state
        call.state = had_or_why(
            call,
            lambda: seen_state(asked("reading the state", call, read), self._channels),
            lambda why: State(why, why, why),
            "the running statistics are not seen",
        )
        return call.state

    def load(self, state: State) -> None:
        call = Load(session=self._number, state=state)
        self._watcher.trace.append(call)
        asked("load_state_dict", call, lambda: self._inner.load(state))

    def reuse_loaded(self) -> None:
        call = Reuse(session=self._number)
        self._watcher.trace.append(call)
        asked("writing over what was loaded", call, self._inner.reuse_loaded)

    def track(self, on: bool) -> None:
        call = Track(session=self._number, on=on)
        self._watcher.trace.append(call)
        asked("setting track_running_stats", call, lambda: self._inner.track(on))

    def state_in_graph(self) -> bool:
        return bool(asked("looking at the state", Call(), self._inner.state_in_graph))

    def copied(self) -> Session:
        call = Copy(session=self._number, made=self._watcher.next_number())
        self._watcher.trace.append(call)
        inner = asked("copying the layer", call, self._inner.copied)
        return _Session(inner, call.made, self._case, self._watcher)

    @property
    def whole(self) -> bool:
        return self._inner.whole

    def shown(self) -> dict[str, str]:
        return asked("showing its hyperparameters", Call(), self._inner.shown)

    def learned(self) -> int:
        return asked("counting its parameters", Call(), self._inner.learned)

    def restored(self) -> Session:
        call = Restore(session=self._number, made=self._watcher.next_number())
        self._watcher.trace.append(call)
        inner = asked("load_state_dict", call, self._inner.restored)
        return _Session(inner, call.made, self._case, self._watcher)

    def held(self, *, sure: bool = False) -> int:
        return asked("looking at what it holds", Call(), lambda: self._inner.held(sure=sure))

    def undergo(self, word: str, case: Case) -> Session:
        call = Undergo(session=self._number, word=word, case=case)
        self._watcher.trace.append(call)
        try:
            inner = asked(word, call, lambda: self._inner.undergo(word, case))
        except Misbehaviour as misbehaviour:  # whether it may is for rules of its own: the layer goes on without
            call.refused = f"it raises when it is to {word}"
            raise Unsupported(call.refused) from misbehaviour
        return self._going_on(inner, case)

    @property
    def settles(self) -> bool:
        return self._inner.settles

    def settle(self, case: Case) -> Session:
        call = Settle(session=self._number, case=case)
        self._watcher.trace.append(call)
        return self._going_on(asked("settling", call, lambda: self._inner.settle(case)), case)

    def _going_on(self, inner: Session, case: Case) -> Session:
        return self if inner is self._inner else _Session(inner, self._number, case, self._watcher)


class Watched(Implementation):
    """An implementation, watched.

    Attributes:
        trace: the last calls on the target, oldest first; ``clear()`` it before what is to be kept.
        framework: in whose words a script repeats them.
        calls: what it was called with by now.
    """

    def __init__(self, inner: Implementation) -> None:
        self.inner = inner
        self.name, self.device = inner.name, inner.device
        self.domain, self.form, self.notes = inner.domain, inner.form, inner.notes
        self.library = inner.library
        self.momentum_weights = inner.momentum_weights
        self.conventions: object = getattr(inner, "conventions", None)  # as an adapter may declare them
        self.trace: Trace = deque(maxlen=KEPT_CALLS)
        self.framework = FRAMEWORKS.get(type(inner).__module__, "adapter")
        self.calls = FirstCalls()
        self._latest: Outcome = ""
        self._outcomes: WeakKeyDictionary[Case, Outcome] = WeakKeyDictionary()
        self._told: dict[Case, Outcome] = {}
        self._numbers = 0

    def next_number(self) -> int:
        """A number for a session or step: unlike any given out before."""
        self._numbers += 1
        return self._numbers

    def supports(self, pair: Pair) -> bool:
        if not self.domain.takes_pair(pair):
            return False
        return bool(asked("asking which dtypes it supports", Call(), lambda: self.inner.supports(pair)))

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        """A layer that was through the case's circumstances, if there are any."""

        def opened(case: Case) -> Session:
            return self._opened(case, trainable, input_gradient)

        whole = case
        if not self.inner.settles_hyperparameters and "settle hyperparameters" in case.circumstances:
            case = case.but(circumstances=tuple(word for word in case.circumstances if word != "settle hyperparameters"))
        if not case.circumstances:
            return opened(case)
        session, self._latest = lived(opened, case)
        self._outcomes[whole] = self._told[whole] = self._latest
        return session

    def forget_lives(self) -> None:
        """What is told of lives from now on is of cases that are opened from now on, or recalled."""
        self._latest, self._told = "", {}

    def recall(self, case: Case) -> None:
        """A layer that was opened for the case before is looked at again."""
        if case in self._outcomes:
            self._latest = self._told[case] = self._outcomes[case]

    def outcome(self, case: Case) -> Outcome:
        """What came of a case's life when it was opened; that of the latest one, where only others were made of it."""
        return self._told.get(case, self._latest)

    def _opened(self, case: Case, trainable: bool, input_gradient: bool) -> Session:
        call = Open(session=self.next_number(), case=case, trainable=trainable, input_gradient=input_gradient)
        self.trace.append(call)
        self._require_taken(call, case)
        session = asked(
            "building the layer", call, lambda: self.inner.open(case, trainable=trainable, input_gradient=input_gradient)
        )
        if not isinstance(session, Session):
            call.wrong = Fact(Kind.RETURNED, "the adapter's open", kind_of(session), "bn_reference's Session")
            raise Misbehaviour(call.wrong)
        return _Session(session, call.session, case, self)

    def fresh(self, case: Case) -> tuple[Seen, Seen, State]:
        call = Fresh(case=case)
        self.trace.append(call)
        self._require_taken(call, case)
        weight, bias, state = asked("building the layer", call, lambda: self.inner.fresh(case))
        channels = (case.channels,)
        call.weight, call.bias = seen_array(weight, "weight", channels), seen_array(bias, "bias", channels)
        call.state = asked("building the layer", call, lambda: seen_state(state, case.channels))
        return call.weight, call.bias, call.state

    def surroundings(self, *, stir: bool = False) -> dict[str, object]:
        return asked("looking at what surrounds the layer", Call(), lambda: self.inner.surroundings(stir=stir))

    def with_threads(self, number: int) -> AbstractContextManager[None]:
        call = Threads(number=number)
        self.trace.append(call)
        return asked("setting the number of threads", call, lambda: self.inner.with_threads(number))

    def alive(self) -> bool:
        return bool(self.inner.alive())

    def _require_taken(self, call: Call, case: Case) -> None:
        refusal = self.domain.refusal(case)
        if refusal:
            raise refused(call, refusal)

    def kernels(self, case: Case, *, training: bool) -> frozenset[str] | None:
        try:
            return asked("a step", Call(), lambda: self.inner.kernels(case, training=training))
        except (Misbehaviour, Unsupported):  # told where the step is judged
            return frozenset()
