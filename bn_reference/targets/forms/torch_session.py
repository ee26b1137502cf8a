"""A module of torch with its whole constructor as a layer for one case, and how its steps are called."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch

from bn_reference.cases.case import Array, Case, Seen, State
from bn_reference.cases.directions import Direction
from bn_reference.cases.facts import Fact, Kind, Missing
from bn_reference.cases.layouts import Placement
from bn_reference.cases.others import hyperparameters_of
from bn_reference.targets.border import kind_of
from bn_reference.targets.forms.forward_alone import ForwardAlone
from bn_reference.targets.forms.torch_derivatives import call_of, mapped, tangent
from bn_reference.targets.forms.torch_holding import TorchMemory, shown_by
from bn_reference.targets.forms.torch_life import TorchLife
from bn_reference.targets.forms.torch_state import COUNTER, UNCOUNTED, as_state, attribute, count
from bn_reference.targets.forms.torch_step import TorchStep
from bn_reference.targets.forms.torch_tensors import (
    copied,
    to_tensor,
    zeroed,
)
from bn_reference.targets.forms.torch_unreal import forms_without_numbers
from bn_reference.targets.protocol import Forms, Misbehaviour, Session, Step, Unsupported, had

__all__ = ["Build", "TorchSession"]

Build = Callable[[Case], torch.nn.Module]


class TorchSession(Session):
    """A module of the whole constructor, and how its steps are called."""

    def __init__(
        self, build: Build, case: Case, device: str, trainable: bool, input_gradient: bool, alone: ForwardAlone
    ) -> None:
        self._build, self.module = build, build(case)
        self._device, self._trainable, self._input_gradient, self._alone = device, trainable, input_gradient, alone
        self._is_new = True
        self._life, self._hyperparameters = TorchLife(), hyperparameters_of(case)
        self._memory = TorchMemory()
        self._loaded: dict[str, Any] = {}  # what was loaded last
        self._give(case)

    @property
    def whole(self) -> bool:
        return type(self.module).__name__ != "OptimizedModule"  # which is compiled anew for each kind of input

    def shown(self) -> dict[str, str]:
        return shown_by(self.module)

    def learned(self) -> int:
        return sum(parameter.numel() for parameter in self.module.parameters())

    def restored(self) -> Session:
        other = copy.copy(self)
        other.module, other._life, other._memory = self._build(self._case), TorchLife(), TorchMemory()
        saved = reversed(self.module.state_dict().items())  # what is loaded goes by its name, in whatever order it comes
        other.module.load_state_dict({name: value.clone() for name, value in saved})
        other._held = other._buffers()
        return other

    def held(self, *, sure: bool = False) -> int:
        return self._memory.held(self.module, sure)

    def _give(self, case: Case) -> None:
        """The layer's parameters and state are the case's from now on."""
        self._case = case
        self._trained: tuple[str, ...] = ("weight", "bias") if self._trainable and case.affine else ()
        self._unloaded = ""  # why it does not have the case's running statistics
        with torch.no_grad():
            for name, values in (("weight", case.weight), ("bias", case.bias)):
                parameter = self._given(name, values)
                if values is not None:
                    parameter.requires_grad_(self._trainable)
            mean, var = self._given("running_mean", case.running_mean), self._given("running_var", case.running_var)
            counter = attribute(self.module, COUNTER)
            if case.tracks:
                count(counter, case)
        self._held = mean, var, counter

    def copied(self) -> Session:
        other = copy.copy(self)
        try:
            other.module, other._life, other._memory = copy.deepcopy(self.module), TorchLife(), TorchMemory()
        except Exception as error:  # a lock or a stream that it holds cannot be copied, and no rule says that it must
            raise Unsupported("a layer that cannot be copied") from error
        if not isinstance(other.module, torch.nn.Module):
            raise Unsupported("a layer of which a copy is no module")
        other._held = other._buffers()
        return other

    def undergo(self, word: str, case: Case) -> Session:
        self._is_new = False
        self.module = self._life.after(word, self.module, case)
        return self

    def settle(self, case: Case) -> Session:
        if case.momentum is None and case.tracks and not isinstance(attribute(self.module, COUNTER), torch.Tensor):
            raise Unsupported(UNCOUNTED)
        if hyperparameters_of(case) != self._hyperparameters:
            self._life.set_hyperparameters(self.module, case)
            self._hyperparameters = hyperparameters_of(case)
        self._life.prepare(self.module)
        if self._life.loads and case.tracks:
            self.load(case.state)
        self._give(case)
        return self

    def _given(self, name: str, values: Array | None) -> Any:
        """The layer's tensor of that name, with these values."""
        tensor = attribute(self.module, name)
        if isinstance(tensor, Missing):
            if values is not None and name in ("weight", "bias"):
                raise Misbehaviour(Fact(Kind.NO_ATTRIBUTE, name))
            self._unloaded = self._unloaded or (tensor.reason if values is not None else "")
            return tensor
        if isinstance(tensor, torch.Tensor) != (values is not None):
            option = "affine" if name in ("weight", "bias") else "track_running_stats"
            raise Misbehaviour(Fact(Kind.PRESENCE, name, kind_of(tensor), (option, values is not None)))
        if isinstance(tensor, torch.Tensor) and values is not None:
            if tensor.numel() != values.size:
                raise Misbehaviour(Fact(Kind.SHAPE, name, tuple(tensor.shape), values.shape))
            self._life.written(tensor).copy_(self._tensor(values).reshape(tensor.shape))
        return tensor

    def _tensor(self, values: Array) -> torch.Tensor:
        return copied(values, self._device)

    def _buffers(self) -> tuple[Any, Any, Any]:
        return tuple(attribute(self.module, name) for name in ("running_mean", "running_var", "num_batches_tracked"))

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        if self._unloaded and not training:
            raise Unsupported(self._unloaded)
        why = self._alone.why(self._case, training)
        record = record and not why
        tensor, buffer = self._life.tensor(x, self._device)
        grows = record and self._input_gradient and (tensor.is_floating_point() or tensor.is_complex())
        leaf = tensor.requires_grad_(grows)  # it may be the last one, which did
        told = self._life.told(self.module)
        told.train() if training else told.eval()
        try:
            handed = self._life.handed(leaf)
            y = self._life.called(lambda: self.module(handed), record, training)
        except (NotImplementedError, Unsupported) as refusal:
            if not (record and self._goes_unrecorded(x, training)):
                raise
            self._alone.note(self._case, training, refusal)
            if not self._is_new:  # what it has done by now is not to be had again
                raise
            self.module = self._build(self._case)
            self._give(self._case)
            return self.forward(x, training=training)
        self._is_new = False
        self._memory.note(buffer, y)
        vectors = {name: attribute(self.module, name) for name in ("weight", "bias")}
        sources = [*([leaf] if self._input_gradient else []), *(vectors[name] for name in self._trained)] if record else []
        return TorchStep(leaf, buffer, x.buffer, y, sources, [*vectors.values()], forward_alone=why)

    def _goes_unrecorded(self, x: Placement, training: bool) -> bool:
        """Whether a new layer takes the step where nothing is recorded."""
        other = TorchSession(self._build, self._case, self._device, self._trainable, self._input_gradient, self._alone)
        try:
            other.forward(x, training=training, record=False)
        except Exception:  # it is not the recording that it refuses
            return False
        return True

    def tangent(self, x: Placement, along: Direction, *, training: bool) -> Seen:
        if self._unloaded and not training:
            raise Unsupported(self._unloaded)
        given = {"weight": along.weight, "bias": along.bias}
        vectors = {
            name: (own := attribute(self.module, name), self._tensor(values).reshape(own.shape))
            for name, values in given.items()
            if values is not None
        }
        call = call_of(self.module, {name: own for name, (own, _) in vectors.items()})
        tensor, told = self._life.tensor(x, self._device)[0], self._life.told(self.module)
        told.train() if training else told.eval()
        with self._life.recording(True, training):
            return tangent(call, tensor, to_tensor(along.x, self._device)[0], vectors)

    def mapped(self, batches: tuple[Placement, ...]) -> tuple[Seen, ...]:
        if self._unloaded:
            raise Unsupported(self._unloaded)
        call = call_of(self.module, {})
        self._life.told(self.module).eval()
        return mapped(lambda batch: call(batch, {}), [to_tensor(x, self._device)[0] for x in batches])

    def without_numbers(self, x: Placement, grad_y: Placement, *, training: bool) -> Forms:
        if self._unloaded and not training:
            raise Unsupported(self._unloaded)
        told = self._life.told(self.module)
        told.train() if training else told.eval()
        back = None if self._alone.why(self._case, training) else grad_y
        names = {id(own): name for name, own in self.module.named_parameters()}
        trained = {f"grad_{name}": names[id(attribute(self.module, name))] for name in self._trained}
        return forms_without_numbers(self.module, lambda module, batch: module(batch), x, back, self._device, trained)

    def ask(self, names: tuple[str, ...]) -> None:
        vectors = {name: attribute(self.module, name) for name in ("weight", "bias")}
        for name, own in vectors.items():
            if isinstance(own, torch.Tensor) and own.is_leaf:
                own.requires_grad_(name in names)
            elif own is not None:
                raise Unsupported(f"its {name} is no leaf that could ask for a gradient")
        self._input_gradient = "x" in names
        self._trained = tuple(name for name, own in vectors.items() if own is not None and name in names)

    def state(self) -> State:
        return as_state(*self._buffers())

    def held_state(self) -> State:
        return as_state(*self._held)

    def load(self, state: State) -> None:
        mean, var = had(state.mean), had(state.var)
        if mean is None or var is None:
            raise Unsupported("a layer without running statistics has no state to load")
        saved = {key: value.clone() for key, value in self.module.state_dict().items()}
        keys = {key.rpartition(".")[2]: key for key in saved}  # a layer around another saves under longer names
        absent = [name for name in ("running_mean", "running_var") if name not in keys]
        if absent:
            raise Unsupported(f"its state_dict has no {' and no '.join(absent)}")
        for name, values in (("running_mean", mean), ("running_var", var)):
            saved[keys[name]] = self._tensor(values).reshape(saved[keys[name]].shape)
        if "num_batches_tracked" in keys:
            saved[keys["num_batches_tracked"]] = torch.tensor(state.batches)
        self._loaded = saved
        self.module.load_state_dict(saved)

    def reuse_loaded(self) -> None:
        zeroed(self._loaded)

    def track(self, on: bool) -> None:
        if not (self.whole and isinstance(attribute(self.module, "track_running_stats"), bool)):
            raise Unsupported("whether it tracks is decided when it is built")
        try:
            self.module.track_running_stats = on  # type: ignore[assignment]
        except Exception as error:  # a script's constant, a property without a setter
            raise Unsupported("track_running_stats cannot be set") from error

    def state_in_graph(self) -> bool:
        return any(isinstance(buffer, torch.Tensor) and buffer.requires_grad for buffer in self._buffers())
