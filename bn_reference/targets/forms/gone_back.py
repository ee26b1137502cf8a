"""What a backward pass returns: the gradient of x, and those of weight and bias in their order or under their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bn_reference.targets.forms.names import ALIASES

__all__ = ["MARKS", "role_of_gradient", "taken_out"]

PARAMETERS = ("weight", "bias")
MARKS = re.compile(r"^(?:grads?_?|d_?l(?:oss)?_?d_?|d_?)|_?grads?$")  # of a gradient's name: dgamma, dLdBW, weight_grad


def role_of_gradient(name: str) -> str | None:
    """Of which parameter a name says that it is the gradient: it is marked as one, and the rest is what people call it."""
    stem = MARKS.sub("", plain := name.strip("_").lower(), count=1).strip("_")
    return next((role for role in PARAMETERS if stem in ALIASES[role]), None) if stem != plain else None


def taken_out(came: Any) -> tuple[list[Any], dict[str, Any]]:
    """Values in their order, with what stood in inner lists, and those that dictionaries have under a name that says whose."""
    values: list[Any] = []
    named: dict[str, Any] = {}
    for item in came if isinstance(came, tuple | list) else (came,):
        if isinstance(item, Mapping):
            roles = {key: role_of_gradient(str(key)) for key in item}
            named.update({role: item[key] for key, role in roles.items() if role is not None})
            values += [item[key] for key, role in roles.items() if role is None]
        else:
            values += item if isinstance(item, tuple | list) else [item]
    return values, named
