"""From what a user writes to an implementation: ``module:attribute``, ``path/to/file.py:attribute``, or the object itself.

Whatever is wrong raises UnusableTarget with one sentence. Frameworks are imported by the target, never here for its own sake.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from types import ModuleType
from typing import Any

import numpy as np

from bn_reference.targets.adapters import adapter_of
from bn_reference.targets.border import kind_of, said
from bn_reference.targets.frameworks.known import adapter_named, adapter_of_class
from bn_reference.targets.protocol import Implementation, UnusableTarget

__all__ = ["FORMS", "load_target", "name_of"]

EXTRAS = {"torch": "pip install 'bn-reference[torch]'"}  # what to do where a package is missing
FORMS = "module:attribute or path/to/file.py:attribute"
ARGUMENTS = {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}  # and num_features, device, dtype
LAYER = ("train", "eval", "backward", "state_dict", "load_state_dict")  # what a NumPy layer has


def load_target(target: object, device: str = "cpu") -> Implementation:
    """The implementation that a target stands for, after one layer of three channels was built to see that it can be.

    Args:
        target: ``module:attribute``, ``path/to/file.py:attribute``, a class or factory of layers, or an adapter.
        device: where a torch layer and its arrays lie.

    Raises:
        UnusableTarget: with the sentence that says why and what to do.
    """
    known = adapter_named(target) if isinstance(target, str) else adapter_of_class(target)
    if known is not None:
        return adapter_of(*known, device)
    name, thing = (target, _resolve(target)) if isinstance(target, str) else (name_of(target), target)
    if isinstance(thing, Implementation) or (isinstance(thing, type) and issubclass(thing, Implementation)):
        return adapter_of(name, thing, device)
    if not isinstance(target, str):
        _require_builder(target)
    if not callable(thing):
        rule = "must be a class or a function that builds a layer, or an adapter; name one of those"
        raise UnusableTarget(f"the target {name} is of type {type(thing).__name__}, which cannot be called, but it {rule}")
    from bn_reference.targets.forms import functions

    found = functions.recognize(name, thing, device)
    if isinstance(found, Implementation):
        return found
    layer = _built(name, thing, device)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(layer, torch.nn.Module):
        from bn_reference.targets.forms.torch_module import TorchImplementation

        _warm_up(torch)
        return TorchImplementation(thing, name, device)
    if callable(layer) and all(callable(getattr(layer, method, None)) for method in LAYER):
        if device != "cpu":
            raise UnusableTarget(
                f"the device is {device!r}, but {name} builds NumPy layers, which live on the CPU; use the device cpu"
            )
        from bn_reference.targets.forms.numpy_layer import NumpyImplementation

        return NumpyImplementation(thing, name)
    kinds = f"neither a torch.nn.Module nor a NumPy layer (callable, with {', '.join(LAYER)})"
    raise UnusableTarget(f"the target {name} builds {kind_of(layer)}, {kinds}; make it return one, or write an adapter")


def name_of(target: object) -> str:
    """``module:attribute`` of an object that was passed instead of its name."""
    known = target if hasattr(target, "__qualname__") else type(target)
    if isinstance(target, Implementation):
        return getattr(target, "name", f"{known.__module__}:{known.__qualname__}")
    return f"{known.__module__}:{known.__qualname__}"


# finding the attribute


def _resolve(spec: str) -> Any:
    place, colon, path = spec.rpartition(":")
    if not colon or not place or not path:
        raise UnusableTarget(f"the target is {spec!r}, but must be {FORMS}; write for example torch.nn:BatchNorm1d")
    module = _file(place) if place.endswith(".py") or os.sep in place or "/" in place else _module(place)
    thing: Any = module
    reached = place
    for part in path.split("."):
        try:
            thing = getattr(thing, part)
        except AttributeError:
            raise UnusableTarget(
                f"{reached} has no attribute {part!r}{_suggestion(part, dir(thing)) or '; check its name'}"
            ) from None
        reached += (":" if reached == place else ".") + part
    return thing


def _module(name: str) -> ModuleType:
    if "" not in sys.path and os.getcwd() not in sys.path:  # as with `python -m`: modules of the working directory count
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name + ".").startswith(error.name + "."):
            raise UnusableTarget(_failed_import(name, error)) from error
        package = error.name.partition(".")[0]
        if package in EXTRAS and sys.modules.get(package) is None:
            raise UnusableTarget(f"there is no module {package!r}; {EXTRAS[package]}") from None
        advice = (
            _suggestion(error.name, _siblings(error.name)) or "; check the name, and that it is installed in this environment"
        )
        raise UnusableTarget(f"there is no module {error.name!r}{advice}") from None
    except (Exception, SystemExit) as error:
        raise UnusableTarget(_failed_import(name, error)) from error


def _siblings(name: str) -> list[str]:
    """Names of the modules beside one that is not there."""
    parent = sys.modules.get(name.rpartition(".")[0])
    places = getattr(parent, "__path__", ())
    return [f"{name.rpartition('.')[0]}.{entry.name}" for entry in pkgutil.iter_modules(places)]


def _file(path: str) -> ModuleType:
    if not os.path.isfile(path):
        what = "is a directory" if os.path.isdir(path) else "is not there"
        raise UnusableTarget(f"the target's file {path} {what}; check the path, which is read from {os.getcwd()}")
    folder, file = os.path.split(os.path.abspath(path))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    stem = file.removesuffix(".py")
    known = sys.modules.get(stem)
    taken = known is not None and os.path.abspath(getattr(known, "__file__", None) or "") != os.path.join(folder, file)
    name = f"_bn_target_{stem}" if taken else stem
    spec = importlib.util.spec_from_file_location(name, os.path.join(folder, file))
    if spec is None or spec.loader is None:
        raise UnusableTarget(f"the target's file {path} is no Python source; name a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UnusableTarget(_failed_import(path, error)) from error
    return module


def _failed_import(name: str, error: BaseException) -> str:
    lacking = error.name if isinstance(error, ModuleNotFoundError) else None
    return f"{name} fails to import: {said(error)}; {EXTRAS.get(lacking or '', 'mend that first')}"


def _suggestion(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, [n for n in names if not n.startswith("_")], n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""


# building a layer to see


def _require_builder(thing: object) -> None:
    """What was passed itself, not by its name, builds layers: it is no name in another guise, and no layer."""
    if not callable(thing):
        said = " ".join(repr(thing).split())[:60]
        raise UnusableTarget(f"the target is {said}, but must be {FORMS}, or what that names; pass 'torch.nn:BatchNorm1d', say")
    if not isinstance(thing, type) and all(hasattr(thing, method) for method in ("train", "eval", "state_dict")):
        raise UnusableTarget("the target is a layer already, but must be what builds layers; pass its class")


def _built(name: str, factory: Any, device: str) -> Any:
    torch = sys.modules.get("torch")
    if _takes_device(factory):
        dtype = None if torch is None else torch.float32
        if torch is not None:
            _require_device(torch, device)
        return _probe(name, factory, {**ARGUMENTS, "device": device, "dtype": dtype})
    layer = _probe(name, factory, {**ARGUMENTS, "dtype": np.dtype(np.float32)})
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(layer, torch.nn.Module):
        return _probe(name, factory, {**ARGUMENTS, "device": device, "dtype": torch.float32})  # says that device is refused
    return layer


def _takes_device(factory: Any) -> bool:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(p.name == "device" or p.kind is p.VAR_KEYWORD for p in parameters)


def _probe(name: str, factory: Any, arguments: dict[str, Any]) -> Any:
    try:
        return factory(3, **arguments)
    except (Exception, SystemExit) as error:
        call = ", ".join(["3", *(f"{key}={value}" for key, value in arguments.items())])
        rule = "its constructor must take the arguments of torch.nn.BatchNorm1d"
        raise UnusableTarget(f"the target {name} refuses the arguments ({call}): {said(error)}; {rule}") from error


def _warm_up(torch: Any) -> None:
    """Go back once: torch then imports more of itself, which the time limit of an example must not interrupt."""
    leaf = torch.ones(2, requires_grad=True)
    torch.autograd.grad(leaf * leaf, leaf, torch.ones(2))  # an upstream gradient is what it imports most for


def _require_device(torch: Any, device: str) -> None:
    try:
        kind = torch.device(device).type
    except (RuntimeError, TypeError, ValueError):
        rule = "it must be one that torch knows; try cpu, cuda, cuda:1 or mps"
        raise UnusableTarget(f"the device is {device!r}, but {rule}") from None
    if kind == "meta":
        raise UnusableTarget("the device is 'meta', whose tensors hold no numbers; choose one that computes, such as cpu")
    try:
        absent = kind == "cuda" and not torch.cuda.is_available()
        torch.zeros(1, device=device).cpu()
    except Exception:  # each backend reports its absence with an exception of its own
        absent = True
    if absent:
        raise UnusableTarget(
            f"the device is {device!r}, but torch finds none here; use the device cpu, or a machine that has it"
        )
