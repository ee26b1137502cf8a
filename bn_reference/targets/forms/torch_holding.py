"""What a module of torch shows of itself, and what it holds on to."""

from __future__ import annotations

import contextlib
import gc
import re
from collections import deque
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from bn_reference.targets.protocol import Unsupported

__all__ = ["TorchMemory", "shown_by"]

OF_TORCH = re.compile(r"(?:num_features=)?\d+, (\w+=[^,=]+, )*\w+=[^,=]+")  # as torch's batch norms show themselves
CONTAINERS = (list, tuple, set, frozenset, dict, deque)
DEEPEST = 4


def shown_by(module: torch.nn.Module) -> dict[str, str]:
    """The arguments that ``extra_repr`` shows, by name.

    Raises:
        Unsupported: it shows nothing, or shows it otherwise than torch's batch norms do.
    """
    shown = module.extra_repr()
    if not isinstance(shown, str) or not OF_TORCH.fullmatch(shown):
        raise Unsupported("its extra_repr is not torch's")
    first, *others = shown.split(", ")
    return {"num_features": first.rpartition("=")[2], **dict(part.split("=") for part in others)}


class TorchMemory:
    """The memory of the inputs and outputs of a layer's steps since it was first asked about, held weakly."""

    def __init__(self) -> None:
        self._storages: set[Any] = set()  # memory that comes again is one
        self._asked = False

    def note(self, *tensors: Any) -> None:
        """What came into a step and out of it."""
        for tensor in tensors if self._asked else ():
            with contextlib.suppress(Exception):  # no tensor, or none that has memory of its own: a sparse one, a fake one
                self._storages.add(StorageWeakRef(tensor.untyped_storage()))

    def held(self, module: torch.nn.Module, sure: bool) -> int:
        """How many of them are alive, and how many things the layer's own containers list."""
        self._asked = True
        if sure or self._alive():
            gc.collect(2 if sure else 0)  # what only points at itself nobody holds
        return self._alive() + sum(_listed(value, DEEPEST) for part in module.modules() for value in vars(part).values())

    def _alive(self) -> int:
        return sum(not storage.expired() for storage in self._storages)


def _listed(value: Any, depth: int) -> int:
    if not isinstance(value, CONTAINERS):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return len(value) + (sum(_listed(each, depth - 1) for each in list(inner)) if depth else 0)
