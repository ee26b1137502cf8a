"""Tensors and NumPy arrays, made of each other bit for bit."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import torch

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.cases.case import Array, Seen
from bn_reference.cases.facts import Fact, Kind, Wrong
from bn_reference.cases.layouts import Placement
from bn_reference.targets.border import kind_of
from bn_reference.targets.protocol import Misbehaviour
from bn_reference.targets.surroundings import Setting

__all__ = [
    "SETTINGS",
    "TORCH_DTYPES",
    "answers",
    "copied",
    "from_tensor",
    "in_one_memory",
    "seen",
    "surroundings",
    "to_tensor",
    "zeroed",
]

TORCH_DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


BFLOAT16 = DTYPES["bfloat16"]
PLAIN = (torch.Tensor, torch.nn.Parameter)
SHARED = frozenset({torch.float16, torch.float32, torch.float64})  # which NumPy has, too


def to_tensor(placement: Placement, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A tensor with the placement's strides and offset, and the buffer it lies in; both own their memory."""
    buffer = copied(placement.buffer, device)
    return buffer.as_strided(placement.shape, placement.strides, placement.offset), buffer


def copied(values: Array, device: str) -> torch.Tensor:
    """A contiguous array as a tensor that owns its memory."""
    copy = values.copy()
    shared = copy.dtype != BFLOAT16  # of which NumPy and torch share the bits but not the type
    tensor = torch.from_numpy(copy) if shared else torch.from_numpy(copy.view(np.int16)).view(torch.bfloat16)
    return tensor if device == "cpu" else tensor.to(device)


def from_tensor(tensor: Any, what: str) -> Array:
    """The tensor's values as a NumPy array that shares nothing with it.

    Raises:
        Misbehaviour: it is no tensor, or one that NumPy has no numbers for.
    """
    if not issubclass(type(tensor), torch.Tensor):  # whatever it says of its own class
        raise Misbehaviour(Fact(Kind.NOT_AN_ARRAY, what, kind_of(tensor), "a tensor"))
    if type(tensor) in PLAIN and tensor.dtype in SHARED and tensor.is_cpu:  # as most are
        with contextlib.suppress(RuntimeError, TypeError):  # it is no strided one after all, or marked as negated
            usual: Array = tensor.detach().numpy().copy()
            return usual
    try:
        try:
            plain = tensor.detach().cpu()
        except RuntimeError as error:  # an error of the device's is nothing about the tensor
            if not isinstance(error, NotImplementedError) and tensor.device.type != "cpu":
                raise
            raise TypeError from None
        plain = plain.resolve_conj().resolve_neg().contiguous()
        if plain.dtype == torch.bfloat16:
            halves: Array = plain.view(torch.int16).numpy().view(BFLOAT16).copy()
            return halves
        array: Array = plain.numpy().copy()
    except (RuntimeError, TypeError, NotImplementedError):  # sparse, quantized, meta, eight bits ...
        found = f"a tensor of {tensor.dtype}, {str(tensor.layout).removeprefix('torch.')}, on {tensor.device}"
        raise Misbehaviour(Fact(Kind.NOT_AN_ARRAY, what, found, "a tensor of numbers")) from None
    return array


def seen(tensor: Any, what: str) -> Seen:
    """The same, with what is no such tensor as a value; None stays None."""
    if tensor is None:
        return None
    try:
        return from_tensor(tensor, what)
    except Misbehaviour as misbehaviour:
        return Wrong(misbehaviour.fact)


def in_one_memory(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors lie in the same memory, be it in different parts of it."""
    try:
        return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr() != 0
    except (RuntimeError, NotImplementedError):  # what has no memory of its own shares none
        return False


def zeroed(saved: dict[str, Any]) -> None:
    """Write zeros over the tensors of a saved state."""
    with torch.no_grad():
        for value in saved.values():
            if isinstance(value, torch.Tensor):
                value.zero_()


def answers(device: str) -> bool:
    """Whether the device takes a number and gives it back."""
    if device == "cpu":
        return True
    try:
        return torch.ones(1, device=device).item() == 1.0
    except Exception:  # each backend reports an error that lasts with an exception of its own
        return False


def surroundings(*, stir: bool = False) -> dict[str, object]:
    """What a step must leave as it is in torch, beside what is set; ``stir`` draws a number first."""
    if stir:
        torch.rand(1)
    return {"the random state of torch": torch.get_rng_state().numpy().tobytes()}


def _set_default_device(device: torch.device) -> None:
    """None where it is the CPU: as long as none is set, every call takes less."""
    torch.set_default_device(None if device.type == "cpu" else device)


SETTINGS: dict[str, Setting] = {  # of torch: how each is read, and how it is set
    "the default dtype of torch": (torch.get_default_dtype, torch.set_default_dtype),
    "the default device of torch": (torch.get_default_device, _set_default_device),
    "whether torch records gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "the number of threads of torch": (torch.get_num_threads, torch.set_num_threads),
    "whether torch is deterministic": (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
}
