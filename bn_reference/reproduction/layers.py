"""The calls on a layer of torch or NumPy as code: without this package, as whoever uses the layer would write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from bn_reference.cases.case import Case, Seen, State
from bn_reference.cases.code import array_code, dtype_code
from bn_reference.cases.layouts import Placement, is_contiguous
from bn_reference.cases.others import another_batch, hyperparameters_of
from bn_reference.reproduction.life import called, contexts_of, happenings_of, needs, statements
from bn_reference.reproduction.replay import Layer, Replay, Step
from bn_reference.reproduction.words import CALLS, SETTING, STATISTICS, WORDS
from bn_reference.targets.trace import Call

__all__ = ["LayerReplay"]


class LayerReplay(Replay):
    """The code of a trace of calls on layers of torch or NumPy."""

    def __init__(self, calls: Sequence[Call], device: str, library: Literal["torch", "numpy"]) -> None:
        self.library: Literal["torch", "numpy"] = library
        self.torch = library == "torch"
        self.there = f".to({device!r})" * (device != "cpu")
        self._held = {call.on for call in calls if call.method == "held_state"}
        self._happenings = happenings_of(library)
        super().__init__(calls, device, {"setting": SETTING.format(**WORDS[library]), **WORDS[library]})

    def written(self, call: Call) -> list[str]:
        if call.method not in CALLS[self.library]:
            return super().written(call)
        names = self.steps[call.on].names if call.on in self.steps else {"layer": self.layers[call.on].name} if call.on else {}
        return [line.format(*call.arguments, **names) for line in CALLS[self.library][call.method]]

    # layers

    def open(self, call: Call, case: Case, trainable: bool, input_gradient: bool) -> list[str]:
        layer = Layer(self.name("layer"), case, trainable, input_gradient)
        given = f"{{{', '.join(f'{name!r}: {array}' for name, array in self._given(case))}}}"
        frozen = ", trainable=False" * (self.torch and not trainable)
        line = f"{layer.name} = build({case.channels}, {given}, {case.batches}, {self._options(case)}{frozen})"
        return [line, *self._known(call.made, layer)]

    def fresh(self, call: Call, case: Case) -> list[str]:
        layer = self.name("layer")
        return [self._built(layer, case), *self._attributes(call, layer)]

    def copied(self, call: Call) -> list[str]:
        layer = self.layers[call.on]
        copy = replace(layer, name=self.name("copy_of_layer"), words=set(), latest=None)
        return [f"{copy.name} = copy.deepcopy({layer.name})", *self._known(call.made, copy)]

    def restored(self, call: Call) -> list[str]:
        layer = self.layers[call.on]
        other = replace(layer, name=self.name("restored_layer"), words=set(), latest=None)
        loaded = f"{other.name}.load_state_dict(dict(reversed(copy.deepcopy({layer.name}.state_dict()).items())))"
        return [self._built(other.name, layer.case), loaded, *self._known(call.made, other)]

    def undergo(self, call: Call, word: str, case: Case) -> list[str]:
        layer, lines = self.layers[call.on], list[str]()
        layer.words.add(word)
        if word == "another thread":
            lines = [f"beside_{layer.name}, batch = copy.deepcopy({layer.name}).eval(), {self._another(case, 2)}"]
        elif word in self._happenings:
            happening = self._happenings[word]
            given = {
                "layer": layer.name,
                "batch": self._another(case, 0) if "batch" in needs(happening) else "",
                "device": repr(self.device),
                "shape": str(case.x.shape),
                "channels": str(case.channels),
                "inputs": dtype_code(case.pair.input, self.library),
                "parameters": dtype_code(case.pair.parameters, self.library),
            }
            lines = statements(happening, given)
        if "join a parent" in layer.words and (lines or word == "join a parent"):
            lines.append(f"parent_of_{layer.name} = torch.nn.Sequential({layer.name})")
        return lines  # none of what shows in the steps that follow

    def settle(self, call: Call, case: Case) -> list[str]:
        layer = self.layers[call.on]
        before, layer.case = layer.case, case
        given = "".join(f", {name}={array}" for name, array in self._given(case))
        options = ", trainable=False" * (self.torch and not layer.trainable)
        options += ", through_data=True" * ("settle by data" in layer.words)
        lines = []
        if hyperparameters_of(before) != hyperparameters_of(case):
            lines.append(f"{layer.name}.eps, {layer.name}.momentum = {case.eps!r}, {case.momentum!r}")
        if "settle by loading" not in layer.words:
            lines.append(f"{self._told(layer)}.train()")
        elif case.tracks:
            lines += self.load(call, case.state)
        return [*lines, f"give({layer.name}, {case.batches}{options}{given})", *self._holding(call.on)]

    def load(self, call: Call, state: State) -> list[str]:
        layer, tensor = self.layers[call.on].name, "torch.tensor" if self.torch else "np.asarray"
        mean, var = self._array("loaded_mean", state.mean), self._array("loaded_var", state.var)
        counter = f'"num_batches_tracked": {tensor}({state.batches})'
        return [
            f'given = {{"running_mean": {mean}, "running_var": {var}, {counter}}}',
            f"saved = {{name: copied(given.get(name, own)) for name, own in {layer}.state_dict().items()}}",
            f"{layer}.load_state_dict(saved)",
        ]

    def state(self, call: Call) -> list[str]:
        layer = self.layers[call.on]
        counted = [f"int({layer.name}.num_batches_tracked)"] * (call.wrong is not None and layer.case.tracks)
        return counted + self._attributes(call, layer.name)

    def held_state(self, call: Call) -> list[str]:
        held = f"held_by_{self.layers[call.on].name}"
        return self.assigned(call, [f"copied({held}[{name!r}])" for name, *_ in call.quantities])

    # steps

    def forward(self, call: Call, x: Placement, training: bool, record: bool = True) -> list[str]:
        layer, output = self.layers[call.on], self.name("output")
        before, placed = self._placed("x", x)
        over = "same memory" in layer.words and layer.latest is not None and layer.latest[0].lies_as(x)
        layer.words.discard("same memory")
        name = layer.latest[1] if over and layer.latest is not None else self.name("x")
        memory = self._memory(name, x)
        layer.latest = x, name
        names = {"x": name, "values": name, "output": output, "memory": memory, "before": before, "layer": layer.name}
        self.steps[call.made] = Step(layer, names)
        grows = self.torch and record and layer.input_gradient and x.buffer.dtype.kind not in "biu"
        handed_on = f"{name}.view_as({name})" if grows and "join a parent" in layer.words else name
        step = [f"{output} = {layer.name}({name})"]
        if self.torch:
            contexts = contexts_of(layer.words, record, training, self.device)
            beside = f"beside_{layer.name}(batch)" * ("another thread" in layer.words)
            step = called(output, f"{layer.name}({handed_on})", contexts, beside)
        if grows:
            step.insert(0, f"{name}.requires_grad_()")
        elif self.torch and over:
            step.insert(0, f"{name}.requires_grad_(False)")
        if "default float64" in layer.words:
            step = ["torch.set_default_dtype(torch.float64)", *step, "torch.set_default_dtype(torch.float32)"]
        handed = f"{memory}.data.copy_({before})  # no version counter notices" if over else f"{name} = {placed}"
        return [handed, self._mode(layer, training), *step, *self.assigned(call, [f"copied({output})"])]

    def keep(self, call: Call) -> list[str]:
        self.steps[call.on].kept = True
        return []

    def backward(self, call: Call, grad_y: Placement) -> list[str]:
        step = self.steps[call.on]
        layer, names = step.layer, step.names
        before, placed = self._placed("grad_y", grad_y)
        upstream, grads = self.name("upstream"), self.name("grads")
        sources = {"grad_x": names["x"]} if layer.input_gradient or not self.torch else {}
        if not self.torch or (layer.trainable and layer.case.affine):
            sources |= {"grad_weight": f"{layer.name}.weight", "grad_bias": f"{layer.name}.bias"}
        names |= {
            "upstream": self._memory(upstream, grad_y),
            "upstream_before": before,
            "grads": grads,
            "sources": " ".join(sources),
        }
        going = f"{layer.name}.backward({upstream})"
        if self.torch:
            options = f"{', retain_graph=True' * step.kept}, allow_unused=True"
            going = f"torch.autograd.grad({names['output']}, ({', '.join(sources.values())},), {upstream}{options})"
        return [f"{upstream} = {placed}", f"{grads} = {going}", *self.assigned(call, self._each(grads, sources))]

    def now(self, call: Call) -> list[str]:
        names = self.steps[call.on].names
        grads = self._each(names.get("grads", ""), names.get("sources", "").split())
        return self.assigned(call, [f"copied({names['output']})", *grads])

    def overwrite(self, call: Call, what: str) -> list[str]:
        names = self.steps[call.on].names
        places = {"x": names["memory"], "y": names["output"], "weight": f"{names['layer']}.weight"}
        return ["with torch.no_grad():", f"    {places[what]}.zero_()"]

    def came_out(self, call: Call) -> list[str]:
        if call.method == "backward":
            return [f"isinstance({self.steps[call.on].names['grads']}, tuple)"]
        return super().came_out(call)

    # what a layer's life says of its steps

    def _told(self, layer: Layer) -> str:
        return f"parent_of_{layer.name}" if "join a parent" in layer.words else layer.name

    def _mode(self, layer: Layer, training: bool) -> str:
        return f"{self._told(layer)}.{'train' if training else 'eval'}()"

    def _known(self, number: int, layer: Layer) -> list[str]:
        self.layers[number] = layer
        return self._holding(number)

    def _holding(self, number: int) -> list[str]:
        """References to the running statistics, where they are looked at later."""
        layer = self.layers[number].name
        held = f"held_by_{layer} = {{name: getattr({layer}, name, None) for name in {STATISTICS}}}"
        return [held] * (number in self._held)

    # what came out

    def _attributes(self, call: Call, layer: str) -> list[str]:
        return self.assigned(call, [f"copied({layer}.{name})" for name, *_ in call.quantities])

    def _each(self, grads: str, asked: Iterable[str]) -> list[str]:
        """The gradients of x, weight and bias, as they stand among those that were asked for."""
        places = {name: place for place, name in enumerate(asked)}
        names = ("grad_x", "grad_weight", "grad_bias")
        return [f"copied({grads}[{places[name]}])" if name in places else "" for name in names]

    # how inputs are written

    def _built(self, layer: str, case: Case) -> str:
        options = f"affine={case.affine}, track_running_stats={case.tracks}, {self._options(case)}"
        return f"{layer} = Target({case.channels}, {options})"

    def _given(self, case: Case) -> list[tuple[str, str]]:
        names = ("weight", "bias", "running_mean", "running_var")
        return [(name, self._array(name, values)) for name in names if (values := getattr(case, name)) is not None]

    def _array(self, base: str, values: Seen) -> str:
        return self.constant(base, array_code(values, self.library, width=110)) if isinstance(values, np.ndarray) else "None"

    def _options(self, case: Case) -> str:
        device = f", device={self.device!r}" if self.torch else ""
        return f"eps={case.eps!r}, momentum={case.momentum!r}{device}, dtype={dtype_code(case.pair.parameters, self.library)}"

    def _memory(self, name: str, placement: Placement) -> str:
        return name if is_contiguous(placement) else f"{name}.{'_base' if self.torch else 'base'}"

    def _another(self, case: Case, number: int) -> str:
        return f"{self._array('x', another_batch(case, number))}.clone(){self.there}"

    def _placed(self, base: str, placement: Placement) -> tuple[str, str]:
        """The constant that holds the array, or its buffer where it does not fill that; and a copy that lies as it does."""
        usual, size, dtype = is_contiguous(placement), placement.buffer.itemsize, dtype_code(placement.buffer.dtype.name)
        constant = self._array(base, placement.view() if usual else placement.buffer)
        if self.torch:
            copy = f"{constant}.clone(){self.there}"
            lying = f"{copy}.as_strided({placement.shape}, {placement.strides}, {placement.offset})"
        else:
            copy, strides = f"{constant}.copy()", tuple(stride * size for stride in placement.strides)
            lying = f"np.ndarray({placement.shape}, {dtype}, {copy}, {placement.offset * size}, strides={strides})"
        return constant, copy if usual else lying
