"""A trace as code: the very calls that were made on a target, for torch modules and for NumPy layers.

What is asserted of what came out does not belong here (``evidence``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.layouts import Placement
from bn_reference.reproduction.literals import Framework, dtype_literal
from bn_reference.targets.trace import Backward, Call, Forward, Fresh, Load, Open, Read

__all__ = ["Output", "Replay"]

KINDS = ("y", "grad_x", "grad_weight", "grad_bias", "running_mean", "running_var", "num_batches_tracked", "weight", "bias")


@dataclass(frozen=True, eq=False)
class Output:
    """Something that came out: of which call, what it is (KINDS), its values, and the script's name for it."""

    call: int
    kind: str
    array: Array | None
    name: str
    source: str = ""  # the name of the input that it belongs to, or of the layer


@dataclass
class Replay:
    """The code of a trace.

    Attributes:
        trace: the calls, oldest first.
        framework: whose layer it is.
        device: where a torch layer lies.
        outputs: what came out, in order.
        constants: the arrays that go in, by name.
        placed: for each x how it is made, and the size of its buffer.
    """

    trace: list[Call]
    framework: Framework
    device: str = "cpu"
    outputs: list[Output] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    placed: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names: dict[tuple[str, int], str] = {}
        self._opened: dict[int, Open] = {}
        self._forwards: dict[int, tuple[int, str]] = {}  # session, and name of x, of a step
        self._used: dict[str, int] = {}
        self._known: dict[tuple[str, str, tuple[int, ...], bytes], str] = {}
        self.lines = [self._line(number, call) for number, call in enumerate(self.trace)]

    @property
    def complete(self) -> bool:
        """Whether every layer and step that is spoken of was itself recorded."""
        return all(line is not None for line in self.lines)

    def of_kind(self, kind: str) -> list[Output]:
        """The outputs of a kind, the latest first."""
        return [output for output in reversed(self.outputs) if output.kind == kind]

    def code(self) -> list[tuple[Call, str]]:
        """The calls, each with its code."""
        held = {call.session for call in self.trace if isinstance(call, Read) and call.held}
        chosen = []
        for call, line in zip(self.trace, self.lines, strict=True):
            references = ""
            if isinstance(call, Open) and call.session in held:
                layer = self._names["layer", call.session]
                fields = ", ".join(f"{name}={layer}.{name}" for name in ("running_mean", "running_var", "num_batches_tracked"))
                references = f"\nheld_by_{layer} = types.SimpleNamespace({fields})"
            chosen.append((call, (line or "") + references))
        return chosen

    # names

    def _fresh_name(self, base: str) -> str:
        self._used[base] = self._used.get(base, 0) + 1
        return base if self._used[base] == 1 else f"{base}_{self._used[base]}"

    def _constant(self, base: str, values: Array | None) -> str:
        if values is None:
            return "None"
        key = (base, values.dtype.name, values.shape, np.ascontiguousarray(values).tobytes())
        if key not in self._known:
            self._known[key] = self._fresh_name(base.upper())
            self.constants[self._known[key]] = values
        return self._known[key]

    def _out(self, call: int, kind: str, array: Array | None, source: str = "") -> str:
        name = self._fresh_name(kind)
        self.outputs.append(Output(call, kind, array, name, source))
        return name

    # code

    def _line(self, number: int, call: Call) -> str | None:
        if isinstance(call, Open) and call.case is not None:
            layer = self._names["layer", call.session] = self._fresh_name("layer")
            self._opened[call.session] = call
            return f"{layer} = build({self._arguments(call)})"
        if isinstance(call, Fresh) and call.case is not None:
            return self._look_at_fresh(number, call, call.case)
        if isinstance(call, Forward) and call.x is not None and ("layer", call.session) in self._names:
            return self._forward(number, call, call.x)
        if isinstance(call, Backward) and call.grad_y is not None and ("y", call.step) in self._names:
            return self._backward(number, call, call.grad_y)
        if isinstance(call, Read) and ("layer", call.session) in self._names:
            return self._read(number, call)
        if isinstance(call, Load) and call.state is not None and ("layer", call.session) in self._names:
            return self._load(call, call.state)
        return None

    def _options(self, case: Case) -> str:
        dtype = dtype_literal(case.pair.parameters, self.framework)
        device = f", device={self.device!r}" if self.framework == "torch" else ""
        return f"eps={case.eps!r}, momentum={case.momentum!r}{device}, dtype={dtype}"

    def _arguments(self, call: Open) -> str:
        case = call.case
        assert case is not None
        arrays = {name: getattr(case, name) for name in ("weight", "bias", "running_mean", "running_var")}
        given = ", ".join(self._constant(name, values) for name, values in arrays.items())
        frozen = ", trainable=False" if self.framework == "torch" and not call.trainable else ""
        return f"{case.channels}, {given}, {case.batches}, {self._options(case)}{frozen}"

    def _look_at_fresh(self, number: int, call: Fresh, case: Case) -> str:
        layer = self._fresh_name("layer")
        lines = [
            f"{layer} = Target({case.channels}, affine={case.affine}, track_running_stats={case.tracks}, {self._options(case)})"
        ]
        state = call.state or State()
        arrays = {"weight": call.weight, "bias": call.bias, "running_mean": state.mean, "running_var": state.var}
        lines += [f"{self._out(number, kind, array, layer)} = {layer}.{kind}" for kind, array in arrays.items()]
        return "\n".join([*lines, self._counter(number, state, layer, layer)])

    def _placed(self, base: str, placement: Placement) -> str:
        values = np.ascontiguousarray(placement.view())
        constant = self._constant(base, values)
        here = f".to({self.device!r})" if self.device != "cpu" else ""
        plain = Placement(values.reshape(-1), values.shape, tuple(s // values.itemsize for s in values.strides), 0)
        same = (plain.strides, placement.buffer.size, placement.offset) == (placement.strides, values.size, 0)
        if same:
            return f"{constant}.clone(){here}" if self.framework == "torch" else f"{constant}.copy()"
        return f"laid_out({constant}{here}, {placement.buffer.size}, {placement.strides}, {placement.offset})"

    def _forward(self, number: int, call: Forward, placement: Placement) -> str:
        layer = self._names["layer", call.session]
        x = self._fresh_name("x")
        opened = self._opened[call.session]
        y = self._names["y", call.step] = self._out(number, "y", call.y, x)
        self._forwards[call.step] = call.session, x
        self.placed[x] = self._placed("x", placement), placement.buffer.size
        lines = [f"{x} = {self.placed[x][0]}", f"{layer}.{'train' if call.training else 'eval'}()"]
        if self.framework == "numpy":
            return "\n".join([*lines, f"{y} = {layer}({x})"])
        if not call.record:
            return "\n".join([*lines, "with torch.no_grad():", f"    {y} = {layer}({x})"])
        recorded = f"{x}.requires_grad_()" if opened.input_gradient else x
        return "\n".join([*lines, f"{y} = {layer}({recorded})"])

    def _backward(self, number: int, call: Backward, placement: Placement) -> str:
        y = self._names["y", call.step]
        session, x = self._forwards[call.step]
        opened, layer = self._opened[session], self._names["layer", session]
        affine = opened.case is not None and opened.case.affine
        grads = call.grads
        upstream = self._placed("grad_y", placement)
        given = [("grad_x", grads.x if grads else None)]
        given += [("grad_weight", grads.weight if grads else None), ("grad_bias", grads.bias if grads else None)]
        if self.framework == "numpy":
            names = [self._out(number, kind, array, x) for kind, array in given]
            return f"{', '.join(names)} = {layer}.backward({upstream})"
        asked = {"grad_x": x} if opened.input_gradient else {}
        if affine and opened.trainable:
            asked |= {"grad_weight": f"{layer}.weight", "grad_bias": f"{layer}.bias"}
        names = [self._out(number, kind, array, asked[kind]) for kind, array in given if kind in asked]
        comma = "," if len(names) == 1 else ""
        arguments = f"{y}, ({', '.join(asked.values())}{comma}), {upstream}, retain_graph=True, allow_unused=True"
        return f"{', '.join(names)}{comma} = torch.autograd.grad(\n    {arguments}\n)"

    def _read(self, number: int, call: Read) -> str:
        layer, state = self._names["layer", call.session], call.state or State()
        holder = f"held_by_{layer}" if call.held else layer
        copy = ".detach().clone()" if self.framework == "torch" else ".copy()"
        lines = []
        for kind, array in (("running_mean", state.mean), ("running_var", state.var)):
            name = self._out(number, kind, array, layer)
            lines.append(f"{name} = {holder}.{kind}{'' if array is None else copy}")
        return "\n".join([*lines, self._counter(number, state, layer, holder)])

    def _counter(self, number: int, state: State, layer: str, holder: str) -> str:
        batches = None if state.batches is None else np.asarray(float(state.batches))
        name = self._out(number, "num_batches_tracked", batches, layer)
        counter = f"{holder}.num_batches_tracked"
        return f"{name} = {'None' if batches is None else f'int({counter})'}"

    def _load(self, call: Load, state: State) -> str:
        layer = self._names["layer", call.session]
        counter = f"torch.tensor({state.batches})" if self.framework == "torch" else f"np.asarray({state.batches})"
        entries = {
            "running_mean": self._constant("loaded_mean", state.mean),
            "running_var": self._constant("loaded_var", state.var),
            "num_batches_tracked": counter,
        }
        lines = [f"saved = dict({layer}.state_dict())", *(f"saved[{name!r}] = {value}" for name, value in entries.items())]
        return "\n".join([*lines, f"{layer}.load_state_dict(saved)"])
