"""What a module of torch holds, as it is seen: parameters, running statistics, the number of batches."""

from __future__ import annotations

from typing import Any

import torch

from bn_reference.cases.case import Case, State
from bn_reference.cases.facts import Missing, Unseen
from bn_reference.targets.forms.torch_tensors import seen
from bn_reference.targets.protocol import Unsupported

__all__ = ["COUNTER", "UNCOUNTED", "as_state", "attribute", "count"]

COUNTER = "num_batches_tracked"
UNCOUNTED = "momentum=None after other batches, which needs num_batches_tracked"


def attribute(module: Any, name: str) -> Any:
    """A parameter or buffer of the layer; Missing where it has none of that name."""
    try:
        return getattr(module, name)
    except AttributeError:
        return Missing(f"the layer has no attribute {name}")


def count(counter: Any, case: Case) -> None:
    """The counter has counted the case's batches.

    Raises:
        Unsupported: there is none, and the case needs it.
    """
    if isinstance(counter, torch.Tensor):
        counter.fill_(case.batches)
    elif case.momentum is None and case.batches:
        raise Unsupported(UNCOUNTED)


def as_state(mean: Any, var: Any, batches: Any) -> State:
    """The state that these are; all None without tracking."""
    counted = batches if batches is None or isinstance(batches, Unseen) else int(batches)
    if mean is None and var is None:
        return State(None, None, None)
    statistics = (
        each if isinstance(each, Unseen) else seen(each, name) for name, each in (("running_mean", mean), ("running_var", var))
    )
    return State(next(statistics), next(statistics), counted)
