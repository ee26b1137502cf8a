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
from bn_reference.targets.surroundings import Setting
from bn_reference.targets.trace import Call, Framework
from bn_reference.targets.watched_step import WatchedStep, Watching, asked, had_or_why, refused, several

__all__ = ["Watched"]

KEPT_CALLS = 1024  # a property asks for some thirty, each layer's life for up to two dozen
FRAMEWORKS: dict[str, Framework] = {  # of our own forms, whatever subclass of theirs a user makes
    "bn_reference.targets.forms.torch_module": "torch",
    "bn_reference.targets.forms.numpy_layer": "numpy",
}


class _Session(Watching, Session):
    def __init__(self, inner: Session, number: int, case: Case, watcher: Watched) -> None:
        super().__init__(inner, number, watcher.trace)
        self._channels, self._watcher, self._case = case.channels, watcher, case
        self._kind = str(case.pair), case.affine, case.tracks

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        call = self._call("forward", x, training=training, **({} if record else {"record": False}))
        call.made = self._watcher.next_number()
        self._require_taken(call, x)
        with self._watcher.calls.told("forward", training, x.shape, self._kind):
            step = self._give(call)
        if not isinstance(step, Step):
            call.wrong = Fact(Kind.RETURNED, "the session's forward", kind_of(step), "bn_reference's Step")
            raise Misbehaviour(call.wrong)
        try:
            y = seen_array(asked(call, lambda: step.y), "y", x.shape)
            y = Wrong(Fact(Kind.RETURNED, "forward", "None", "a NumPy array")) if y is None else y
        except Unsupported as unsupported:
            call.refused, y = "", missing(unsupported, "the output is not seen")  # the step itself was made
        except Misbehaviour as misbehaviour:
            y = Wrong(misbehaviour.fact)
        call.came = [("y", y)]
        told = partial(self._watcher.calls.told, "backward", training, x.shape, self._kind)
        return WatchedStep(step, call.made, x.shape, self._trace, y, self._watcher.domain, told)

    def tangent(self, x: Placement, along: Direction, *, training: bool) -> Seen:
        call = self._call("tangent", x, along, training=training)
        self._require_taken(call, x)
        with self._watcher.calls.told("forward mode", training, x.shape, self._kind):
            tangent = seen_array(self._give(call), "tangent_y", x.shape)
        call.gives(tangent=tangent)
        return tangent

    def mapped(self, batches: tuple[Placement, ...]) -> tuple[Seen, ...]:
        call = self._call("mapped", batches)
        for x in batches:
            self._require_taken(call, x)
        with self._watcher.calls.told("vectorized", batches[0].shape, self._kind):
            came = several(call, self._give(call), len(batches), "an output for each")
        ys = tuple(seen_array(y, "y", x.shape) for y, x in zip(came, batches, strict=True))
        call.came = [("y", y) for y in ys]
        return ys

    def without_numbers(self, x: Placement, grad_y: Placement, *, training: bool) -> Forms:
        with self._watcher.calls.told("without numbers", training, x.shape, self._kind):
            forms: Forms = self._look("without_numbers", x, grad_y, training=training)
        return forms

    def ask(self, names: tuple[str, ...]) -> None:
        self._ask("ask", names)

    def _require_taken(self, call: Call, x: Placement) -> None:
        refusal = self._watcher.domain.refusal_of_batch(x)
        if refusal and not self.whole:
            raise refused(call, refusal)

    def state(self) -> State:
        return self._read("state")

    def held_state(self) -> State:
        return self._read("held_state")

    def _read(self, method: str) -> State:
        call = self._call(method)
        state = had_or_why(
            call,
            lambda: seen_state(self._give(call), self._channels),
            lambda why: State(why, why, why),
            "the running statistics are not seen",
        )
        call.gives(state=state)
        return state

    def load(self, state: State) -> None:
        self._ask("load", state)

    def reuse_loaded(self) -> None:
        self._ask("reuse_loaded")

    def track(self, on: bool) -> None:
        self._ask("track", on)

    def state_in_graph(self) -> bool:
        return bool(self._look("state_in_graph"))

    @property
    def whole(self) -> bool:
        return bool(self._inner.whole)

    def shown(self) -> dict[str, str]:
        shown: dict[str, str] = self._look("shown")
        return shown

    def learned(self) -> int:
        learned: int = self._look("learned")
        return learned

    def held(self, *, sure: bool = False) -> int:
        held: int = self._look("held", sure=sure)
        return held

    def copied(self) -> Session:
        return self._another("copied")

    def restored(self) -> Session:
        return self._another("restored")

    def _another(self, method: str) -> Session:
        call = self._call(method)
        call.made = self._watcher.next_number()
        return _Session(self._give(call), call.made, self._case, self._watcher)

    def undergo(self, word: str, case: Case) -> Session:
        call = self._call("undergo", word, case)
        try:
            inner = self._give(call)
        except Misbehaviour as misbehaviour:  # whether it may is for rules of its own: the layer goes on without
            call.refused = f"it raises when it is to {word}"
            raise Unsupported(call.refused) from misbehaviour
        return self._going_on(inner, case)

    @property
    def settles(self) -> bool:
        return bool(self._inner.settles)

    def settle(self, case: Case) -> Session:
        return self._going_on(self._ask("settle", case), case)

    def _going_on(self, inner: Session, case: Case) -> Session:
        return self if inner is self._inner else _Session(inner, self._number, case, self._watcher)


