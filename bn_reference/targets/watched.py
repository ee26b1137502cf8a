"""An implementation that is watched: what it raises becomes misbehaviour, and what was asked of it is kept as a trace.

Nothing is computed or judged here. The trace is what a standalone script is written from.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.layouts import Placement
from bn_reference.targets.protocol import Grads, Implementation, Misbehaviour, Session, Step, Unsupported

__all__ = ["Backward", "Call", "Forward", "Framework", "Fresh", "Load", "Observed", "Open", "Read", "Trace"]

KEPT_CALLS = 256  # a property asks for some thirty
LONGEST_TEXT = 300  # of an exception, in a sentence

Framework = Literal["torch", "numpy", "adapter"]


@dataclass(eq=False)
class Call:
    """Something that was asked of the target; ``error`` says what it raised, if it did."""

    error: str = ""


@dataclass(eq=False)
class Open(Call):
    """A layer was built for a case and given its parameters and state."""

    session: int = 0
    case: Case | None = None
    framework: Framework = "adapter"
    device: str = "cpu"
    trainable: bool = True
    input_gradient: bool = True


@dataclass(eq=False)
class Fresh(Call):
    """A layer was built with a case's hyperparameters and looked at: ``weight, bias`` and ``state`` as constructed."""

    case: Case | None = None
    framework: Framework = "adapter"
    device: str = "cpu"
    weight: Array | None = None
    bias: Array | None = None
    state: State | None = None


@dataclass(eq=False)
class Forward(Call):
    """A forward pass, the ``step``-th; ``y`` is what came out."""

    session: int = 0
    step: int = 0
    x: Placement | None = None
    training: bool = True
    record: bool = True
    y: Array | None = None


@dataclass(eq=False)
class Backward(Call):
    """A backward pass through a step."""

    step: int = 0
    grad_y: Placement | None = None
    grads: Grads | None = None


@dataclass(eq=False)
class Read(Call):
    """The state was read, now or (``held``) through references taken before the first step."""

    session: int = 0
    held: bool = False
    state: State | None = None


@dataclass(eq=False)
class Load(Call):
    """A saved state was loaded."""

    session: int = 0
    state: State | None = None


Trace = deque[Call]


class _Watched:  # a context manager, written as a class since one made of a generator takes twice as long
    """What the target raises becomes Misbehaviour; what the adapter says of it, and interruptions, pass."""

    __slots__ = ("_call", "_doing")

    def __init__(self, doing: str, call: Call | None = None) -> None:
        self._doing, self._call = doing, call

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if not isinstance(error, (Exception, SystemExit)):  # a layer that ends the program has failed like one that raises
            return
        said_by_adapter = isinstance(error, (Unsupported, Misbehaviour))
        sentence = str(error) if said_by_adapter else f"{self._doing} raised {_named(error)}"
        if self._call is not None:
            self._call.error = sentence
        if not said_by_adapter:
            raise Misbehaviour(sentence) from error


def _named(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 3] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class _Step(Step):
    def __init__(self, inner: Step, number: int, trace: Trace) -> None:
        self._inner, self._number, self._trace = inner, number, trace
        self.y, self.device = inner.y, inner.device

    def backward(self, grad_y: Placement) -> Grads:
        call = Backward(step=self._number, grad_y=grad_y)
        self._trace.append(call)
        with _Watched("backward", call):
            call.grads = self._inner.backward(grad_y)
            return call.grads

    def input_changed(self) -> bool:
        with _Watched("looking at the input after the step"):
            return self._inner.input_changed()


class _Session(Session):
    def __init__(self, inner: Session, number: int, watcher: Observed) -> None:
        self._inner, self._number, self._watcher = inner, number, watcher

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        call = Forward(session=self._number, step=self._watcher.next_number(), x=x, training=training, record=record)
        self._watcher.trace.append(call)
        with _Watched("forward", call):
            step = self._inner.forward(x, training=training, record=record)
            call.y = step.y
        return _Step(step, call.step, self._watcher.trace)

    def state(self) -> State:
        return self._read(held=False)

    def held_state(self) -> State:
        return self._read(held=True)

    def _read(self, held: bool) -> State:
        call = Read(session=self._number, held=held)
        self._watcher.trace.append(call)
        with _Watched("reading the state", call):
            call.state = self._inner.held_state() if held else self._inner.state()
            return call.state

    def load(self, state: State) -> None:
        call = Load(session=self._number, state=state)
        self._watcher.trace.append(call)
        with _Watched("load_state_dict", call):
            self._inner.load(state)

    def state_in_graph(self) -> bool:
        with _Watched("looking at the state"):
            return self._inner.state_in_graph()


class Observed(Implementation):
    """An implementation, watched.

    Attributes:
        trace: the last calls on the target, oldest first; ``clear()`` it before what is to be kept.
    """

    def __init__(self, inner: Implementation) -> None:
        self.inner = inner
        self.name, self.device = inner.name, inner.device
        self.trace: Trace = deque(maxlen=KEPT_CALLS)
        self._framework = _framework_of(inner)
        self._numbers = 0

    def next_number(self) -> int:
        """A number for a session or step: unlike any given out before."""
        self._numbers += 1
        return self._numbers

    def supports(self, pair: Pair) -> bool:
        with _Watched("supports"):
            return self.inner.supports(pair)

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        call = Open("", self.next_number(), case, self._framework, self.device, trainable, input_gradient)
        self.trace.append(call)
        with _Watched("building the layer", call):
            session = self.inner.open(case, trainable=trainable, input_gradient=input_gradient)
        return _Session(session, call.session, self)

    def fresh(self, case: Case) -> tuple[Array | None, Array | None, State]:
        call = Fresh("", case, self._framework, self.device)
        self.trace.append(call)
        with _Watched("building the layer", call):
            call.weight, call.bias, call.state = self.inner.fresh(case)
            return call.weight, call.bias, call.state


def _framework_of(implementation: Implementation) -> Framework:
    """Which of our adapters it is, without importing the one that needs a framework."""
    names = {(parent.__module__.rpartition(".")[2], parent.__name__) for parent in type(implementation).__mro__}
    if ("torch_module", "TorchImplementation") in names:
        return "torch"
    return "numpy" if ("numpy_layer", "NumpyImplementation") in names else "adapter"
