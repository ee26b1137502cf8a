"""What happens to any layer that is an object beside its steps.

The script of a violation has the statements of these functions, with its own names in the place of their arguments: they need
what is imported here alone, and nothing of this package.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

__all__ = ["HAPPENINGS", "Happening"]

Happening = Callable[..., Any]  # the layer and what else it names; gives the layer that goes on


def _copied(layer: Any) -> Any:
    return copy.deepcopy(layer)


def _pickled(layer: Any) -> Any:
    return pickle.loads(pickle.dumps(layer))


def _loaded(layer: Any) -> Any:
    layer.load_state_dict(layer.state_dict())
    return layer


HAPPENINGS: dict[str, Happening] = {"copy": _copied, "pickle": _pickled, "load": _loaded}
