"""A wrapper for a target that no form recognizes: some twenty-five lines of ``Functional``, with the gaps marked."""

from __future__ import annotations

import inspect
import os
from typing import Any

__all__ = ["wrapper_of"]

WRAPPER = '''\
"""{name}, as bn-reference calls it: fill in what is marked GAP, then bn-reference verify THIS_FILE:Wrapped."""

{imported}

from bn_reference import Functional


class Wrapped(Functional):
    """Arrays are NumPy arrays: x is (N, C) or (N, C, L), the others are (C,), or None where there are none."""

    name = {name!r}
    # GAP: take out what holds of it, and change it to what it has
    # dtypes = ("float32",)  # instead of all four
    # dimensions = (2,)      # (N, C) alone
    # eps = 1e-5             # if it is fixed
    # momentum = (0.1,)      # likewise; the weight of the new batch

    def forward(self, x, weight, bias, mean, var, training, eps, momentum):
        # GAP: call it, in training or in eval, with these parameters and statistics; it is called as
        #     {call}
        y = {attribute}(x)
        return y, mean, var  # GAP: in training the statistics after the step; y alone where it has none

    def backward(self, grad_y, x, weight, bias, mean, var, training, eps, momentum):
        # GAP: grad_x, grad_weight, grad_bias; take the method out where it has no backward pass
        raise NotImplementedError("there is no backward pass")
'''


def wrapper_of(target: str) -> str:
    """The code of a wrapper for ``module:attribute`` or ``path/to/file.py:attribute``.

    Raises:
        UnusableTarget: there is no such thing.
    """
    from bn_reference.targets.locating import locate

    thing = locate(target)
    place, _, path = target.rpartition(":")
    if place.endswith(".py") or os.sep in place:
        folder, stem = os.path.split(os.path.abspath(place))
        imported = f"import sys\n\nsys.path.insert(0, {folder!r})\nimport {stem.removesuffix('.py')}"
        module = stem.removesuffix(".py")
    else:
        imported, module = f"import {place}", place
    return WRAPPER.format(name=target, imported=imported, call=_call(path, thing), attribute=f"{module}.{path}")


def _call(path: str, thing: Any) -> str:
    try:
        return f"{path}{inspect.signature(thing)}"
    except (TypeError, ValueError):
        return f"{path}(...)"