class Watched(Watching, Implementation):
    """An implementation, watched.

    Attributes:
        trace: the last calls on the target, oldest first; ``clear()`` it before what is to be kept.
        framework: in whose words a script repeats them.
        calls: what it was called with by now.
    """

    def __init__(self, inner: Implementation) -> None:
        super().__init__(inner, 0, deque(maxlen=KEPT_CALLS))
        self.inner, self.trace = inner, self._trace
        self.name, self.device = inner.name, inner.device
        self.domain, self.form, self.notes = inner.domain, inner.form, inner.notes
        self.library = inner.library
        self.momentum_weights = inner.momentum_weights
        self.conventions: object = getattr(inner, "conventions", None)  # as an adapter may declare them
        self.framework = FRAMEWORKS.get(type(inner).__module__, "adapter")
        self.calls = FirstCalls()
        self._usual: dict[str, object] = {}  # what is set, as it was before the first layer was built
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
        return bool(self._look("supports", pair))

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
        if not self._usual:
            self._usual = {name: read() for name, (read, _) in self.settings().items()}
        call = self._call("open", case, trainable=trainable, input_gradient=input_gradient)
        call.made = self.next_number()
        self._require_taken(call, case)
        session = self._give(call)
        if not isinstance(session, Session):
            call.wrong = Fact(Kind.RETURNED, "the adapter's open", kind_of(session), "bn_reference's Session")
            raise Misbehaviour(call.wrong)
        return _Session(session, call.made, case, self)

    def fresh(self, case: Case) -> tuple[Seen, Seen, State]:
        call = self._call("fresh", case)
        self._require_taken(call, case)
        *parts, state = several(call, self._give(call), 3, "its weight, its bias and its state")
        weight, bias = (seen_array(each, name, (case.channels,)) for each, name in zip(parts, ("weight", "bias"), strict=True))
        state = asked(call, lambda: seen_state(state, case.channels))
        call.gives(weight=weight, bias=bias, state=state)
        return weight, bias, state

    def settings(self) -> dict[str, Setting]:
        return self.inner.settings()

    def surroundings(self, *, stir: bool = False) -> dict[str, object]:
        around: dict[str, object] = self._look("surroundings", stir=stir)
        return around

    def put_back(self) -> None:
        """What is set is what it was before the first layer was built, whatever a step has set."""
        for name, (read, put) in self.settings().items():
            if name in self._usual and read() != self._usual[name]:
                put(self._usual[name])

    def with_threads(self, number: int) -> AbstractContextManager[None]:
        threads: AbstractContextManager[None] = self._ask("with_threads", number)
        return threads

    def alive(self) -> bool:
        return bool(self.inner.alive())

    def _require_taken(self, call: Call, case: Case) -> None:
        refusal = self.domain.refusal(case)
        if refusal:
            raise refused(call, refusal)

    def kernels(self, case: Case, *, training: bool) -> frozenset[str] | None:
        try:
            kernels: frozenset[str] | None = self._look("kernels", case, training=training)
            return kernels
        except (Misbehaviour, Unsupported):  # told where the step is judged
            return frozenset()
