"""The calls on a layer of torch or NumPy as code: without this package, as whoever uses the layer would write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from bn_reference.cases.case import Case, Seen, State
from bn_reference.cases.code import array_code, dtype_code
from bn_reference.cases.layouts import Placement, is_contiguous
from bn_reference.cases.others import another_batch, hyperparameters_of
from bn_reference.reproduction.life import HAPPENED, called, contexts_of
from bn_reference.reproduction.replay import STATISTICS, Replay
from bn_reference.reproduction.words import SETTING, WORDS
from bn_reference.targets.trace import (
    Backward,
    Call,
    Copy,
    Forward,
    Fresh,
    Load,
    Look,
    Open,
    Overwrite,
    Read,
    Restore,
    Reuse,
    Settle,
    Threads,
    Track,
    Undergo,
)

__all__ = ["LayerReplay"]


class LayerReplay(Replay):
    """The code of a trace of calls on layers of torch or NumPy."""

    def __init__(self, calls: Sequence[Call], device: str, library: Literal["torch", "numpy"]) -> None:
        self.library: Literal["torch", "numpy"] = library
        self.torch = library == "torch"
        self._lives: dict[int, set[str]] = {}
        self._last: dict[int, tuple[Placement, str]] = {}
        self._held = {call.session for call in calls if isinstance(call, Read) and call.held}
        super().__init__(calls, device, {"setting": SETTING.format(**WORDS[library]), **WORDS[library]})

    def open(self, call: Open) -> list[str]:
        case, layer = call.case, self.name("layer")
        self.layers[call.session] = call, layer
        frozen = ", trainable=False" if self.torch and not call.trainable else ""
        given = f"{{{', '.join(f'{name!r}: {array}' for name, array in self._given(case))}}}"
        line = f"{layer} = build({case.channels}, {given}, {case.batches}, {self._options(case)}{frozen})"
        return [line, *self._holding(call.session)]

    def undergo(self, call: Undergo) -> list[str]:
        layer, case, words = self.layers[call.session][1], call.case, self._words(call.session)
        words.add(call.word)
        joined = f"parent_of_{layer} = torch.nn.Sequential({layer})"
        if call.word == "join a parent":
            return [joined]
        if call.word not in HAPPENED[self.library]:  # it shows in what follows
            return []
        lines, elsewhere = HAPPENED[self.library][call.word], self.device != "cpu"
        batch = self._array("x", another_batch(case, 0)) if "{batch}" in "".join(lines) else ""
        given = {
            "layer": layer,
            "other": f"{self._array('x', another_batch(case, 2))}.clone()" + f".to({self.device!r})" * elsewhere
            if "{other}" in "".join(lines)
            else "",
            "batch": f"{batch}.clone()" + f".to({self.device!r})" * elsewhere,
            "device": f", device={self.device!r}" * elsewhere,
            "shape": case.x.shape,
            "channels": case.channels,
            "inputs": dtype_code(case.pair.input, self.library),
            "parameters": dtype_code(case.pair.parameters, self.library),
        }
        return [*(line.format(**given) for line in lines), *[joined] * ("join a parent" in words)]

    def settle(self, call: Settle) -> list[str]:
        (opened, layer), case, words = self.layers[call.session], call.case, self._words(call.session)
        self.layers[call.session] = replace(opened, case=case), layer
        given = "".join(f", {name}={array}" for name, array in self._given(case))
        options = ", trainable=False" * (self.torch and not opened.trainable)
        options += ", through_data=True" * ("settle by data" in words)
        lines = []
        if hyperparameters_of(opened.case) != hyperparameters_of(case):
            lines.append(f"{layer}.eps, {layer}.momentum = {case.eps!r}, {case.momentum!r}")
        if "settle by loading" not in words:
            lines.append(f"{self._told(call.session)}.train()")
        elif case.tracks:
            lines += self._loaded(layer, case.state)
        return [*lines, f"give({layer}, {case.batches}{options}{given})", *self._holding(call.session)]

    def fresh(self, call: Fresh) -> list[str]:
        case, layer = call.case, self.name("layer")
        options = f"affine={case.affine}, track_running_stats={case.tracks}, {self._options(case)}"
        return [f"{layer} = Target({case.channels}, {options})", *self.assigned(call, f"copied({layer}.{{0}})")]

    def forward(self, call: Forward) -> list[str]:
        (opened, layer), words, output = self.layers[call.session], self._words(call.session), self.name("output")
        before, placed = self._placed("x", call.x)
        last = self._last.get(call.session)
        over = "same memory" in words and last is not None and last[0].lies_as(call.x)
        words.discard("same memory")
        x = last[1] if over and last is not None else self.name("x")
        memory = x if is_contiguous(call.x) else f"{x}.{'_base' if self.torch else 'base'}"
        self._last[call.session] = call.x, x
        names = {"x": x, "values": x, "output": output, "memory": memory, "before": before, "layer": layer}
        self.steps[call.step] = call, names
        mode, step = f"{self._told(call.session)}.{'train' if call.training else 'eval'}()", [f"{output} = {layer}({x})"]
        if self.torch:
            contexts = contexts_of(words, call.record, call.training, self.device)
            beside = f"beside_{layer}(batch)" * ("another thread" in words)
            step = called(output, f"{layer}({x})", contexts, beside)
        if self.torch and call.record and opened.input_gradient and call.x.buffer.dtype.kind not in "biu":
            step.insert(0, f"{x}.requires_grad_()")
        elif self.torch and over:
            step.insert(0, f"{x}.requires_grad_(False)")
        if "default float64" in words:
            step = ["torch.set_default_dtype(torch.float64)", *step, "torch.set_default_dtype(torch.float32)"]
        handed = f"{memory}.data.copy_({before})  # no version counter notices" if over else f"{x} = {placed}"
        return [handed, mode, *step, *self.assigned(call, f"copied({output})")]

    def backward(self, call: Backward) -> list[str]:
        forward, names = self.steps[call.step]
        (opened, layer), (before, placed) = self.layers[forward.session], self._placed("grad_y", call.grad_y)
        upstream, grads = self.name("upstream"), self.name("grads")
        usual = is_contiguous(call.grad_y)
        names |= {"grads": grads, "upstream_before": before}
        names["upstream"] = upstream if usual else f"{upstream}.{'_base' if self.torch else 'base'}"
        sources = {"grad_x": names["x"]} if opened.input_gradient or not self.torch else {}
        if not self.torch or (opened.trainable and opened.case.affine):
            sources |= {"grad_weight": f"{layer}.weight", "grad_bias": f"{layer}.bias"}
        names["sources"] = " ".join(sources)
        made = ", ".join(line.partition(" = ")[0] for line in self.assigned(call, "", sources))
        going = f"{layer}.backward({upstream})"
        if self.torch:
            options = f"{', retain_graph=True' * call.kept}, allow_unused=True"
            going = f"torch.autograd.grad({names['output']}, ({', '.join(sources.values())},), {upstream}{options})"
        return [f"{upstream} = {placed}", f"{grads} = {going}", f"{made}{',' * (len(sources) == 1)} = map(copied, {grads})"]

    def overwrite(self, call: Overwrite) -> list[str]:
        names = self.steps[call.step][1]
        places = {"x": names["memory"], "y": names["output"], "weight": f"{names['layer']}.weight"}
        return ["with torch.no_grad():", f"    {places[call.what]}.zero_()"]

    def look(self, call: Look) -> list[str]:
        names = self.steps[call.step][1]
        lines = self.assigned(call, f"copied({names['output']})", ("y",))
        for place, kind in enumerate(names.get("sources", "").split()):
            lines += self.assigned(call, f"copied({names['grads']}[{place}])", (kind,))
        return lines

    def copy(self, call: Copy) -> list[str]:
        opened, layer = self.layers[call.session]
        self.layers[call.made] = opened, self.name("copy_of_layer")
        return [f"{self.layers[call.made][1]} = copy.deepcopy({layer})", *self._holding(call.made)]

    def restore(self, call: Restore) -> list[str]:
        opened, layer = self.layers[call.session]
        case, restored = opened.case, self.name("restored_layer")
        self.layers[call.made] = opened, restored
        options = f"affine={case.affine}, track_running_stats={case.tracks}, {self._options(case)}"
        loaded = f"{restored}.load_state_dict(copy.deepcopy({layer}.state_dict()))"
        return [f"{restored} = Target({case.channels}, {options})", loaded, *self._holding(call.made)]

    def threads(self, call: Threads) -> list[str]:
        return [f"torch.set_num_threads({call.number})"]

    def read(self, call: Read) -> list[str]:
        opened, layer = self.layers[call.session]
        counted = [f"int({layer}.num_batches_tracked)"] * (call.wrong is not None and opened.case.tracks)
        return counted + self.assigned(call, f"copied(held_by_{layer}[{{0!r}}])" if call.held else f"copied({layer}.{{0}})")

    def load(self, call: Load) -> list[str]:
        return self._loaded(self.layers[call.session][1], call.state)

    def _loaded(self, layer: str, state: State) -> list[str]:
        counter = f"{'torch.tensor' if self.torch else 'np.asarray'}({state.batches})"
        given = (
            f'"running_mean": {self._array("loaded_mean", state.mean)}, "running_var": {self._array("loaded_var", state.var)}'
        )
        return [
            f'given = {{{given}, "num_batches_tracked": {counter}}}',
            f"saved = {{name: copied(given.get(name, own)) for name, own in {layer}.state_dict().items()}}",
            f"{layer}.load_state_dict(saved)",
        ]

    def reuse(self, call: Reuse) -> list[str]:
        return ["for own in saved.values():  # which are used again", f"    own.{'zero_()' if self.torch else 'fill(0)'}"]

    def track(self, call: Track) -> list[str]:
        return [f"{self.layers[call.session][1]}.track_running_stats = {call.on}"]

    def came_out(self, call: Call) -> list[str]:
        if isinstance(call, Backward):
            return [f"isinstance({self.steps[call.step][1]['grads']}, tuple)"]
        return super().came_out(call)

    # what a layer's life says of its steps

    def _words(self, session: int) -> set[str]:
        return self._lives.setdefault(session, set())

    def _told(self, session: int) -> str:
        layer = self.layers[session][1]
        return f"parent_of_{layer}" if "join a parent" in self._words(session) else layer

    def _holding(self, session: int) -> list[str]:
        """References to the running statistics, where they are looked at later."""
        layer = self.layers[session][1]
        held = f"held_by_{layer} = {{name: getattr({layer}, name, None) for name in {(*STATISTICS,)}}}"
        return [held] * (session in self._held)

    # how inputs are written

    def _given(self, case: Case) -> list[tuple[str, str]]:
        names = ("weight", "bias", "running_mean", "running_var")
        return [(name, self._array(name, values)) for name in names if (values := getattr(case, name)) is not None]

    def _array(self, base: str, values: Seen) -> str:
        return self.constant(base, array_code(values, self.library, width=110)) if isinstance(values, np.ndarray) else "None"

    def _options(self, case: Case) -> str:
        device = f", device={self.device!r}" if self.torch else ""
        return f"eps={case.eps!r}, momentum={case.momentum!r}{device}, dtype={dtype_code(case.pair.parameters, self.library)}"

    def _placed(self, base: str, placement: Placement) -> tuple[str, str]:
        """The constant that holds the array, or its buffer where it does not fill that; and a copy that lies as it does."""
        usual, size, dtype = is_contiguous(placement), placement.buffer.itemsize, dtype_code(placement.buffer.dtype.name)
        constant = self._array(base, placement.view() if usual else placement.buffer)
        if self.torch:
            copy = f"{constant}.clone()" + f".to({self.device!r})" * (self.device != "cpu")
            lying = f"{copy}.as_strided({placement.shape}, {placement.strides}, {placement.offset})"
        else:
            copy, strides = f"{constant}.copy()", tuple(stride * size for stride in placement.strides)
            lying = f"np.ndarray({placement.shape}, {dtype}, {copy}, {placement.offset * size}, strides={strides})"
        return constant, copy if usual else lying
