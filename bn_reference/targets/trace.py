"""What was asked of a target, call by call, and what came of it: what a standalone script is written from."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from bn_reference.cases.case import Case, Seen, State
from bn_reference.cases.facts import Fact
from bn_reference.cases.layouts import Placement
from bn_reference.targets.protocol import Grads

__all__ = ["Backward", "Call", "Forward", "Framework", "Fresh", "Load", "Open", "Read", "Trace"]

Framework = Literal["torch", "numpy", "adapter"]


@dataclass(eq=False)
class Call:
    """Something that was asked of the target: ``wrong`` says how the call itself went wrong, ``refused`` why it cannot be."""

    wrong: Fact | None = None
    refused: str = ""


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
    weight: Seen = None
    bias: Seen = None
    state: State | None = None


@dataclass(eq=False)
class Forward(Call):
    """A forward pass, the ``step``-th; ``y`` is what came out."""

    session: int = 0
    step: int = 0
    x: Placement | None = None
    training: bool = True
    record: bool = True
    y: Seen = None


@dataclass(eq=False)
class Backward(Call):
    """A backward pass through a step; ``kept`` where the step has to serve another one."""

    step: int = 0
    kept: bool = False
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
