"""The calls on an adapter as code: in the words of the protocol, which the adapter's own code imports as well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.code import array_code
from bn_reference.cases.directions import Direction
from bn_reference.cases.layouts import Placement, place
from bn_reference.reproduction.replay import NUMBERS, Layer, Replay, Step
from bn_reference.targets.trace import Call, Number

__all__ = ["AdapterReplay"]

IMPORTS = """\
import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case, State
from bn_reference.cases.directions import Direction
from bn_reference.cases.layouts import Placement, place
from bn_reference.targets.protocol import Grads, Session, Step
from bn_reference.targets.recognition import load_target"""
HOLDS = """\
def steps(number):
    for each in range(number):
        {layer}.forward({x}, training=each % 4 < 2, record=each % 2 == 0)


def held():
    return {layer}.held(sure=True)


held()
"""
WORDS = {
    "imports": IMPORTS,
    "numbers": NUMBERS,
    "untouched": "not {step}.input_changed()",
    "upstream_untouched": "not {step}.upstream_changed()",
    "apart": "not {step}.shares_memory()",
    "given_untouched": "not {step}.given_changed()",
    "shown": "{layer}.shown().get({what!r}) != {found!r}",
    "parameters": "{layer}.learned() == 0",
    "holds": HOLDS,
    "device": '{step}.device.split(":")[0] == adapter.device.split(":")[0]',
    "detached": "not {layer}.state_in_graph()",
}
# what a method gives, called: a new name each time, or the roots of the quantities in it
NAMED = {
    "open": "session",
    "forward": "step",
    "copied": "copy_of_session",
    "restored": "restored_session",
    "mapped": "ys",
    "with_threads": "threads",
}
RETURNED = {"open": "Session", "forward": "Step", "backward": "Grads", "state": "State", "held_state": "State"}


class AdapterReplay(Replay):
    """The code of a trace of calls on an adapter, or on whatever needs one to be called."""

    def __init__(self, calls: Sequence[Call], device: str) -> None:
        options = f", device={device!r}" * (device != "cpu")
        self._names = {0: "adapter"}
        super().__init__(calls, device, {"setting": f"adapter = load_target(Target{options})\n", **WORDS})

    def written(self, call: Call) -> list[str]:
        asked, lines = self._names[call.on], list[str]()
        given = [self._code(argument, call) for argument in call.arguments]
        if call.method == "forward":
            x = self.name("x")
            lines, given[0] = [f"{x} = {given[0]}"], x
        given += [f"{name}={value!r}" for name, value in call.options.items()]
        answer = self.name(NAMED[call.method]) if call.method in NAMED else self._answer(call)
        lines.append(f"{answer}{' = ' * bool(answer)}{asked}.{call.method}({', '.join(given)})")
        match call.method:
            case "open":
                self._know(call, Layer(answer, call.arguments[0]))
            case "copied" | "restored":
                self._know(call, Layer(answer, self.layers[call.on].case))
            case "settle":
                self.layers[call.on].case = call.arguments[0]
            case "forward":
                names = {"x": given[0], "values": f"{given[0]}.view()", "step": answer, "layer": asked}
                self._names[call.made], self.steps[call.made] = answer, Step(self.layers[call.on], names)
            case "with_threads":  # held, as it takes them back when nobody holds it
                lines.append(f"{answer}.__enter__()")
        root = NAMED.get(call.method, "")
        return lines + self.assigned(call, [answer + path.removeprefix(root) if root else path for *_, path in call.quantities])

    def came_out(self, call: Call) -> list[str]:
        kind = RETURNED.get(call.method, "")
        name = self._names[call.made] if call.made else kind.lower()
        return [f"isinstance({name}, {kind})", *super().came_out(call)] if kind else []

    def _know(self, call: Call, layer: Layer) -> None:
        self._names[call.made], self.layers[call.made] = layer.name, layer

    def _answer(self, call: Call) -> str:
        if call.method in ("undergo", "settle"):
            return self._names[call.on]
        return ", ".join(dict.fromkeys(path.partition(".")[0] for *_, path in call.quantities))

    def _code(self, argument: object, call: Call) -> str:
        match argument:
            case Number():
                return self._names[argument]
            case Case():
                return self.constant("case", repr(argument))
            case Placement():
                return self._placed(argument, call)
            case tuple() if call.method == "mapped":
                return f"({', '.join(self._code(each, call) for each in argument)},)"
            case State(mean, var, batches):
                parts = (array_code(part) if isinstance(part, np.ndarray) else "None" for part in (mean, var))
                return f"State({', '.join(parts)}, {batches})"
            case Direction(x, weight, bias):
                vectors = ("None" if v is None else self._array("direction", v) for v in (weight, bias))
                return f"Direction({', '.join([self._lying('u', x), *vectors])})"
        return repr(argument)

    def _placed(self, placement: Placement, call: Call) -> str:
        """As the case has it, where it is the case's, so that a reader sees that."""
        step = self.steps.get(call.on)
        case, kind, layout = (
            (self.layers[call.on].case, "x", "layout") if step is None else (step.layer.case, "grad_y", "grad_layout")
        )
        if _form(place(getattr(case, kind), getattr(case, layout))) == _form(placement):
            return "place({0}.{1}, {0}.{2})".format(self._code(case, call), kind, layout)
        return self._lying(kind, placement)

    def _lying(self, base: str, p: Placement) -> str:
        return f"Placement({self._array(base, p.buffer)}.copy(), {p.shape}, {p.strides}, {p.offset})"

    def _array(self, base: str, values: Array) -> str:
        return self.constant(base, array_code(values, width=110))


def _form(p: Placement) -> tuple[object, ...]:
    return p.shape, p.strides, p.offset, p.buffer.dtype, p.buffer.tobytes()
