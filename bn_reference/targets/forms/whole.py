"""Form: layers with the whole constructor of ``torch.nn.BatchNorm1d``, of torch or of NumPy, held to torch's whole contract."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import numpy as np

from bn_reference.support.compiling import left_uncompiled
from bn_reference.targets.border import said
from bn_reference.targets.forms.arrays import is_module
from bn_reference.targets.forms.construction import Constructor
from bn_reference.targets.forms.devices import require_device, warm_up
from bn_reference.targets.forms.modules import MODULE, recognized
from bn_reference.targets.forms.near import Near
from bn_reference.targets.protocol import Implementation, Unsupported, UnusableTarget

__all__ = ["recognize"]

FORM = "a layer with the constructor of torch.nn.BatchNorm1d"
ARGUMENTS = {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}  # and num_features, device, dtype
LAYER = ("train", "eval", "backward", "state_dict", "load_state_dict")  # what a NumPy layer has
OF_IMAGES = ("2d", "3d")  # in the name of a class
NAMES = ("weight", "bias", "running_mean", "running_var")


def recognize(name: str, thing: Any, device: str) -> Implementation | Near | None:
    """A class or factory that takes all seven arguments, and builds a module of torch or a layer like ``bn_reference``'s.

    Raises:
        UnusableTarget: the device cannot be used.
    """
    layer = _built(thing, device)
    if isinstance(layer, Near):
        return layer
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(layer, torch.nn.Module):
        found = _called_otherwise(name, thing, layer, device)
        if found is not None:
            return found
        from bn_reference.targets.forms.torch_module import TorchImplementation

        warm_up(torch)
        implementation = TorchImplementation(thing, name, device)
        implementation.notes = left_uncompiled(layer)
        return implementation
    if callable(layer) and all(callable(getattr(layer, method, None)) for method in LAYER):
        if device != "cpu":
            raise UnusableTarget(
                f"the device is {device!r}, but {name} builds NumPy layers, which live on the CPU; use the device cpu"
            )
        from bn_reference.targets.forms.numpy_layer import NumpyImplementation

        return NumpyImplementation(thing, name)
    return None


def _built(factory: Any, device: str) -> Any:
    torch = sys.modules.get("torch")
    if _takes_device(factory):
        if torch is not None:
            require_device(torch, device)
        return _probe(factory, {**ARGUMENTS, "device": device, "dtype": None if torch is None else torch.float32})
    layer = _probe(factory, {**ARGUMENTS, "dtype": np.dtype(np.float32)})
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(layer, torch.nn.Module):
        return _probe(factory, {**ARGUMENTS, "device": device, "dtype": torch.float32})  # says that device is refused
    return layer


def _takes_device(factory: Any) -> bool:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(p.name == "device" or p.kind is p.VAR_KEYWORD for p in parameters)


def _probe(factory: Any, arguments: dict[str, Any]) -> Any:
    try:
        return factory(3, **arguments)
    except (Exception, SystemExit) as error:
        call = ", ".join(["3", *(f"{key}={value}" for key, value in arguments.items())])
        return Near(FORM, f"it refuses the arguments ({call}): {said(error)}", marks=0)


def _called_otherwise(name: str, thing: Any, layer: Any, device: str) -> Implementation | Near | None:
    """What has torch's constructor, but names of its own for what it keeps, or another shape for its batches.

    What is missing of a layer for images is said, as nothing can be asked of it otherwise; what has neither names that are
    known nor parts that are found is held to torch's contract as it stands.
    """
    if type(layer).__name__ == "OptimizedModule":  # whose first call compiles it
        return None
    of_images = all(hasattr(layer, own) for own in NAMES)
    if of_images and not _is_of_images(sys.modules["torch"], layer, device):
        return None
    whole = Constructor.whole(thing, device=_takes_device(thing))
    found = recognized(name, thing, device, MODULE, is_module, whole=whole)
    return found if of_images or isinstance(found, Implementation) else None


def _is_of_images(torch: Any, layer: Any, device: str) -> bool:
    """Whether it takes batches with axes of height and width alone."""
    named = any(mark in kind.__name__.lower() for kind in type(layer).__mro__ for mark in OF_IMAGES)
    if not named and not _checks_for_images(torch, layer):
        return False  # what it does with a batch is for the verification to see
    shapes = ((12, 3), (4, 3, 10)), ((4, 3, 5, 2), (4, 3, 5, 2, 1))
    return not any(_takes(torch, layer, shape, device) for shape in shapes[0]) and any(
        _takes(torch, layer, shape, device) for shape in shapes[1]
    )


def _checks_for_images(torch: Any, layer: Any) -> bool:
    """Whether torch's own check of a batch's axes, which a layer of another name may have, lets images alone pass."""
    check = getattr(layer, "_check_input_dim", None)
    if not callable(check):
        return False

    def passes(*shape: int) -> bool:
        try:
            check(torch.empty(shape))
        except Exception:  # NotImplementedError, of a base class, as well
            return False
        return True

    return not passes(12, 3) and not passes(4, 3, 10) and (passes(4, 3, 5, 2) or passes(4, 3, 5, 2, 1))


def _takes(torch: Any, layer: Any, shape: tuple[int, ...], device: str) -> bool:
    try:
        with torch.no_grad():
            layer(torch.linspace(-1.0, 1.0, int(np.prod(shape)), device=device).reshape(shape))
    except (NotImplementedError, Unsupported):
        return True  # it says itself what it does not take
    except Exception:  # each module refuses a shape with an exception of its own
        return False
    return True
