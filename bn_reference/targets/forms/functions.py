"""Functions of a batch, its parameters and its running statistics, in NumPy or torch; and their backward pass beside them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from types import FunctionType, ModuleType
from typing import Any

from bn_reference.cases.case import Case
from bn_reference.cases.domain import Domain
from bn_reference.support.compiling import left_uncompiled
from bn_reference.support.threads import on_threads
from bn_reference.targets.forms.devices import require_device
from bn_reference.targets.forms.function_arguments import FORM, Arguments, arguments_of
from bn_reference.targets.forms.function_arrays import arrays_named
from bn_reference.targets.forms.function_findings import Findings, findings_of
from bn_reference.targets.forms.function_manner import Manner
from bn_reference.targets.forms.function_session import FunctionSession
from bn_reference.targets.forms.near import Near
from bn_reference.targets.protocol import Implementation, Session, UnusableTarget

__all__ = ["FunctionImplementation", "recognize"]

BACKWARD = (("forward", "backward"), ("fwd", "bwd"), ("fprop", "bprop"), ("Forward", "Backward"))


class FunctionImplementation(Implementation):
    """A function, for which the parameters and the running statistics are kept between its calls."""

    def __init__(self, manner: Manner, findings: Findings, name: str, device: str) -> None:
        self.manner, self.name, self.device = manner, name, device
        self.domain: Domain = findings.domain
        self.form, self.notes = findings.form, findings.notes
        self.momentum_weights = manner.weights

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        return FunctionSession(self.manner, case, trainable, input_gradient)

    def with_threads(self, number: int) -> AbstractContextManager[None]:
        return on_threads(number) if self.manner.arrays.records else super().with_threads(number)

    def kernels(self, case: Case, *, training: bool) -> frozenset[str] | None:
        if not self.manner.arrays.records:
            return frozenset()
        from bn_reference.targets.forms.torch_kernels import kernels_of

        return kernels_of(self, case, training)


def recognize(name: str, thing: object, device: str = "cpu") -> Implementation | Near | None:
    """The function, as something that layers can be made of; what is missing of that; None where it is no such function.

    Raises:
        UnusableTarget: it is a backward pass, it runs on an accelerator alone, or the device cannot be used.
    """
    owner = getattr(thing, "__self__", None)
    if isinstance(owner, type) and _is_autograd_function(owner):  # named by its apply
        thing = owner
    called, beside = _called(thing)
    if called is None:
        return None
    if (forward := _forward_of(thing)) is not None:
        rule = f"must be the function whose gradients those are; name {forward} instead"
        raise UnusableTarget(f"the target {name} is a backward pass, but {rule}")
    written = _written(thing)
    arguments = arguments_of(called, written, skip=_contexts(thing))
    if arguments is None and inspect.isbuiltin(called) and "norm" in called.__name__.lower():
        return Near(FORM, "it is built in, and does not say what its arguments are; name a function that calls it", marks=3)
    if not isinstance(arguments, Arguments):
        return arguments
    if device != "cpu" and (torch := sys.modules.get("torch")) is not None:
        require_device(torch, device)
    failed: list[str] = []
    libraries = _libraries(written or called, device)
    for library in libraries:
        found = findings_of(Manner(arguments, arrays_named(library, device), {}), beside, name, device)
        if isinstance(found, Findings):
            implementation = FunctionImplementation(found.manner, found, name, device)
            implementation.notes += left_uncompiled(thing)
            return implementation
        failed.append(found)
    if "torch" in libraries:  # what refuses to be recorded may go forward all the same
        found = findings_of(Manner(arguments, arrays_named("torch", device), {}, alone=True), None, name, device)
        if isinstance(found, Findings):
            return FunctionImplementation(found.manner, found, name, device)
    return Near(FORM, failed[0], len(arguments.roles))


def _called(thing: Any) -> tuple[Callable[..., Any] | None, Callable[..., Any] | None]:
    """What is called, and its backward pass, which stands beside it under a name that says so."""
    if isinstance(thing, type):
        if _is_autograd_function(thing):
            return thing.apply, None  # type: ignore[attr-defined]
        forward = inspect.getattr_static(thing, "forward", None)
        if isinstance(forward, staticmethod):
            backward = inspect.getattr_static(thing, "backward", None)
            return forward.__func__, backward.__func__ if isinstance(backward, staticmethod) else None
        return None, None
    if not callable(thing) or isinstance(thing, ModuleType):
        return None, None
    return thing, _sibling(thing)


def _is_autograd_function(thing: type) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and issubclass(thing, torch.autograd.Function)


def _written(thing: Any) -> Callable[..., Any] | None:
    """Where the arguments have names, if what is called has none."""
    return thing.forward if isinstance(thing, type) and _is_autograd_function(thing) else None  # type: ignore[attr-defined]


def _contexts(thing: Any) -> int:
    """How many contexts stand before the arguments: that of an autograd function, unless it is set up by itself."""
    if _written(thing) is None:
        return 0
    torch = sys.modules["torch"]
    return int(thing.setup_context is torch.autograd.Function.setup_context)


def _sibling(function: Any) -> Callable[..., Any] | None:
    """``batchnorm_backward(dout, cache)`` beside ``batchnorm_forward`` or ``batchnorm``."""
    name, place = getattr(function, "__name__", ""), _namespace(function)
    names = [name.replace(forward, backward) for forward, backward in BACKWARD if forward in name]
    names += [f"{name}_backward", f"{name}_bwd", f"{name}_back", f"{name}Backward", f"backward_{name}"]
    for candidate in names:
        sibling = getattr(place, candidate, None)
        if callable(sibling):
            found: Callable[..., Any] = sibling
            return found
    return None


def _forward_of(function: Any) -> str | None:
    """The name of the function that stands beside ``batchnorm_backward(dout, cache)``, and is what it goes back through."""
    name, place = getattr(function, "__name__", ""), _namespace(function)
    names = [name.replace(backward, forward) for forward, backward in BACKWARD if backward in name]
    return next((other for other in names if callable(getattr(place, other, None))), None)


def _namespace(function: Any) -> Any:
    """The module, or the class in it, that a function is written in."""
    place: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    for part in getattr(function, "__qualname__", "").split(".")[:-1]:
        place = getattr(place, part, None)
    return place


def _libraries(function: Any, device: str) -> list[str]:
    """Whose arrays to try, the likeliest first: those of the library whose names its code uses."""
    installed = find_spec("torch") is not None
    if device != "cpu":
        return ["torch"] if installed else []
    order = ["torch", "numpy"] if "torch" in _used(function) else ["numpy", "torch"]
    return [library for library in order if library == "numpy" or installed]


def _used(function: Any) -> set[str]:
    """The packages whose modules, classes and functions a function's code names, or its annotations."""
    inner = inspect.unwrap(getattr(function, "func", function)) if callable(function) else function
    place = str(getattr(inner, "__module__", ""))
    names = {place.partition(".")[0]}
    if isinstance(inner, FunctionType):
        for name in inner.__code__.co_names:
            thing = inner.__globals__.get(name)
            origin = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", "")
            names.add(str(origin).partition(".")[0])
        names.update(str(text).partition(".")[0] for text in inner.__annotations__.values())
        names.update("torch" for text in inner.__annotations__.values() if "Tensor" in str(text))
    return names
