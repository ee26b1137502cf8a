"""Form: pure functions whose parameters and running statistics stand in tables, and pairs of such functions, init and apply.

``f(params, state, x, ...)`` returns y, or y and the state after the step; one table may hold both. Tables are dictionaries, or
whatever has the same names as attributes. A factory may build two functions: one that makes the tables, one that is called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

from bn_reference.targets.forms import functions
from bn_reference.targets.forms.construction import Constructor
from bn_reference.targets.forms.function_arguments import BATCH, MODE, ROLES
from bn_reference.targets.forms.function_probe import FAILED
from bn_reference.targets.forms.names import ALIASES, COUNTER, EVALUATION, TRAINING, named
from bn_reference.targets.forms.near import Near
from bn_reference.targets.protocol import Implementation

__all__ = ["recognize"]

FORM = "a function of a batch and of tables that hold its parameters and running statistics"
PARAMETERS = ("params", "parameters", "param", "weights", "theta", "p", "variables", "bn_params", "layer", "w")
STATE = ("state", "stats", "bn_state", "batch_stats", "running", "running_stats", "buffers", "statistics", "moving", "s")
FLAT = {"weight": "weight", "bias": "bias", "running_mean": "running_mean", "running_var": "running_var"}
TOLD = {"training": TRAINING, "evaluation": EVALUATION, "mode": MODE, "eps": ROLES["eps"], "momentum": ROLES["momentum"]}


class _Table(dict[str, Any]):
    """A dictionary whose entries are attributes as well, as of a named tuple."""

    def __getattr__(self, name: str) -> Any:
        if name in COUNTERS:
            return self.get(name, 0)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def _replace(self, **changes: Any) -> _Table:
        return _Table({**self, **changes})


COUNTERS = (*COUNTER, "count", "counter", "step", "steps", "n")


@dataclass(frozen=True)
class _Tables:
    """A function of tables, and where in them what is.

    Attributes:
        batch: the name of the argument of the batch.
        arguments: the names of the tables.
        keys: for weight, bias, running_mean, running_var the table and the key; no table, "", where it is an argument itself.
        told: the names of the arguments that say eps, momentum and whether it trains.
    """

    batch: str
    arguments: tuple[str, ...]
    keys: Mapping[str, tuple[str, str]]
    told: tuple[str, ...]

    def called(self, function: Callable[..., Any], x: Any, values: Mapping[str, Any], others: Mapping[str, Any]) -> Any:
        """``(y, mean, var)``, or y alone where there are no running statistics."""
        tables = {name: _Table() for name in self.arguments}
        itself: dict[str, Any] = {}
        for role, (table, key) in self.keys.items():
            (tables[table] if table else itself)[key] = values[role]
        returned = function(**{self.batch: x, **tables, **itself, **others})
        y, *rest = returned if isinstance(returned, tuple | list) else (returned,)
        if "running_mean" not in self.keys:
            return y
        moved = next((one for one in rest if _has(one, self._key("running_mean"))), tables[self.keys["running_mean"][0]])
        return (y, *(_item(moved, self._key(role)) for role in ("running_mean", "running_var")))

    def _key(self, role: str) -> str:
        return self.keys[role][1]


def _has(table: Any, key: str) -> bool:
    return key in table if isinstance(table, Mapping) else hasattr(table, key)


def _item(table: Any, key: str) -> Any:
    return table[key] if isinstance(table, Mapping) else getattr(table, key)


def recognize(name: str, thing: Any, device: str) -> Implementation | Near | None:
    """A function of tables, or a factory of a pair of functions, or a class with both, as a function of arrays."""
    of_both = isinstance(thing, type) and all(callable(getattr(thing, each, None)) for each in ("init", "apply"))
    if not callable(thing) or (isinstance(thing, type) and not of_both):
        return None
    flat = (None if of_both else _of_function(thing)) or _of_pair(thing)
    if flat is None:
        return None
    found = functions.recognize(name, flat, device)
    if isinstance(found, Implementation):
        found.form = found.form.replace("function (", f"{flat.form} (")  # type: ignore[attr-defined]
        return found
    return Near(FORM, found.missing, found.marks) if isinstance(found, Near) else None


def _of_function(thing: Callable[..., Any]) -> Callable[..., Any] | None:
    names = _arguments(thing)
    tables = [name for name in names if named([name], (*PARAMETERS, *STATE)) is not None]
    if {"weight", "bias"} <= {role for role in FLAT if named(names, ALIASES[role])}:
        tables = [name for name in tables if named([name], STATE) is not None]
    if not tables or named([name for name in names if name not in tables], BATCH) is None:
        return None
    words = set(_words(getattr(inspect.unwrap(thing), "__code__", None)))
    found = _tables_of(names, {table: words for table in tables}, assigned=_by_argument(tables))
    return None if found is None else _flat(thing, thing, found, "function of tables", lambda values: thing, ())


def _by_argument(tables: list[str]) -> Callable[[str], str]:
    """Which table has a role: statistics are in the one that is named so, all else in the other."""
    state = named(tables, STATE)
    parameters = named(tables, PARAMETERS) or tables[0]
    return lambda role: state if state is not None and role.startswith("running") else parameters


def _of_pair(factory: Callable[..., Any]) -> Callable[..., Any] | None:
    """A factory of ``(init, apply)``, or of an object with both."""
    try:
        constructor = Constructor.of(factory)
        first = _pair(constructor.build(3))
    except FAILED:  # whatever it is, it is no such factory
        return None
    if first is None:
        return None
    made = _made(first[0], 3)
    names = _arguments(first[1])
    batch = named(names, BATCH)
    tables = [name for name in names if name != batch and named([name], tuple(sum(TOLD.values(), ()))) is None]
    held = dict(zip(tables, made, strict=False))
    if batch is None or not held:
        return None
    found = _tables_of(names, {table: set(keys) for table, keys in held.items()})
    options = tuple(own for role, own in constructor.names.items() if role in ("eps", "momentum"))

    def of_channels(values: Mapping[str, Any]) -> Callable[..., Any]:
        size = int(values["weight"].shape[-1])
        pair = _pair(factory(size, **{own: values[own] for own in options}))
        assert pair is not None
        return pair[1]

    return None if found is None else _flat(factory, first[1], found, "pair of functions", of_channels, options)


def _pair(built: Any) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    if isinstance(built, tuple) and len(built) == 2 and all(map(callable, built)):
        return built
    init, apply = getattr(built, "init", None), getattr(built, "apply", None)
    return (init, apply) if callable(init) and callable(apply) and not hasattr(built, "named_modules") else None


def _made(init: Callable[..., Any], channels: int) -> list[Mapping[str, Any]]:
    """The tables that it makes."""
    for given in ((), (None,), (0,), (None, (12, channels)), (0, (12, channels)), ((12, channels),)):
        try:
            made = init(*given)
        except FAILED:  # it is called otherwise
            continue
        made = made if isinstance(made, tuple | list) and not hasattr(made, "_fields") else (made,)
        return [table for table in map(_mapping, made) if table is not None]
    return []


def _mapping(table: Any) -> Mapping[str, Any] | None:
    fields = getattr(table, "_fields", None)
    return dict(zip(fields, table, strict=True)) if fields else table if isinstance(table, Mapping) else None


def _tables_of(names: list[str], held: Mapping[str, set[str]], assigned: Callable[[str], str] | None = None) -> _Tables | None:
    """Where in the tables what is: weight and bias at least are known names there, or arguments."""
    batch = named([name for name in names if name not in held], BATCH)
    itself = {role: named([name for name in names if name != batch], ALIASES[role]) for role in FLAT}
    keys = {role: ("", own) for role, own in itself.items() if own is not None}
    for role in FLAT:
        for table in [assigned(role)] if assigned is not None else held:
            key = named(held[table] - {*names}, ALIASES[role])
            if key is not None:
                keys.setdefault(role, (table, key))
    if batch is None or not {"weight", "bias"} <= {*keys} or (("running_mean" in keys) != ("running_var" in keys)):
        return None
    told = tuple(name for name in names if name != batch and name not in held and name not in itself.values())
    return _Tables(batch, tuple(held), keys, told)


def _flat(
    thing: Any, called: Any, tables: _Tables, form: str, of: Callable[[Mapping[str, Any]], Any], options: tuple[str, ...]
) -> Callable[..., Any]:
    """The same as a function of arrays."""

    def flat(x: Any, **values: Any) -> Any:
        others = {name: values[name] for name in tables.told if name in values}
        return tables.called(of(values), x, values, others)

    usual, alone = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    own = inspect.signature(called).parameters
    extra = [
        inspect.Parameter(name, alone, default=own[name].default) for name in tables.told if own[name].kind in (usual, alone)
    ]
    extra += [inspect.Parameter(name, alone) for name in options if name not in tables.told]
    arrays = [inspect.Parameter(role, usual) for role in ("x", *tables.keys)]
    flat.__signature__ = inspect.Signature([*arrays, *extra])  # type: ignore[attr-defined]
    flat.__wrapped__ = called  # type: ignore[attr-defined]
    flat.__module__, flat.__qualname__ = thing.__module__, getattr(thing, "__qualname__", "flat")
    flat.form = form  # type: ignore[attr-defined]
    return flat


def _arguments(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def _words(code: CodeType | None) -> Iterator[str]:
    """The short texts, and the names of attributes, in a function's code."""
    if code is None:
        return
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str) and constant.isidentifier():
            yield constant
        elif isinstance(constant, CodeType):
            yield from _words(constant)
