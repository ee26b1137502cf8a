"""A trace as code: the very calls that were made on a target. What is asserted of what came out is for ``evidence``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bn_reference.cases.case import Case
from bn_reference.cases.facts import Missing
from bn_reference.cases.layouts import Placement
from bn_reference.targets.trace import Call, Came

__all__ = ["NUMBERS", "Index", "Layer", "Output", "Replay", "Step"]

NUMBERS = 'isinstance({output}, np.ndarray) and {output}.dtype.name in ("float16", "bfloat16", "float32", "float64")'
Index = tuple[int, ...]


@dataclass(eq=False)
class Layer:
    """A layer as the script has come to know it.

    Attributes:
        name: the script's for it.
        case: which it is in.
        trainable, input_gradient: as it was opened.
        words: of its life, that show in its later steps.
        latest: the last batch that it was handed, and the script's name for that.
    """

    name: str
    case: Case
    trainable: bool = True
    input_gradient: bool = True
    words: set[str] = field(default_factory=set)
    latest: tuple[Placement, str] | None = None


@dataclass(eq=False)
class Step:
    """A step: the names of what conditions speak of, its input's ``values`` among them; ``kept`` for a second way back."""

    layer: Layer
    names: dict[str, str]
    kept: bool = False


@dataclass(frozen=True, eq=False)
class Output:
    """Something that came out: of which call, what it is ("y", "grad_x"), what was seen, and the script's name for it."""

    call: Call
    kind: str
    seen: Came
    name: str

    def element(self, index: Index) -> float | None:
        """The number at an index; None where there is none."""
        seen = self.seen
        if not isinstance(seen, np.ndarray) or seen.ndim != len(index):
            return None
        return float(seen[index]) if all(i < n for i, n in zip(index, seen.shape, strict=True)) else None

    def at(self, index: Index) -> str:
        """The same as code."""
        return f"{self.name}{[*index]}"


class Replay:
    """The code of a trace, in the words of one framework: a subclass has a method for each kind of call, named for it.

    Attributes:
        calls: the calls, oldest first.
        lines: the code of each, none of a call that was refused.
        outputs: what came out, in order.
        constants: names of what goes in, by what it is and its code.
        layers, steps: by their numbers.
        words: of the framework: the ``imports`` and the ``setting`` of a script, and what evidence may say, with the step's
            names in braces.
    """

    def __init__(self, calls: Sequence[Call], device: str, words: dict[str, str]) -> None:
        self.calls, self.device, self.words = calls, device, words
        self.outputs: list[Output] = []
        self.constants: dict[tuple[str, str], str] = {}
        self.layers: dict[int, Layer] = {}
        self.steps: dict[int, Step] = {}
        self._used: dict[str, int] = {}
        self.lines = {call: self.written(call) for call in calls if not call.refused}

    def written(self, call: Call) -> list[str]:
        """The code of a call."""
        lines: list[str] = getattr(self, call.method)(call, *call.arguments, **call.options)
        return lines

    def of_kind(self, kind: str) -> list[Output]:
        """The outputs of a kind, the latest first."""
        return [output for output in reversed(self.outputs) if output.kind == kind]

    def condition(self, name: str, step: int) -> str:
        """A condition on a step, in the framework's words."""
        return self.words[name].format(**self.steps[step].names)

    def came_out(self, call: Call) -> list[str]:
        """What must be so of what a call returned, as conditions."""
        made = [output.name for output in self.outputs if output.call is call and output.kind == "y"]
        return [self.words["numbers"].format(output=name) for name in made]

    # for subclasses

    def name(self, base: str) -> str:
        """A name that was not given out yet."""
        self._used[base] = self._used.get(base, 0) + 1
        return base if self._used[base] == 1 else f"{base}_{self._used[base]}"

    def constant(self, base: str, code: str) -> str:
        """The name of the constant with this code."""
        if (base, code) not in self.constants:
            self.constants[base, code] = self.name(base.upper())
        return self.constants[base, code]

    def assigned(self, call: Call, codes: Sequence[str]) -> list[str]:
        """Each quantity that the call gave, by its code, given a name; nothing for what cannot be had, or has no code."""
        made = []
        for (kind, seen, _), code in zip(call.quantities, codes, strict=True):
            if code and not isinstance(seen, Missing):
                self.outputs.append(Output(call, kind, seen, self.name(kind)))
                made += [f"{self.outputs[-1].name} = {code}"] * (self.outputs[-1].name != code)
        return made
