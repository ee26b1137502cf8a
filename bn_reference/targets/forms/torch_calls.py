"""Other ways to call a layer of torch: inside autocast, and in another thread while this one evaluates a copy."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch

from bn_reference.cases.case import Case
from bn_reference.cases.others import another_batch
from bn_reference.targets.forms.torch_kernels import Operations
from bn_reference.targets.forms.torch_tensors import copied
from bn_reference.targets.protocol import Unsupported

__all__ = ["Beside", "autocast_of", "in_another_thread"]

WIDE = ("float32", "float64")  # inputs of which autocast makes nothing but for the products that it narrows
NARROWED = {"cpu": torch.bfloat16}  # to what autocast narrows products; elsewhere to float16

# what autocast widens, or brings to the widest of what it is given: of inputs that are wide it makes nothing else (docs of
# torch.amp, "CUDA Ops that can autocast to float32" and "that promote to the widest input type", and those of the CPU)
NEVER_NARROWED = {
    *("addcdiv", "addcmul", "atan2", "cat", "cumprod", "cumsum", "dist", "erfinv", "exp", "expm1", "index_copy", "index_put"),
    *("log", "log10", "log1p", "log2", "norm", "pow", "prod", "reciprocal", "renorm", "rsqrt", "scatter_add", "stack", "sum"),
}

_known: dict[tuple[Any, ...], bool] = {}  # whether autocast leaves alone what a layer of these classes is made of


def autocast_of(module: torch.nn.Module, case: Case, device: torch.device) -> Callable[[], AbstractContextManager[Any]]:
    """A context in which autocast is on, and changes no number of an honest layer's.

    Autocast narrows products (mm, addmm, bmm, convolutions), and widens what it knows to need it; batch norm is neither. A
    layer that is made of something of the kind computes less exactly there by its caller's wish, and is not asked.

    Raises:
        Unsupported: the device has no autocast, the inputs are halves, which autocast may widen, or the layer is such a one.
    """
    kind = device.type
    if case.pair.input not in WIDE or not torch.amp.is_autocast_available(kind):
        raise Unsupported("autocast is not asked for there")
    key = (kind, case.x.ndim, case.affine, case.tracks, str(case.pair), *map(type, module.modules()))
    if key not in _known:
        _known[key] = _is_left_alone(module, case, device)
    if not _known[key]:
        raise Unsupported("it is made of operations that autocast narrows or widens")
    return lambda: torch.autocast(kind, dtype=NARROWED.get(kind, torch.float16))


def _is_left_alone(module: torch.nn.Module, case: Case, device: torch.device) -> bool:
    """Whether a copy of the layer, there and back, runs nothing that autocast makes something else of."""
    batch = copied(another_batch(case, 0), str(device)).requires_grad_()
    try:
        with Operations() as operations:
            for training in (True, False):
                copy.deepcopy(module).train(training)(batch).sum().backward()
    except Exception as error:
        raise Unsupported("it is not seen what it is made of") from error
    return not any(_is_changed(name, device.type) for name in operations.names)


def _is_changed(name: str, kind: str) -> bool:
    """Whether autocast makes something else of an operation, for all that is known."""
    named = name.partition("::")[2].partition(".")[0].rstrip("_")
    return named not in NEVER_NARROWED and torch._C._dispatch_has_kernel_for_dispatch_key(name, f"Autocast{kind.upper()}")


class Beside:
    """A copy of a layer, and a batch of its own that it evaluates while something else is called."""

    def __init__(self, module: torch.nn.Module, case: Case, device: torch.device) -> None:
        try:
            self._module = copy.deepcopy(module).eval()
        except Exception as error:
            raise Unsupported("a layer that cannot be copied") from error
        self._batch = copied(another_batch(case, 2), str(device))

    def evaluated(self) -> None:
        """Evaluate it; whatever is raised is told where a layer is asked for that by itself."""
        with contextlib.suppress(Exception), torch.no_grad():
            self._module(self._batch)


def in_another_thread(call: Callable[[], Any], beside: Beside) -> Any:
    """What a call gives in a fresh thread, while this one evaluates a copy, and once more afterwards; what it raises is raised
    here.

    Whoever interrupts this thread, on which alone signals arrive, ends the other one as far as Python goes on in it.
    """
    results: list[Any] = []
    errors: list[BaseException] = []
    known = np.geterr()

    def run() -> None:
        try:
            with np.errstate(**known):
                results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        beside.evaluated()
        thread.join()
    except BaseException:
        if thread.ident is not None and thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
        raise
    if errors:
        raise errors[0]
    beside.evaluated()
    return results[0]
