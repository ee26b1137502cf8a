"""The calls on a layer of torch or NumPy as code: without this package, as whoever uses the layer would write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from bn_reference.cases.case import Array, Case, Seen, State
from bn_reference.cases.code import array_code, dtype_code
from bn_reference.cases.layouts import Placement, is_contiguous
from bn_reference.reproduction.replay import NUMBERS, STATISTICS, Part, Replay, parts_of
from bn_reference.targets.protocol import Grads
from bn_reference.targets.trace import Backward, Call, Forward, Fresh, Load, Open, Read

__all__ = ["LayerReplay"]

WIDTH = 110
SETTING = '''
{recording}def build(channels, weight, bias, running_mean, running_var, batches, {trainable}**options):
    """A layer with these parameters and this state."""
    layer = Target(channels, affine=weight is not None, track_running_stats=running_mean is not None, **options)
    given = {{"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}}
    for name, values in given.items():
        if not hasattr(layer, name):
            assert values is None or name.startswith("running"), f"the layer has no attribute {{name}}"
            continue
        own = getattr(layer, name)
        assert {checked}, f"the layer's {{name}} is {{own}}"
        if values is not None:
            assert math.prod(own.shape) == math.prod(values.shape), f"{{name}} has shape {{own.shape}}"
            own[...] = values.reshape(own.shape){freezing}
    if running_mean is not None and isinstance(getattr(layer, "num_batches_tracked", None), {array}):
        layer.num_batches_tracked[...] = batches
    return layer


def copied(value):
    """As it is now: a layer may write to the same memory later."""
    return value.{copy} if isinstance(value, {array}) else value

'''
WORDS = {
    "torch": {
        "recording": "@torch.no_grad()\n",
        "trainable": "trainable=True, ",
        "checked": "isinstance(own, torch.Tensor) == (values is not None)",
        "freezing": '\n            if not name.startswith("running"):\n                own.requires_grad_(trainable)',
        "array": "torch.Tensor",
        "copy": "detach().clone()",
    },
    "numpy": {
        "recording": "",
        "trainable": "",
        "checked": "values is None or isinstance(own, np.ndarray)",
        "freezing": "",
        "array": "np.ndarray",
        "copy": "copy()",
    },
}
BITS = "{}.detach().cpu().flatten().view(torch.uint8)"
DETACHED = f'not any(getattr(getattr({{layer}}, name, None), "requires_grad", False) for name in {STATISTICS})'
CONDITIONS = {
    "torch": {
        "numbers": "isinstance({output}, torch.Tensor) and {output}.layout == torch.strided"
        " and {output}.dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)",
        "x": "{x}",
        "untouched": f"torch.equal({BITS.format('{memory}')}, {BITS.format('{before}')})",
        "device": "{output}.device.type == {x}.device.type",
        "detached": DETACHED,
    },
    "numpy": {"numbers": NUMBERS, "x": "{x}", "untouched": "{memory}.tobytes() == {before}.tobytes()", "device": "True"},
}


class LayerReplay(Replay):
    """The code of a trace of calls on layers of torch or NumPy."""

    def __init__(self, calls: Sequence[Call], device: str, library: Literal["torch", "numpy"]) -> None:
        self.library: Literal["torch", "numpy"] = library
        self.torch = library == "torch"
        super().__init__(calls, device, SETTING.format(**WORDS[library]), CONDITIONS[library])

    def open(self, call: Open, case: Case) -> list[str]:
        layer = self.name("layer")
        self.layers[call.session] = call, layer
        given = ", ".join(self._array(name, getattr(case, name)) for name in ("weight", "bias", *STATISTICS[:2]))
        frozen = ", trainable=False" if self.torch and not call.trainable else ""
        lines = [f"{layer} = build({case.channels}, {given}, {case.batches}, {self._options(case)}{frozen})"]
        if call.session in self.held:
            references = f"{{name: getattr({layer}, name, None) for name in {STATISTICS}}}"
            lines.append(f"held_by_{layer} = types.SimpleNamespace(**{references})")
        return lines

    def fresh(self, call: Fresh, case: Case) -> list[str]:
        layer, parts = self.name("layer"), parts_of(call.state or State())
        options = f"affine={case.affine}, track_running_stats={case.tracks}, {self._options(case)}"
        values = self.assigned(call, f"copied({layer}.{{1}})", weight=call.weight, bias=call.bias, **parts)
        return [f"{layer} = Target({case.channels}, {options})", *values]

    def forward(self, call: Forward, x: Placement) -> list[str]:
        (opened, layer), name, output = self.layers[call.session], self.name("x"), self.name("output")
        values, made, memory = self._array("x", _stored(x)), self._copy_of("x", x), name
        lines = [f"{name} = {made}"]
        if not is_contiguous(x):
            memory = self.name("memory")
            lines = [f"{memory} = {made}", f"{name} = {self._strided(memory, x)}"]
        self.steps[call.step] = call, {"x": name, "output": output, "memory": memory, "before": values, "layer": layer}
        if self.torch:
            lines.append(f"{layer}.train({call.training})")
            lines += [f"{name}.requires_grad_()"] if call.record and opened.input_gradient else []
            lines += (
                [f"{output} = {layer}({name})"] if call.record else ["with torch.no_grad():", f"    {output} = {layer}({name})"]
            )
        else:
            lines += [f"{layer}.{'train' if call.training else 'eval'}()", f"{output} = {layer}({name})"]
        return [*lines, *self.assigned(call, f"copied({output})", y=call.y)]

    def backward(self, call: Backward, grad_y: Placement) -> list[str]:
        forward, names = self.steps[call.step]
        opened, layer = self.layers[forward.session]
        upstream = self._copy_of("grad_y", grad_y)
        upstream = upstream if is_contiguous(grad_y) else self._strided(upstream, grad_y)
        grads = call.grads or Grads(None, None, None)
        seen: dict[str, Seen] = {"grad_x": grads.x, "grad_weight": grads.weight, "grad_bias": grads.bias}
        asked = {"grad_x": names["x"]} if opened.input_gradient or not self.torch else {}
        if not self.torch or (opened.trainable and opened.case is not None and opened.case.affine):
            asked |= {"grad_weight": f"{layer}.weight", "grad_bias": f"{layer}.bias"}
        going = f"{layer}.backward({upstream})"
        if self.torch:
            kept = ", retain_graph=True" if call.kept else ""
            sources = f"({', '.join(asked.values())},)"
            going = f"torch.autograd.grad({names['output']}, {sources}, {upstream}{kept}, allow_unused=True)"
        made = [line.partition(" = ")[0] for line in self.assigned(call, "", **{kind: seen[kind] for kind in asked})]
        return [f"{', '.join(made)}{',' if len(made) == 1 else ''} = map(copied, {going})"]

    def read(self, call: Read, parts: dict[str, Part]) -> list[str]:
        layer = self.layers[call.session][1]
        holder = f"held_by_{layer}" if call.held else layer
        return self.assigned(call, f"copied({holder}.{{1}})", **parts)

    def load(self, call: Load, state: State) -> list[str]:
        layer, counter = self.layers[call.session][1], "torch.tensor" if self.torch else "np.asarray"
        mean, var = (self._array(f"loaded_{name}", value) for name, value in (("mean", state.mean), ("var", state.var)))
        given = f'{{"running_mean": {mean}, "running_var": {var}, "num_batches_tracked": {counter}({state.batches})}}'
        chosen = "{name: values for name, values in given.items() if name in saved}" if self.torch else "given"
        lines = [f"given = {given}", f"saved = dict({layer}.state_dict())", f"saved.update({chosen})"]
        return [*lines, f"{layer}.load_state_dict(saved)"]

    # how inputs are written

    def _array(self, base: str, values: Seen) -> str:
        return self.constant(base, array_code(values, self.library, WIDTH)) if isinstance(values, np.ndarray) else "None"

    def _options(self, case: Case) -> str:
        device = f", device={self.device!r}" if self.torch else ""
        return f"eps={case.eps!r}, momentum={case.momentum!r}{device}, dtype={dtype_code(case.pair.parameters, self.library)}"

    def _copy_of(self, base: str, placement: Placement) -> str:
        there = f".to({self.device!r})" if self.torch and self.device != "cpu" else ""
        return f"{self._array(base, _stored(placement))}.{'clone' if self.torch else 'copy'}(){there}"

    def _strided(self, memory: str, placement: Placement) -> str:
        if self.torch:
            return f"{memory}.as_strided({placement.shape}, {placement.strides}, {placement.offset})"
        size, dtype = placement.buffer.itemsize, dtype_code(placement.buffer.dtype.name)
        strides = tuple(stride * size for stride in placement.strides)
        return f"np.ndarray({placement.shape}, {dtype}, {memory}, {placement.offset * size}, {strides})  # in bytes"


def _stored(placement: Placement) -> Array:
    """What is written down of it: the array, or all that its buffer holds where it does not fill it in the usual order."""
    return placement.view() if is_contiguous(placement) else placement.buffer
