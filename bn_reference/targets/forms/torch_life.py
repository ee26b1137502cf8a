"""What happens to a module of torch beside its steps, and how its next steps are called."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from bn_reference.cases import circumstances
from bn_reference.cases.case import Case
from bn_reference.cases.facts import Fact, Kind
from bn_reference.cases.layouts import Placement
from bn_reference.cases.others import another_batch
from bn_reference.targets.border import kind_of
from bn_reference.targets.forms.torch_calls import Beside, autocast_of, in_another_thread
from bn_reference.targets.forms.torch_derivatives import COMPILED, eager_module
from bn_reference.targets.forms.torch_happenings import HAPPENINGS
from bn_reference.targets.forms.torch_tensors import TORCH_DTYPES, copied, to_tensor
from bn_reference.targets.protocol import Misbehaviour, Unsupported

__all__ = ["TorchLife"]


def _refusal(word: str, module: torch.nn.Module, case: Case) -> str:
    """Why it does not happen to this layer; empty where it may."""
    match word:
        case "reset" if not any(callable(getattr(module, name, None)) for name in ("reset_running_stats", "reset_parameters")):
            return "there is nothing that resets it"
        case circumstances.RESET if not callable(getattr(module, "reset_running_stats", None)):
            return "there is nothing that resets its running statistics"
        case "stop tracking" if getattr(module, "track_running_stats", None) is not True or not case.tracks:
            return "there is no tracking to stop"
        case "convert":
            floating = {own.dtype for own in [*module.parameters(), *module.buffers()] if own.is_floating_point()}
            if floating != {TORCH_DTYPES[case.pair.parameters]}:
                return "a layer of several dtypes, which a conversion makes one"
    return ""


def _after(word: str, module: torch.nn.Module, case: Case) -> torch.nn.Module:
    """The module to go on with after what happened to it; it is as it was where it does not take that."""
    refusal = _refusal(word, module, case)
    if refusal:
        raise Unsupported(refusal)
    happening, device = HAPPENINGS[word], _device_of(module)
    given: dict[str, Callable[[], Any]] = {
        "layer": lambda: module,
        "batch": lambda: copied(another_batch(case, 0), str(device)),
        "device": lambda: str(device),
        "shape": lambda: case.x.shape,
        "channels": lambda: case.channels,
        "inputs": lambda: TORCH_DTYPES[case.pair.input],
        "parameters": lambda: TORCH_DTYPES[case.pair.parameters],
    }
    arguments = [given[name]() for name in inspect.signature(happening).parameters]
    before = [(own, own.data) for own in _tensors_of(module)]
    try:
        with warnings.catch_warnings():
            # torch 2.4 and 2.5 warn of how they themselves load what they have written
            warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.storage")
            other: torch.nn.Module = happening(*arguments)
    except BaseException:
        if word == "spread":
            for own, data in before:
                own.data = data
        elif word == "freeze":
            module.requires_grad_(True)
        elif word == "stop tracking":
            module.track_running_stats = True  # type: ignore[assignment]
        raise
    if isinstance(module, torch.nn.Module) and not isinstance(other, torch.nn.Module):
        raise Misbehaviour(Fact(Kind.RETURNED, f"to {word}", kind_of(other), "a module"))
    return other


def _tensors_of(layer: Any) -> list[torch.Tensor]:
    """Parameters and buffers of a module; of a layer that is none nobody has a list."""
    return [*layer.parameters(), *layer.buffers()] if isinstance(layer, torch.nn.Module) else []


def _device_of(layer: Any) -> torch.device:
    return next((tensor.device for tensor in _tensors_of(layer)), torch.device("cpu"))


OF_WHOLE = ("join a parent", "default float64", "settle by data")  # of modules that are held to torch's whole contract


class TorchLife:
    """How a module's next steps are called, as far as its life decides it.

    Attributes:
        loads: whether it is given running statistics as a saved state.
    """

    def __init__(self, happenings: frozenset[str] = frozenset({*HAPPENINGS, *OF_WHOLE})) -> None:
        self._happenings = happenings
        self._parent: torch.nn.Module | None = None
        self._through_data = self._wide_default = self._inference = self._over_the_last = self.loads = False
        self._autocast: Callable[[], AbstractContextManager[Any]] = nullcontext
        self._beside: Beside | None = None  # what is evaluated while steps are called in another thread
        self._last: tuple[Placement, torch.Tensor, torch.Tensor] | None = None

    def after(self, word: str, module: torch.nn.Module, case: Case) -> torch.nn.Module:
        """The module to go on with after what happened to it.

        Raises:
            Unsupported: this does not happen to it.
        """
        if type(module).__name__ == "OptimizedModule":
            raise Unsupported(COMPILED)
        match word:
            case "settle by data" if word in self._happenings:
                self._through_data = True
            case "settle by loading":
                self.loads = True
            case "inference mode":
                self._inference = True
            case "default float64" if word in self._happenings:
                self._wide_default = True
            case "autocast":
                self._autocast = autocast_of(eager_module(module), case, _device_of(module))
            case "another thread":
                self._beside = Beside(eager_module(module), case, _device_of(module))
            case "same memory":
                self._over_the_last = True
            case "join a parent" if word in self._happenings:
                self._parent = torch.nn.Sequential(module)
            case _ if word in self._happenings:
                module = _after(word, module, case)
                self._parent = None if self._parent is None else torch.nn.Sequential(module)
            case _ if word not in ("unrecorded", "settle hyperparameters"):
                raise Unsupported(f"a layer that does not {word}")
        return module

    def prepare(self, module: torch.nn.Module) -> None:
        """Before the case's parameters and state are written, the layer is told to train.

        What a layer made for evaluations it need not keep right where somebody writes into its running statistics; where they
        are loaded, and where an optimizer writes into weight and bias, it must.
        """
        if not self.loads:
            self.told(module).train()

    def set_hyperparameters(self, module: torch.nn.Module, case: Case) -> None:
        """Set eps and momentum. Raises Unsupported where they are another layer's, or cannot be set."""
        if any(hasattr(inner, "eps") for inner in module.modules() if inner is not module) or not hasattr(module, "eps"):
            raise Unsupported("eps and momentum are kept by a layer inside")
        try:
            module.eps, module.momentum = case.eps, case.momentum  # type: ignore[assignment]
        except Exception as error:  # a script's constant, a property without a setter
            raise Unsupported("eps and momentum cannot be set") from error

    def written(self, tensor: torch.Tensor) -> torch.Tensor:
        """What numbers are written into for the layer's tensor to have them."""
        return tensor.data if self._through_data and isinstance(tensor, torch.nn.Parameter) else tensor

    def told(self, module: torch.nn.Module) -> torch.nn.Module:
        """Whose train() and eval() are called."""
        return self._parent or module

    def called(self, call: Callable[[], Any], record: bool, training: bool) -> Any:
        """What a step gives, called as it is to be."""

        def called() -> Any:
            with self.recording(record, training):
                if self._autocast is nullcontext:
                    return call()
                with self._autocast():
                    return call()

        return called() if self._beside is None else in_another_thread(called, self._beside)

    def handed(self, leaf: torch.Tensor) -> torch.Tensor:
        """x as a layer inside others has it: not made by hand, but given by an operation."""
        return leaf if self._parent is None or not leaf.requires_grad else leaf.view_as(leaf)

    @contextmanager
    def recording(self, record: bool, training: bool) -> Iterator[None]:
        """In which a step is called."""
        usual = torch.get_default_dtype()
        if self._wide_default:
            torch.set_default_dtype(torch.float64)
        try:
            if record and torch.is_grad_enabled():  # in no context, which would hide what the step leaves
                yield
            else:
                with (
                    torch.inference_mode()
                    if self._inference and not record and not training
                    else torch.set_grad_enabled(record)
                ):
                    yield
        finally:
            if self._wide_default:
                torch.set_default_dtype(usual)

    def tensor(self, x: Placement, device: str) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch and the buffer it lies in; over the last one, if it is to be so and that has the same form."""
        if self._over_the_last and self._last is not None and self._last[0].lies_as(x):
            _, tensor, buffer = self._last
            buffer.data.copy_(copied(x.buffer, device))  # .data: no version counter notices
        else:
            tensor, buffer = to_tensor(x, device)
        self._over_the_last, self._last = False, (x, tensor, buffer)
        return tensor, buffer
