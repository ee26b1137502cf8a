"""How a layer is built: which of the arguments of torch's constructor a class or factory takes, and under which names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bn_reference.targets.forms.names import AXIS, BIAS, CHANNELS, DIMENSIONS, EPS, MEAN, MOMENTUM, VAR, WEIGHT, named

__all__ = ["ARRAYS", "OPTIONS", "Constructor", "Unbuildable"]

OPTIONS: dict[str, tuple[str, ...]] = {  # roles, and what people call the arguments
    "eps": EPS,
    "momentum": MOMENTUM,
    "affine": ("affine",),
    "tracks": ("track_running_stats", "track_stats"),
    "device": ("device",),
    "dtype": ("dtype",),
    "dimensions": DIMENSIONS,
    "weight": WEIGHT[:4],
    "bias": BIAS[:4],
    "running_mean": MEAN,
    "running_var": VAR,
}
ARRAYS = ("weight", "bias", "running_mean", "running_var")  # some constructors are given what others make for themselves
NAMEABLE = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
FIRST = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Unbuildable(Exception):
    """A constructor cannot be called with what a case has; the text is a clause that says why."""


@dataclass(frozen=True)
class Constructor:
    """A class or factory, and the arguments that it takes.

    Attributes:
        thing: what is called.
        sized: whether an argument is the number of channels; else it finds that out from the first batch, or has its own.
        channels: that argument's name, where it is not the first one.
        names: for each role of OPTIONS that it takes, its own name of the argument.
        defaults: the defaults of those that have one.
    """

    thing: Callable[..., Any]
    sized: bool
    names: Mapping[str, str]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    channels: str = ""

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
        if parameters and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:  # whatever its base class takes
            return cls(thing, True, {})
        rest = [p for p in parameters if p.kind in NAMEABLE or p.kind in FIRST]
        first = bool(rest) and rest[0].kind in FIRST and _role(rest[0]) is None and not _is_switch(rest[0])
        rest = rest[1:] if first else rest
        channels = "" if first else named([p.name for p in rest if _role(p) is None], CHANNELS) or ""
        for parameter in rest:
            role = _role(parameter)
            if role is not None and role not in names and parameter.kind in NAMEABLE:
                names[role] = parameter.name
                if parameter.default is not parameter.empty:
                    defaults[role] = parameter.default
            elif parameter.default is parameter.empty and parameter.name != channels:
                hint = "which a function of the number of channels, named instead, may give it"
                raise Unbuildable(f"its constructor needs {parameter.name!r} as well, {hint}")
        return cls(thing, first or bool(channels), names, defaults, channels)

    @classmethod
    def whole(cls, thing: Callable[..., Any], *, device: bool) -> Constructor:
        """Of what takes all of torch's arguments by their own names, which its signature need not show.

        Args:
            thing: what is called.
            device: whether it takes that one as well.
        """
        names = {"eps": "eps", "momentum": "momentum", "affine": "affine", "tracks": "track_running_stats"}
        return cls(thing, True, {**names, **({"device": "device"} if device else {}), "dtype": "dtype"})

    def build(self, channels: int, **values: Any) -> Any:
        """A layer of so many channels, with those of the values (by role) whose arguments it takes."""
        given = {self.names[role]: value for role, value in values.items() if self._gives(role, value)}
        if self.channels:
            given[self.channels] = channels
        return self.thing(channels, **given) if self.sized and not self.channels else self.thing(**given)

    def _gives(self, role: str, value: Any) -> bool:
        """Whether it is given an argument for it: not the CPU where there is None, as some make devices of their own."""
        unsaid = role == "device" and value == "cpu" and role in self.defaults and self.defaults[role] is None
        return role in self.names and not unsaid

    @property
    def is_given_arrays(self) -> bool:
        """Whether it is given weight and bias as arrays, rather than making them."""
        return any(role in self.names for role in ARRAYS)

    def takes(self, role: str) -> bool:
        """Whether it has an argument for a role."""
        return role in self.names

    def said(self, channels: int, **values: Any) -> str:
        """The call, in words."""
        given = [f"{self.names[role]}={value}" for role, value in values.items() if role in self.names]
        return f"({', '.join([*([str(channels)] if self.sized else []), *given])})"


def _role(parameter: inspect.Parameter) -> str | None:
    role = next((role for role, aliases in OPTIONS.items() if named([parameter.name], aliases)), None)
    if role in ARRAYS and isinstance(parameter.default, (bool, str)):
        return None  # a switch that says whether there is one
    return role


def _is_switch(parameter: inspect.Parameter) -> bool:
    """Whether it is no number of channels, as far as its name and default say: channels have none, or a positive number."""
    default = parameter.default
    if named([parameter.name], AXIS) is not None:
        return True
    return default is not parameter.empty and (isinstance(default, bool) or not isinstance(default, int) or default < 1)
