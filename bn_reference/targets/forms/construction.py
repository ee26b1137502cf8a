"""How a layer is built: which of the arguments of torch's constructor a class or factory takes, and under which names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bn_reference.targets.forms.names import DIMENSIONS, EPS, MOMENTUM, named

__all__ = ["OPTIONS", "Constructor", "Unbuildable"]

OPTIONS: dict[str, tuple[str, ...]] = {  # roles, and what people call the arguments
    "eps": EPS,
    "momentum": MOMENTUM,
    "affine": ("affine",),
    "tracks": ("track_running_stats", "track_stats"),
    "device": ("device",),
    "dtype": ("dtype",),
    "dimensions": DIMENSIONS,
}
NAMEABLE = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
FIRST = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Unbuildable(Exception):
    """A constructor cannot be called with what a case has; the text is a clause that says why."""


@dataclass(frozen=True)
class Constructor:
    """A class or factory, and the arguments that it takes.

    Attributes:
        thing: what is called.
        sized: whether its first argument is the number of channels; else it finds that out from the first batch.
        names: for each role of OPTIONS that it takes, its own name of the argument.
        defaults: the defaults of those that have one.
    """

    thing: Callable[..., Any]
    sized: bool
    names: Mapping[str, str]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, thing: Callable[..., Any]) -> Constructor:
        """Read off the signature.

        Raises:
            Unbuildable: it needs an argument that no case has a value for.
        """
        try:
            parameters = list(inspect.signature(thing).parameters.values())
        except (TypeError, ValueError):
            return cls(thing, True, {})
        names: dict[str, str] = {}
        defaults: dict[str, Any] = {}
        rest = [p for p in parameters if p.kind in NAMEABLE or p.kind in FIRST]
        sized = bool(rest) and rest[0].kind in FIRST and _role(rest[0].name) is None and not _is_switch(rest[0])
        for parameter in rest[1:] if sized else rest:
            role = _role(parameter.name)
            if role is not None and role not in names and parameter.kind in NAMEABLE:
                names[role] = parameter.name
                if parameter.default is not parameter.empty:
                    defaults[role] = parameter.default
            elif parameter.default is parameter.empty:
                raise Unbuildable(f"its constructor needs {parameter.name!r} as well")
        return cls(thing, sized, names, defaults)

    def build(self, channels: int, **values: Any) -> Any:
        """A layer of so many channels, with those of the values (by role) whose arguments it takes."""
        given = {self.names[role]: value for role, value in values.items() if role in self.names}
        return self.thing(channels, **given) if self.sized else self.thing(**given)

    def takes(self, role: str) -> bool:
        """Whether it has an argument for a role."""
        return role in self.names

    def said(self, channels: int, **values: Any) -> str:
        """The call, in words."""
        given = [f"{self.names[role]}={value}" for role, value in values.items() if role in self.names]
        return f"({', '.join([*([str(channels)] if self.sized else []), *given])})"


def _role(name: str) -> str | None:
    return next((role for role, aliases in OPTIONS.items() if named([name], aliases)), None)


def _is_switch(parameter: inspect.Parameter) -> bool:
    """Whether it is no number of channels, as far as its default says: channels have none, or a whole number."""
    default = parameter.default
    return default is not parameter.empty and (isinstance(default, bool) or not isinstance(default, int))
