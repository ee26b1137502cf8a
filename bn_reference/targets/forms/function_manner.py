"""How a function is called, and what is found among the things that it returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bn_reference.cases.facts import Fact, Kind
from bn_reference.targets.border import kind_of
from bn_reference.targets.forms.function_arguments import Arguments
from bn_reference.targets.forms.function_arrays import Arrays
from bn_reference.targets.forms.names import ALIASES, named
from bn_reference.targets.forms.shapes import Shape
from bn_reference.targets.forms.slots import STATISTICS, WEAK
from bn_reference.targets.protocol import Misbehaviour

__all__ = ["Manner", "beside", "cache_in", "gone_back", "taken_apart", "takes"]

OUTPUTS = ("y", "out", "output", "outputs")  # of a dictionary that is returned


@dataclass(frozen=True, eq=False)
class Manner:
    """How a function is called, and where what it computes is found.

    Attributes:
        arguments: which of its arguments is which.
        arrays: what it is handed.
        shapes: the axes it wants, for each number of axes that we have.
        told: how it is told to train: by an argument, by whether gradients are recorded; or it can but train, or not train.
        flag: what the argument is in training and in eval.
        statistics: where the running statistics are after a step: in the dictionary, in the arrays that were handed over,
            returned (the first of them at ``returned``), or nowhere.
        weights: which value its momentum weights.
        going_back: its backward pass from an upstream gradient and what forward returned beside y; None: what was recorded.
        goes_back: whether there are gradients, in training and in eval.
        evaluates_bare: whether it can be told not to train where it is given no running statistics.
        alone: whether it goes forward alone, with nothing recorded.
    """

    arguments: Arguments
    arrays: Arrays
    shapes: Mapping[int, Shape]
    told: Literal["argument", "recording", "trains", "evaluates"] = "argument"
    flag: tuple[Any, Any] = (True, False)
    statistics: Literal["dictionary", "in place", "returned", "nowhere"] = "in place"
    returned: int = 1
    weights: Literal["new", "old"] = "new"
    going_back: Callable[..., Any] | None = None
    goes_back: Mapping[bool, bool] = field(default_factory=lambda: {True: True, False: True})
    evaluates_bare: bool = True
    alone: bool = False


def taken_apart(result: Any) -> tuple[Any, list[Any]]:
    """The output, and what was returned beside it."""
    if isinstance(result, Mapping):
        name = next((name for name in OUTPUTS if name in result), None)
        if name is None:
            raise Misbehaviour(Fact(Kind.RETURNED, "forward", kind_of(result), "an array, or a tuple that begins with one"))
        return result[name], [value for key, value in result.items() if key != name]
    return (result[0], list(result[1:])) if isinstance(result, tuple | list) and result else (result, [])


def cache_in(others: list[Any]) -> Any:
    """What was returned for the backward pass: the first thing beside the output that is no array, else the last array."""
    bundles = (each for each in others if isinstance(each, tuple | list | Mapping))
    return next(bundles, others[-1] if others else None)


def beside(others: list[Any]) -> list[Any]:
    """What was returned beside the output, with what came as a pair taken apart, and running statistics out of a table."""
    pair = others[0] if len(others) == 1 else None
    values = list(pair.values()) if isinstance(pair, Mapping) else pair
    if isinstance(values, tuple | list) and len(values) == 2:
        return list(values)
    return [*others, *(value for table in others if isinstance(table, Mapping) for value in _running_in(table))]


def _running_in(table: Mapping[Any, Any]) -> list[Any]:
    """Mean and variance of a table that says that they are the running ones: a cache has those of the batch."""
    said = [name for name in table if isinstance(name, str) and name.strip("_").lower() not in WEAK]
    names = [named(said, ALIASES[role]) for role in STATISTICS]
    return [table[name] for name in names if name is not None] if None not in names else []


def gone_back(going_back: Callable[..., Any], upstream: Any, cache: Any) -> Any:
    """Call a backward pass, with the cache as it is, or spread over its arguments where it takes more than two."""
    if not takes(going_back, 2) and isinstance(cache, Mapping) and takes(going_back, 1, cache):
        return going_back(upstream, **cache)
    if not takes(going_back, 2) and isinstance(cache, tuple | list) and takes(going_back, 1 + len(cache)):
        return going_back(upstream, *cache)
    return going_back(upstream, cache)


def takes(function: Callable[..., Any], number: int, named: Mapping[str, Any] | None = None) -> bool:
    """Whether it can be called with so many arguments, and others by name."""
    try:
        inspect.signature(function).bind(*[None] * number, **named or {})
    except (TypeError, ValueError):
        return False
    return True
