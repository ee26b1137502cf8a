"""A trace as code: the very calls that were made on a target. What is asserted of what came out is for ``evidence``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.facts import Missing, Unseen
from bn_reference.cases.layouts import Placement
from bn_reference.targets.trace import Backward, Call, Forward, Fresh, Load, Open, Read

__all__ = ["NUMBERS", "STATISTICS", "Output", "Part", "Replay", "parts_of"]

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")

NUMBERS = 'isinstance({output}, np.ndarray) and {output}.dtype.name in ("float16", "bfloat16", "float32", "float64")'
Part = Array | Unseen | int | None


@dataclass(frozen=True, eq=False)
class Output:
    """Something that came out: of which call, what it is ("y", "grad_x"), what was seen, and the script's name for it."""

    call: Call
    kind: str
    seen: Part
    name: str

    def element(self, index: tuple[int, ...]) -> float | None:
        """The number at an index; None where there is none."""
        seen = self.seen
        if not isinstance(seen, np.ndarray) or seen.ndim != len(index):
            return None
        return float(seen[index]) if all(i < n for i, n in zip(index, seen.shape, strict=True)) else None


class Replay(ABC):
    """The code of a trace, in the words of one framework.

    Attributes:
        calls: the calls, oldest first.
        lines: the code of each; none of a call that cannot be made, or whose layer was built before the trace begins.
        outputs: what came out, in order.
        constants: the code of what goes in, by name.
        layers: for each session how it was opened, and its name.
        steps: for each step its forward pass, and names: of its input ``x``, and of what else conditions speak of.
        setting: what the calls need: functions, or the adapter.
        conditions: what evidence may say in words of the framework, with the step's names in braces.
    """

    def __init__(self, calls: Sequence[Call], device: str, setting: str, conditions: dict[str, str]) -> None:
        self.calls, self.device, self.setting, self.conditions = calls, device, setting, conditions
        self.outputs: list[Output] = []
        self.constants: dict[str, str] = {}
        self.layers: dict[int, tuple[Open, str]] = {}
        self.steps: dict[int, tuple[Forward, dict[str, str]]] = {}
        self.held = {call.session for call in calls if isinstance(call, Read) and call.held}
        self._used: dict[str, int] = {}
        self._known: dict[tuple[str, str], str] = {}
        self.lines = {call: lines for call in calls if (lines := self._lines(call))}

    def of_kind(self, kind: str) -> list[Output]:
        """The outputs of a kind, the latest first."""
        return [output for output in reversed(self.outputs) if output.kind == kind]

    def name(self, base: str) -> str:
        """A name that was not given out yet."""
        self._used[base] = self._used.get(base, 0) + 1
        return base if self._used[base] == 1 else f"{base}_{self._used[base]}"

    def constant(self, base: str, code: str) -> str:
        """The name of the constant with this code."""
        if (base, code) not in self._known:
            self._known[base, code] = self.name(base.upper())
            self.constants[self._known[base, code]] = code
        return self._known[base, code]

    def assigned(self, call: Call, template: str, **seen: Part) -> list[str]:
        """Each thing that came out given a name; nothing for what cannot be had."""
        made = []
        for kind, value in seen.items():
            if not isinstance(value, Missing):
                self.outputs.append(Output(call, kind, value, self.name(kind)))
                made.append(f"{self.outputs[-1].name} = {template.format(PARTS.get(kind, kind), kind)}")
        return made

    def condition(self, name: str, step: int) -> str:
        """A condition on a step, in the framework's words."""
        return self.conditions[name].format(**self.steps[step][1])

    def came_out(self, call: Call) -> list[str]:
        """What must be so of what a call returned, as conditions."""
        made = [output.name for output in self.outputs if output.call is call and output.kind == "y"]
        return [self.conditions["numbers"].format(output=name) for name in made]

    def _lines(self, call: Call) -> list[str]:
        match call:
            case Forward(x=Placement() as x) if call.session in self.layers:
                unseen = isinstance(call.y, Missing)  # the step was made, though its output cannot be had
                return self.forward(call, x) if unseen or not call.refused else []
            case Open(case=Case() as case, refused=""):
                return self.open(call, case)
            case Fresh(case=Case() as case, refused=""):
                return self.fresh(call, case)
            case Backward(grad_y=Placement() as grad_y, refused="") if call.step in self.steps:
                return self.backward(call, grad_y)
            case Read(refused="") if call.session in self.layers:
                return self.read(call, parts_of(call.state or State()))
            case Load(state=State() as state, refused="") if call.session in self.layers:
                return self.load(call, state)
        return []

    @abstractmethod
    def open(self, call: Open, case: Case) -> list[str]: ...

    @abstractmethod
    def fresh(self, call: Fresh, case: Case) -> list[str]: ...

    @abstractmethod
    def forward(self, call: Forward, x: Placement) -> list[str]: ...

    @abstractmethod
    def backward(self, call: Backward, grad_y: Placement) -> list[str]: ...

    @abstractmethod
    def read(self, call: Read, parts: dict[str, Part]) -> list[str]: ...

    @abstractmethod
    def load(self, call: Load, state: State) -> list[str]: ...


PARTS = {"running_mean": "mean", "running_var": "var", "num_batches_tracked": "batches"} | {
    f"grad_{part}": part for part in ("x", "weight", "bias")
}  # what the adapters' protocol calls them


def parts_of(state: State) -> dict[str, Part]:
    """The parts of a state, by the names that a layer has for them."""
    return dict(zip(STATISTICS, (state.mean, state.var, state.batches), strict=True))
