"""The calls on an adapter as code: in the words of the protocol, which the adapter's own code imports as well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bn_reference.cases.case import Case, State
from bn_reference.cases.code import array_code
from bn_reference.cases.layouts import Placement, place
from bn_reference.reproduction.replay import NUMBERS, Part, Replay, parts_of
from bn_reference.targets.protocol import Grads
from bn_reference.targets.trace import Backward, Call, Forward, Fresh, Load, Open, Read

__all__ = ["AdapterReplay"]


SETTING = "adapter = load_target(Target, {device!r})\n"
CONDITIONS = {
    "numbers": NUMBERS,
    "x": "{x}.view()",
    "untouched": "not {step}.input_changed()",
    "device": '{step}.device.split(":")[0] == adapter.device.split(":")[0]',
    "detached": "not {layer}.state_in_graph()",
}


class AdapterReplay(Replay):
    """The code of a trace of calls on an adapter."""

    def __init__(self, calls: Sequence[Call], device: str) -> None:
        super().__init__(calls, device, SETTING.format(device=device), CONDITIONS)

    def open(self, call: Open, case: Case) -> list[str]:
        self.layers[call.session] = call, self.name("session")
        options = f"trainable={call.trainable}, input_gradient={call.input_gradient}"
        return [f"{self.layers[call.session][1]} = adapter.open({self._case(case)}, {options})"]

    def fresh(self, call: Fresh, case: Case) -> list[str]:
        return [
            f"fresh_weight, fresh_bias, state = adapter.fresh({self._case(case)})",
            *self.assigned(call, "fresh_{0}", weight=call.weight, bias=call.bias),
            *self.assigned(call, "state.{0}", **parts_of(call.state or State())),
        ]

    def forward(self, call: Forward, x: Placement) -> list[str]:
        session, name, step = self.layers[call.session][1], self.name("x"), self.name("step")
        self.steps[call.step] = call, {"x": name, "step": step, "layer": session}
        options = f"training={call.training}" + ("" if call.record else ", record=False")
        lines = [f"{name} = {self._placed('x', x, call.session)}", f"{step} = {session}.forward({name}, {options})"]
        return [*lines, *self.assigned(call, f"{step}.{{0}}", y=call.y)]

    def backward(self, call: Backward, grad_y: Placement) -> list[str]:
        forward, names = self.steps[call.step]
        step = names["step"]
        grads = call.grads or Grads(None, None, None)
        seen = {"grad_x": grads.x, "grad_weight": grads.weight, "grad_bias": grads.bias}
        going = f"grads = {step}.backward({self._placed('grad_y', grad_y, forward.session)})"
        return [*([f"{step}.keep()"] if call.kept else []), going, *self.assigned(call, "grads.{0}", **seen)]

    def read(self, call: Read, parts: dict[str, Part]) -> list[str]:
        read = f"state = {self.layers[call.session][1]}.{'held_state' if call.held else 'state'}()"
        return [read, *self.assigned(call, "state.{0}", **parts)]

    def load(self, call: Load, state: State) -> list[str]:
        arrays = [array_code(part) if isinstance(part, np.ndarray) else "None" for part in (state.mean, state.var)]
        return [f"{self.layers[call.session][1]}.load(State({', '.join(arrays)}, {state.batches}))"]

    def _case(self, case: Case) -> str:
        return self.constant("case", repr(case))

    def _placed(self, kind: str, placement: Placement, session: int) -> str:
        """As the case has it, where it is the case's, so that a reader sees that."""
        case = self.layers[session][0].case
        assert case is not None
        layout = "layout" if kind == "x" else "grad_layout"
        if _same(place(getattr(case, kind), getattr(case, layout)), placement):
            return f"place({self._case(case)}.{kind}, {self._case(case)}.{layout})"
        buffer = self.constant(kind, array_code(placement.buffer, width=110))
        return f"Placement({buffer}.copy(), {placement.shape}, {placement.strides}, {placement.offset})"

    def came_out(self, call: Call) -> list[str]:
        if isinstance(call, Open):
            return [f"isinstance({self.layers[call.session][1]}, Session)"]
        if isinstance(call, Forward):
            return [f"isinstance({self.steps[call.step][1]['step']}, Step)", *super().came_out(call)]
        return ["isinstance(grads, Grads)"] if isinstance(call, Backward) else []


def _same(one: Placement, other: Placement) -> bool:
    forms = [(p.shape, p.strides, p.offset, p.buffer.dtype, p.buffer.tobytes()) for p in (one, other)]
    return forms[0] == forms[1]
