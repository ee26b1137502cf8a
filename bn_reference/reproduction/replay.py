"""A trace as code: the very calls that were made on a target. What is asserted of what came out is for ``evidence``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from bn_reference.cases.case import Array, Case
from bn_reference.cases.facts import Missing, Unseen
from bn_reference.targets.trace import Backward, Beside, Call, Forward, Fresh, Look, Open, Pile, Read, Second, Tangent

__all__ = ["NUMBERS", "STATISTICS", "Index", "Output", "Part", "Replay"]

STATISTICS = {"running_mean": "mean", "running_var": "var", "num_batches_tracked": "batches"}  # and the protocol's words
STATE = {name: f"state.{part}" for name, part in STATISTICS.items()}
CAME: dict[type[Call], dict[str, str]] = {  # what comes out of a call, and where the call has it
    Fresh: {"weight": "weight", "bias": "bias", **STATE},
    Forward: {"y": "y"},
    Backward: {"grad_x": "grads.x", "grad_weight": "grads.weight", "grad_bias": "grads.bias"},
    Read: STATE,
    Tangent: {"tangent_y": "tangent"},
    Second: {
        **{name: f"gave.grads.{part}" for name, part in (("grad_x", "x"), ("grad_weight", "weight"), ("grad_bias", "bias"))},
        **{f"second_grad_{part}": f"gave.{part}" for part in ("x", "weight")},
        "second_grad_grad_y": "gave.grad_y",
    },
}
CAME[Pile] = CAME[Beside] = CAME[Backward]
CAME[Look] = {**CAME[Forward], **CAME[Backward]}
NUMBERS = 'isinstance({output}, np.ndarray) and {output}.dtype.name in ("float16", "bfloat16", "float32", "float64")'
Index = tuple[int, ...]
Part = Array | Unseen | int | None


@dataclass(frozen=True, eq=False)
class Output:
    """Something that came out: of which call, what it is ("y", "grad_x"), what was seen, and the script's name for it."""

    call: Call
    kind: str
    seen: Part
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
        layers: for each session how it was opened, and its name.
        steps: for each step its forward pass, and names: of its input's ``values``, and of what else conditions speak of.
        words: of the framework: the ``imports`` and the ``setting`` of a script, and what evidence may say, with the step's
            names in braces.
    """

    def __init__(self, calls: Sequence[Call], device: str, words: dict[str, str]) -> None:
        self.calls, self.device, self.words = calls, device, words
        self.outputs: list[Output] = []
        self.constants: dict[tuple[str, str], str] = {}
        self.layers: dict[int, tuple[Open, str]] = {}
        self.steps: dict[int, tuple[Forward, dict[str, str]]] = {}
        self._used: dict[str, int] = {}
        self.lines: dict[Call, list[str]] = {}
        for call in calls:
            if not call.refused:
                self.lines[call] = getattr(self, type(call).__name__.lower())(call)

    def of_kind(self, kind: str) -> list[Output]:
        """The outputs of a kind, the latest first."""
        return [output for output in reversed(self.outputs) if output.kind == kind]

    def case_of(self, step: int) -> Case:
        """The case that a step's layer was built for."""
        return self.layers[self.steps[step][0].session][0].case

    def condition(self, name: str, step: int) -> str:
        """A condition on a step, in the framework's words."""
        return self.words[name].format(**self.steps[step][1])

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

    def assigned(self, call: Call, template: str, among: Collection[str] | None = None) -> list[str]:
        """Each thing that came out given a name; nothing for what cannot be had.

        Args:
            call: what it came out of.
            template: its code, of the layer's name for it and of the protocol's.
            among: the names of what was asked for, if that is not all.
        """
        made = []
        for kind, path in CAME[type(call)].items():
            seen, code = attrgetter(path)(call), template.format(kind, path)
            if (among is None or kind in among) and not isinstance(seen, Missing):
                self.outputs.append(Output(call, kind, seen, self.name(kind)))
                made += [f"{self.outputs[-1].name} = {code}"] * (self.outputs[-1].name != code)
        return made
