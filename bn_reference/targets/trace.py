"""What was asked of a target, call by call, and what came of it: what a standalone script is written from."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from bn_reference.cases.case import Case, Seen, State
from bn_reference.cases.directions import Direction
from bn_reference.cases.facts import Fact
from bn_reference.cases.layouts import Placement
from bn_reference.targets.protocol import Grads, SecondGrads

__all__ = [
    "Ask",
    "Backward",
    "Beside",
    "Call",
    "Copy",
    "Forward",
    "Framework",
    "Fresh",
    "Load",
    "Look",
    "Mapped",
    "Open",
    "Overwrite",
    "Pile",
    "Read",
    "Rectify",
    "Restore",
    "Reuse",
    "Second",
    "Settle",
    "Tangent",
    "Threads",
    "Trace",
    "Track",
    "Undergo",
]

Framework = Literal["torch", "numpy", "adapter"]


@dataclass(eq=False, kw_only=True)
class Call:
    """Something that was asked of the target: ``wrong`` says how the call itself went wrong, ``refused`` why it cannot be."""

    wrong: Fact | None = None
    refused: str = ""


@dataclass(eq=False, kw_only=True)
class Open(Call):
    """A layer was built for a case and given its parameters and state."""

    session: int
    case: Case
    trainable: bool
    input_gradient: bool


@dataclass(eq=False, kw_only=True)
class Fresh(Call):
    """A layer was built with a case's hyperparameters and looked at: ``weight, bias`` and ``state`` as constructed."""

    case: Case
    weight: Seen = None
    bias: Seen = None
    state: State = field(default_factory=State)


@dataclass(eq=False, kw_only=True)
class Forward(Call):
    """A forward pass, the ``step``-th; ``y`` is what came out."""

    session: int
    step: int
    x: Placement
    training: bool
    record: bool
    y: Seen = None


@dataclass(eq=False, kw_only=True)
class Backward(Call):
    """A backward pass through a step; ``kept`` where the step has to serve another one."""

    step: int
    kept: bool
    grad_y: Placement
    grads: Grads = field(default_factory=lambda: Grads(None, None, None))


NO_GRADS = Grads(None, None, None)


@dataclass(eq=False, kw_only=True)
class Second(Call):
    """Back through a step, and through its backward pass, along a direction."""

    step: int
    grad_y: Placement
    along: Direction
    gave: SecondGrads = field(default_factory=lambda: SecondGrads(NO_GRADS, None, None, None))


@dataclass(eq=False, kw_only=True)
class Pile(Call):
    """A backward pass through a step to where gradients add up, and what lay there then."""

    step: int
    grad_y: Placement
    grads: Grads = field(default_factory=lambda: NO_GRADS)


@dataclass(eq=False, kw_only=True)
class Beside(Call):
    """One backward pass through two steps of a layer: the gradients, and that of the other step's input."""

    step: int
    grad_y: Placement
    other: int
    other_grad_y: Placement
    grads: Grads = field(default_factory=lambda: NO_GRADS)
    other_x: Seen = None


@dataclass(eq=False, kw_only=True)
class Rectify(Call):
    """The output of a step was rectified in place."""

    step: int


@dataclass(eq=False, kw_only=True)
class Tangent(Call):
    """A forward pass in forward mode, along a direction; ``tangent`` is the output's."""

    session: int
    x: Placement
    along: Direction
    training: bool
    tangent: Seen = None


@dataclass(eq=False, kw_only=True)
class Mapped(Call):
    """An evaluation that was vectorized over batches; ``ys`` are its outputs."""

    session: int
    batches: tuple[Placement, ...]
    ys: tuple[Seen, ...] = ()


@dataclass(eq=False, kw_only=True)
class Ask(Call):
    """Those of x, weight and bias were named that ask for a gradient from then on."""

    session: int
    names: tuple[str, ...]


@dataclass(eq=False, kw_only=True)
class Read(Call):
    """The state was read, now or (``held``) through references taken before the first step."""

    session: int
    held: bool
    state: State = field(default_factory=State)


@dataclass(eq=False, kw_only=True)
class Load(Call):
    """A saved state was loaded."""

    session: int
    state: State


@dataclass(eq=False, kw_only=True)
class Reuse(Call):
    """Zeros were written over the arrays that were loaded last."""

    session: int


@dataclass(eq=False, kw_only=True)
class Track(Call):
    """track_running_stats was set."""

    session: int
    on: bool


@dataclass(eq=False, kw_only=True)
class Look(Call):
    """What a step and its latest backward pass gave was looked at again."""

    step: int
    y: Seen = None
    grads: Grads = field(default_factory=lambda: Grads(None, None, None))


@dataclass(eq=False, kw_only=True)
class Overwrite(Call):
    """Zeros were written over the input ("x") or the output ("y") of a step, or over its layer's "weight"."""

    step: int
    what: str


@dataclass(eq=False, kw_only=True)
class Copy(Call):
    """A layer was copied; ``made`` is the copy."""

    session: int
    made: int


@dataclass(eq=False, kw_only=True)
class Restore(Call):
    """Another layer was built alike and loaded what this one saves; ``made`` is the other."""

    session: int
    made: int


@dataclass(eq=False, kw_only=True)
class Undergo(Call):
    """Something happened to a layer beside its steps: a word of ``cases.circumstances``."""

    session: int
    word: str
    case: Case


@dataclass(eq=False, kw_only=True)
class Settle(Call):
    """A layer was given the parameters, state and hyperparameters of a case, whatever it went through."""

    session: int
    case: Case


@dataclass(eq=False, kw_only=True)
class Threads(Call):
    """Steps may use so many threads from now on."""

    number: int


Trace = deque[Call]
