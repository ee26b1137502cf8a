"""What was asked of a target, call by call in the words of the protocol, and what came of it: scripts are written from that.

A method of the protocol is told here alone: what it is in words, and which quantities it gives.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, Literal

from bn_reference.cases.case import Seen
from bn_reference.cases.facts import Fact

__all__ = ["DOING", "GAVE", "Call", "Came", "Framework", "Number", "Trace"]

Came = Seen | int
Framework = Literal["torch", "numpy", "adapter"]
DOING = {  # in words, where the method's own name is none
    "open": "building the layer",
    "fresh": "building the layer",
    "tangent": "forward in forward mode",
    "mapped": "forward over several batches",
    "ask": "asking for gradients",
    "state": "reading the state",
    "held_state": "reading the state",
    "load": "load_state_dict",
    "restored": "load_state_dict",
    "reuse_loaded": "writing over what was loaded",
    "track": "setting track_running_stats",
    "copied": "copying the layer",
    "settle": "settling",
    "without_numbers": "a step without numbers",
    "shown": "showing its hyperparameters",
    "learned": "counting its parameters",
    "held": "looking at what it holds",
    "state_in_graph": "looking at the state",
    "keep": "keeping the step",
    "second": "going back twice",
    "pile": "backward",
    "beside": "backward",
    "rectify": "rectifying the output in place",
    "overwrite": "writing over an array",
    "now": "looking at what came out",
    "input_changed": "looking at the input after the step",
    "given_changed": "looking at what was handed over after the step",
    "upstream_changed": "looking at the upstream gradient after the step",
    "shares_memory": "looking at the output's memory",
    "with_threads": "setting the number of threads",
    "supports": "asking which dtypes it supports",
    "surroundings": "looking at what surrounds the layer",
    "kernels": "a step",
}
Quantities = tuple[tuple[str, str], ...]
GRADS: Quantities = (("grad_x", "grads.x"), ("grad_weight", "grads.weight"), ("grad_bias", "grads.bias"))
STATE: Quantities = (
    ("running_mean", "state.mean"),
    ("running_var", "state.var"),
    ("num_batches_tracked", "state.batches"),
)
SECOND: Quantities = (
    *((name, f"gave.{path}") for name, path in GRADS),
    ("second_grad_x", "gave.x"),
    ("second_grad_weight", "gave.weight"),
    ("second_grad_grad_y", "gave.grad_y"),
)
GAVE: dict[str, Quantities] = {  # what a layer calls them, and where they stand in what the method gives
    "fresh": (("weight", "weight"), ("bias", "bias"), *STATE),
    "forward": (("y", "step.y"),),
    "tangent": (("tangent_y", "tangent"),),
    "state": STATE,
    "held_state": STATE,
    "backward": GRADS,
    "second": SECOND,
    "pile": GRADS,
    "beside": (*GRADS, ("grad_x", "other")),
    "now": (("y", "y"), *GRADS),
}


class Number(int):
    """The number of a layer or step, where it is an argument."""


@dataclass(eq=False)
class Call:
    """Something that was asked of the target.

    Attributes:
        method: of the protocol, by its name.
        on: the number of the layer or step that was asked; 0 for the implementation itself.
        arguments, options: as they were given, a step by its number.
        made: the number of the layer or step that it gave, 0 for none.
        came: the quantities that it gave, by their names.
        wrong: how the call itself went wrong.
        refused: why it cannot be asked.
    """

    method: str
    on: int = 0
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    made: int = 0
    came: list[tuple[str, Came]] = field(default_factory=list)
    wrong: Fact | None = None
    refused: str = ""

    @property
    def doing(self) -> str:
        """What it is in words; what happens to a layer has its own."""
        return str(self.arguments[0]) if self.method == "undergo" else DOING.get(self.method, self.method)

    def gives(self, **answers: object) -> None:
        """Keep the quantities of what the method gave, by the names that it has in the table."""
        given = SimpleNamespace(**answers)
        self.came = [(name, attrgetter(path)(given)) for name, path in GAVE[self.method]]

    @property
    def quantities(self) -> list[tuple[str, Came, str]]:
        """What came, or should have: its name, itself, and where it stands in what the method gives."""
        paths = [path for _, path in GAVE.get(self.method, ())] or [f"ys[{n}]" for n in range(len(self.came))]
        came = self.came or [(name, None) for name, _ in GAVE.get(self.method, ())]
        return [(name, seen, path) for (name, seen), path in zip(came, paths, strict=True)]


Trace = deque[Call]
