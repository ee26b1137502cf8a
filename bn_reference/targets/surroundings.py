"""What a step must leave as it is in Python and NumPy, whatever library the layer is of."""

from __future__ import annotations

import gc
import pickle
import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["SETTINGS", "Setting", "of_python"]

Setting = tuple[Callable[[], Any], Callable[[Any], Any]]  # how it is read, and how it is set
SETTINGS: dict[str, Setting] = {
    "the garbage collector of Python": (gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
}


class _Unused(UserWarning):
    """Of which there are none: a filter for it, in front, shows whether another is put there."""


def of_python(*, stir: bool) -> dict[str, object]:
    """What is drawn and listed, by name; ``stir`` draws first, so that whoever sets a state is seen a second time too."""
    if stir:
        random.random()
        np.random.random()  # noqa: NPY002 -- as below
        warnings.simplefilter("default", _Unused)
    of_numpy = np.random.get_state()  # noqa: NPY002 -- that which everybody shares
    return {
        "the random state of Python": random.getstate(),
        "the random state of NumPy": pickle.dumps(of_numpy),
        "the list of warning filters": tuple(warnings.filters),
    }
