"""Form: models of kernel benchmarks, whose module says with what they are built and what they are called with.

``get_init_inputs()`` gives the arguments of the constructor, ``get_inputs()`` a batch; ``Model`` is the reference, ``ModelNew``
what is measured against it.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bn_reference.cases.layouts import place
from bn_reference.targets.border import said
from bn_reference.targets.forms.accelerators import require_none
from bn_reference.targets.forms.arrays import is_module
from bn_reference.targets.forms.formed import FormedLayers
from bn_reference.targets.forms.modules import recognized
from bn_reference.targets.forms.near import Near
from bn_reference.targets.forms.probing import probe_case

__all__ = ["recognize"]

FORM = "a model of a kernel benchmark, built with what get_init_inputs() gives"
MARKS = 9  # two functions of such names stand in no other module
SIZES = (4, 5, 2, 3)  # of axes other than the channels', in a first small batch
KERNELS = {"Triton": "triton.jit", "CUDA": "cuda_sources"}  # and what in a file says that there are some


def recognize(name: str, thing: Any, device: str) -> FormedLayers | Near | None:
    """A class of modules beside ``get_init_inputs`` and ``get_inputs``; with our number of channels, if it takes any.

    Raises:
        UnusableTarget: it runs on an accelerator alone.
    """
    module = sys.modules.get(getattr(thing, "__module__", ""))
    given, inputs = getattr(module, "get_init_inputs", None), getattr(module, "get_inputs", None)
    torch = sys.modules.get("torch")
    if torch is None or not (isinstance(thing, type) and issubclass(thing, torch.nn.Module) and callable(given) and inputs):
        return None
    try:
        own = _arguments(thing, list(given()))
    except Exception as error:
        return Near(FORM, f"its get_init_inputs() raises {said(error)}", MARKS)
    batch = _batch_of(torch, inputs)
    try:
        _run(torch, thing, own, batch, device)
    except Exception as error:
        require_none(name, error, device)
        return Near(FORM, f"it fails with its own arguments and a batch of its own form: {said(error)}", MARKS)
    found: FormedLayers | Near | None = None
    for build in _builders(thing, own, None if batch is None else len(batch)):
        found = recognized(name, build, device, FORM, is_module)
        if isinstance(found, FormedLayers):
            found.form = found.form.replace(FORM.removeprefix("a "), "model of a kernel benchmark")
            found.notes += _without_kernels(module, device)
            return _as_it_is_used(found)
    return Near(FORM, found.missing, MARKS) if isinstance(found, Near) else found


def _arguments(model: Any, given: list[Any]) -> list[Any]:
    """What the model is built with: the list itself, or a list of arguments and a dictionary of options by their names.

    Raises:
        TypeError: the model does not take them.
    """
    if len(given) != 2 or not isinstance(given[0], list | tuple) or not isinstance(given[1], dict):
        return given
    bound = inspect.signature(model).bind(*given[0], **given[1])
    if bound.kwargs:
        bound.apply_defaults()  # as one before another that is given is left out
    return given if bound.kwargs else list(bound.args)


def _batch_of(torch: Any, inputs: Callable[[], Any]) -> tuple[int, ...] | None:
    """The shape of the one batch that the model is called with, without making it: it may be gigabytes; None: not known."""
    try:
        with torch.device("meta"):
            batches = list(inputs())
    except Exception:  # one that asks for a device of its own
        return None
    return tuple(batches[0].shape) if len(batches) == 1 and isinstance(batches[0], torch.Tensor) else None


def _run(torch: Any, model: Any, own: list[Any], batch: tuple[int, ...] | None, device: str) -> None:
    """Build it as it is built there, and let it see a small batch of that form; whatever it raises is raised."""
    layer = model(*own).to(device)
    if batch is not None and len(batch) > 1:
        shape = (SIZES[0], batch[1], *SIZES[1 : len(batch) - 1])
        values = np.linspace(-1.0, 1.0, int(np.prod(shape)), dtype=np.float32).reshape(shape)
        layer(torch.from_numpy(values).to(device))


def _builders(model: Any, own: list[Any], ndim: int | None) -> list[Callable[..., Any]]:
    """What builds it: with our number of channels in place of its own, then as it is."""

    def of_these_axes(layer: Any) -> Any:
        if ndim is not None:
            layer.register_forward_pre_hook(_check)
        return layer

    def _check(layer: Any, arguments: Any) -> None:
        if arguments[0].dim() != ndim:
            raise ValueError(f"a model that get_inputs() gives a batch of {ndim} axes is handed one of {arguments[0].dim()}")

    def with_channels(num_features: int, **options: Any) -> Any:
        return of_these_axes(model(num_features, *own[1:], **options))

    def as_it_is() -> Any:
        return of_these_axes(model(*own))

    sized = bool(own) and isinstance(own[0], int) and not isinstance(own[0], bool)
    if sized:
        with_channels.__signature__ = _signature(model, len(own))  # type: ignore[attr-defined]
    return [with_channels, as_it_is] if sized else [as_it_is]


def _as_it_is_used(found: FormedLayers) -> FormedLayers:
    """The same, without what such models leave out as benchmarks never ask for it: a way back, an inner layer's counter."""
    case = found.domain.within(probe_case())
    try:
        session: Any = found.open(case)
        step: Any = session.forward(place(case.x, case.layout), training=True)
        batches, tensor = session.state().batches, step.tensor
    except Exception:  # told where the layer is judged
        return found
    if not getattr(tensor, "requires_grad", True):
        found.plan = replace(found.plan, backward="", evaluation_gradients=False)
    counter = found.plan.slots.get("num_batches_tracked")
    if counter is not None and len(counter.path) > 1 and case.tracks and batches == case.batches:
        slots = {role: slot for role, slot in found.plan.slots.items() if slot is not counter}
        found.plan = replace(found.plan, slots=slots)
        found.notes += (f"{counter.name} never moves, and is not asked for: the model itself counts nothing",)
    return found


def _signature(model: Any, given: int) -> inspect.Signature:
    """A number of channels, and the options that the model takes beside what it is given."""
    nameable = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    options = [p for p in list(inspect.signature(model).parameters.values())[given:] if p.kind in nameable]
    first = inspect.Parameter("num_features", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([first, *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in options)])


def _without_kernels(module: Any, device: str) -> tuple[str, ...]:
    """A note where its file has kernels that cannot run on the device."""
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError):
        return ()
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    idle = [kind for kind, mark in KERNELS.items() if mark in source and not (kind == "Triton" and interpreted)]
    if device != "cpu" or not idle:
        return ()
    return (f"its {' and '.join(idle)} kernels do not run on the CPU: what it does without them is verified",)
