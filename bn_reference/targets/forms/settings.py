"""Constructors that are given one object of settings: a dataclass, or whatever else has the names that they read from it."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

from bn_reference.targets.forms.construction import OPTIONS
from bn_reference.targets.forms.names import CHANNELS, named

__all__ = ["unfolded"]

NAMES = ("config", "cfg", "conf", "args", "hparams", "hyperparameters", "hp", "opt", "opts", "options", "settings")
NUMBERS: dict[str, Any] = {"eps": 1e-5, "momentum": 0.1, "affine": True, "tracks": True}
CHANNEL = "num_features"


class _Settings:
    """An object, or a mapping, that has a value under whatever name stands for the channels, or for an option.

    Attributes:
        asked: the names that were read, by what they stand for.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values, self.asked = dict(values), dict[str, str]()

    def __getattr__(self, name: str) -> Any:
        roles = {CHANNEL: CHANNELS, **{role: OPTIONS[role] for role in NUMBERS}}
        role = next((role for role, aliases in roles.items() if named([name], aliases)), None)
        if role is None or name.startswith("__"):
            raise AttributeError(name)
        self.asked.setdefault(role, name)
        return self._values[role]

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def get(self, name: str, default: Any = None) -> Any:
        """As of a mapping."""
        return getattr(self, name, default)


def unfolded(thing: Callable[..., Any]) -> Callable[..., Any]:
    """What builds the same from a number of channels and options, where the one thing needed is settings; else the thing."""
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        return thing
    needed = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if len(needed) != 1:
        return thing
    kind = _annotated(thing, needed[0])
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _of_dataclass(thing, needed[0].name, kind) or thing
    return (_of_names(thing, needed[0].name) or thing) if named([needed[0].name], NAMES) else thing


def _annotated(thing: Any, parameter: inspect.Parameter) -> Any:
    """The class that an argument is annotated with."""
    if not isinstance(parameter.annotation, str):
        return parameter.annotation
    place = sys.modules.get(getattr(thing, "__module__", ""))
    return getattr(place, parameter.annotation, None)


def _of_dataclass(thing: Callable[..., Any], argument: str, kind: type[Any]) -> Callable[..., Any] | None:
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    channels = named(fields, CHANNELS)
    names = {role: name for role in NUMBERS if (name := named(fields, OPTIONS[role])) is not None}
    absent = (dataclasses.MISSING, dataclasses.MISSING)
    needed = [name for name, field in fields.items() if (field.default, field.default_factory) == absent]
    if channels is None or {*needed} - {channels, *names.values()}:
        return None

    def build(num_features: int, **options: Any) -> Any:
        return thing(**{argument: kind(**{channels: num_features}, **options)})

    return _signed(build, thing, {name: fields[name].default for name in names.values()})


def _of_names(thing: Callable[..., Any], argument: str) -> Callable[..., Any] | None:
    """By what it reads when it is built."""
    first = _Settings({CHANNEL: 3, **NUMBERS})
    try:
        thing(**{argument: first})
    except Exception:  # it needs something that is not known
        return None
    asked = {name: role for role, name in first.asked.items()}
    if CHANNEL not in first.asked:
        return None

    def build(num_features: int, **options: Any) -> Any:
        values = {asked[name]: value for name, value in options.items()}
        return thing(**{argument: _Settings({CHANNEL: num_features, **NUMBERS, **values})})

    return _signed(build, thing, {name: NUMBERS[role] for name, role in asked.items() if role in NUMBERS})


def _signed(build: Callable[..., Any], thing: Any, options: Mapping[str, Any]) -> Callable[..., Any]:
    """With a signature that says what it takes, and the module that it comes from."""
    first = inspect.Parameter(CHANNEL, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    rest = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if value is dataclasses.MISSING else value,
        )
        for name, value in options.items()
    ]
    build.__signature__ = inspect.Signature([first, *rest])  # type: ignore[attr-defined]
    build.__module__ = getattr(thing, "__module__", "")
    return build
