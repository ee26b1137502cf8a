"""The calls on an adapter as code: in the words of the protocol, which the adapter's own code imports as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bn_reference.cases.case import Case
from bn_reference.cases.code import array_code
from bn_reference.cases.directions import Direction
from bn_reference.cases.layouts import Placement, place
from bn_reference.reproduction.replay import NUMBERS, Output, Replay
from bn_reference.targets.trace import (
    Ask,
    Backward,
    Beside,
    Call,
    Copy,
    Forward,
    Fresh,
    Load,
    Look,
    Mapped,
    Open,
    Overwrite,
    Pile,
    Read,
    Rectify,
    Restore,
    Reuse,
    Second,
    Settle,
    Tangent,
    Threads,
    Track,
    Undergo,
)

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
RETURNED: dict[type[Call], str] = {Open: "Session", Forward: "Step", Backward: "Grads", Read: "State", Fresh: "State"}


class AdapterReplay(Replay):
    """The code of a trace of calls on an adapter, or on whatever needs one to be called."""

    def __init__(self, calls: Sequence[Call], device: str) -> None:
        options = f", device={device!r}" * (device != "cpu")
        super().__init__(calls, device, {"setting": f"adapter = load_target(Target{options})\n", **WORDS})

    def open(self, call: Open) -> list[str]:
        self.layers[call.session] = call, self.name("session")
        options = f"trainable={call.trainable}, input_gradient={call.input_gradient}"
        return [f"{self.layers[call.session][1]} = adapter.open({self._case(call.case)}, {options})"]

    def fresh(self, call: Fresh) -> list[str]:
        made = self.assigned(call, "{1}")
        return [f"weight, bias, state = adapter.fresh({self._case(call.case)})", *made]

    def forward(self, call: Forward) -> list[str]:
        session, x, step = self.layers[call.session][1], self.name("x"), self.name("step")
        self.steps[call.step] = call, {"x": x, "values": f"{x}.view()", "step": step, "layer": session}
        options = f"training={call.training}" + ("" if call.record else ", record=False")
        lines = [f"{x} = {self._placed('x', call.x, call.session)}", f"{step} = {session}.forward({x}, {options})"]
        return [*lines, *self.assigned(call, f"{step}.{{1}}")]

    def backward(self, call: Backward) -> list[str]:
        forward, names = self.steps[call.step]
        going = f"grads = {names['step']}.backward({self._placed('grad_y', call.grad_y, forward.session)})"
        return [*[f"{names['step']}.keep()"] * call.kept, going, *self.assigned(call, "{1}")]

    def threads(self, call: Threads) -> list[str]:
        threads = self.name("threads")  # held, as it takes them back when nobody holds it
        return [f"{threads} = adapter.with_threads({call.number})", f"{threads}.__enter__()"]

    def second(self, call: Second) -> list[str]:
        forward, names = self.steps[call.step]
        upstream = self._placed("grad_y", call.grad_y, forward.session)
        return [f"gave = {names['step']}.second({upstream}, {self._along(call.along)})", *self.assigned(call, "{1}")]

    def pile(self, call: Pile) -> list[str]:
        forward, names = self.steps[call.step]
        going = f"grads = {names['step']}.pile({self._placed('grad_y', call.grad_y, forward.session)})"
        return [going, *self.assigned(call, "{1}")]

    def beside(self, call: Beside) -> list[str]:
        (forward, names), (_, others) = self.steps[call.step], self.steps[call.other]
        upstreams = [self._placed("grad_y", dy, forward.session) for dy in (call.grad_y, call.other_grad_y)]
        going = f"{names['step']}.beside({upstreams[0]}, {others['step']}, {upstreams[1]})"
        made = self.assigned(call, "{1}")
        self.outputs.append(Output(call, "grad_x", call.other_x, self.name("grad_x")))
        return [f"grads, {self.outputs[-1].name} = {going}", *made]

    def rectify(self, call: Rectify) -> list[str]:
        return [f"{self.steps[call.step][1]['step']}.rectify()"]

    def tangent(self, call: Tangent) -> list[str]:
        session, x = self.layers[call.session][1], self._placed("x", call.x, call.session)
        along = self._along(call.along)
        return [f"tangent = {session}.tangent({x}, {along}, training={call.training})", *self.assigned(call, "{1}")]

    def mapped(self, call: Mapped) -> list[str]:
        batches = [self._placed("x", x, call.session) for x in call.batches]
        made = [Output(call, "y", y, self.name("y")) for y in call.ys]
        self.outputs += made
        names = "".join(f"{output.name}, " for output in made)
        return [f"{names}{'= ' * bool(made)}{self.layers[call.session][1]}.mapped(({', '.join(batches)}))"]

    def ask(self, call: Ask) -> list[str]:
        return [f"{self.layers[call.session][1]}.ask({call.names})"]

    def read(self, call: Read) -> list[str]:
        read = f"{self.layers[call.session][1]}.{'held_state' if call.held else 'state'}()"
        return [f"state = {read}", *self.assigned(call, "{1}")]

    def load(self, call: Load) -> list[str]:
        parts = [array_code(part) if isinstance(part, np.ndarray) else "None" for part in (call.state.mean, call.state.var)]
        return [f"{self.layers[call.session][1]}.load(State({', '.join(parts)}, {call.state.batches}))"]

    def reuse(self, call: Reuse) -> list[str]:
        return [f"{self.layers[call.session][1]}.reuse_loaded()"]

    def track(self, call: Track) -> list[str]:
        return [f"{self.layers[call.session][1]}.track({call.on})"]

    def overwrite(self, call: Overwrite) -> list[str]:
        return [f"{self.steps[call.step][1]['step']}.overwrite({call.what!r})"]

    def look(self, call: Look) -> list[str]:
        return [f"y, grads = {self.steps[call.step][1]['step']}.now()", *self.assigned(call, "{1}")]

    def copy(self, call: Copy) -> list[str]:
        opened, session = self.layers[call.session]
        self.layers[call.made] = opened, self.name("copy_of_session")
        return [f"{self.layers[call.made][1]} = {session}.copied()"]

    def restore(self, call: Restore) -> list[str]:
        opened, session = self.layers[call.session]
        self.layers[call.made] = opened, self.name("restored_session")
        return [f"{self.layers[call.made][1]} = {session}.restored()"]

    def undergo(self, call: Undergo) -> list[str]:
        session = self.layers[call.session][1]
        return [f"{session} = {session}.undergo({call.word!r}, {self._case(call.case)})"]

    def settle(self, call: Settle) -> list[str]:
        session = self.layers[call.session][1]
        self.layers[call.session] = replace(self.layers[call.session][0], case=call.case), session
        return [f"{session} = {session}.settle({self._case(call.case)})"]

    def came_out(self, call: Call) -> list[str]:
        kind = RETURNED.get(type(call), "")
        name = self.layers[call.session][1] if isinstance(call, Open) else kind.lower()
        name = self.steps[call.step][1]["step"] if isinstance(call, Forward) else name
        return [f"isinstance({name}, {kind})", *super().came_out(call)] if kind else []

    def _case(self, case: Case) -> str:
        return self.constant("case", repr(case))

    def _along(self, along: Direction) -> str:
        p, vectors = along.x, (along.weight, along.bias)
        x = f"Placement({self.constant('u', array_code(p.buffer, width=110))}.copy(), {p.shape}, {p.strides}, {p.offset})"
        codes = ("None" if v is None else self.constant("direction", array_code(v, width=110)) for v in vectors)
        return f"Direction({', '.join([x, *codes])})"

    def _placed(self, kind: str, placement: Placement, session: int) -> str:
        """As the case has it, where it is the case's, so that a reader sees that."""
        case = self.layers[session][0].case
        its_own = place(getattr(case, kind), getattr(case, "layout" if kind == "x" else "grad_layout"))
        if _form(its_own) == _form(placement):
            return f"place({self._case(case)}.{kind}, {self._case(case)}.{'layout' if kind == 'x' else 'grad_layout'})"
        buffer = self.constant(kind, array_code(placement.buffer, width=110))
        return f"Placement({buffer}.copy(), {placement.shape}, {placement.strides}, {placement.offset})"


def _form(p: Placement) -> tuple[object, ...]:
    return p.shape, p.strides, p.offset, p.buffer.dtype, p.buffer.tobytes()
