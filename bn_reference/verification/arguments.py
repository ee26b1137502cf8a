"""What ``verify`` takes: each argument is checked before anything is loaded, and what it cannot be is said in one sentence."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

__all__ = [
    "UnusableArguments",
    "examples",
    "flag",
    "listener",
    "minutes",
    "names",
    "path",
    "seconds",
    "text",
    "timeout",
    "whole",
]

SHOWN = 60  # characters of a value
MOST_EXAMPLES = 10_000_000  # of a property and pair, which nobody waits for
SHORTEST, LONGEST = 0.001, 1_000_000  # seconds: of no alarm clock is less or more to be had everywhere


class UnusableArguments(ValueError):
    """An argument that cannot be used; one sentence names it, the value met, the rule and what to do."""


def whole(argument: str, value: Any, least: int, most: int, advice: str) -> int:
    """A whole number within limits; True is none."""
    if isinstance(value, Integral) and not isinstance(value, bool) and least <= int(value) <= most:
        return int(value)
    limit = f"2^{most.bit_length()} - 1" if most.bit_length() > 60 else f"{most:,}"
    raise _refused(argument, value, f"a whole number between {least} and {limit}", advice)


def seconds(argument: str, value: Any, advice: str) -> float:
    """A duration."""
    if isinstance(value, Real) and not isinstance(value, bool) and SHORTEST <= float(value) <= LONGEST:
        return float(value)
    raise _refused(argument, value, f"a number of seconds between {SHORTEST:g} and {LONGEST:,}", advice)


def examples(value: Any) -> int:
    """How many cases a property and pair."""
    return whole("examples", value, 1, MOST_EXAMPLES, "pass 100, for example")


def timeout(value: Any) -> float:
    """How long one example may take."""
    return seconds("timeout", value, "pass 10, for example")


def minutes(value: Any) -> float | None:
    """A time budget, in which as many cases are tried as fit; None for none."""
    if value is None:
        return None
    if isinstance(value, Real) and not isinstance(value, bool) and SHORTEST <= 60 * float(value) <= LONGEST:
        return float(value)
    raise _refused("minutes", value, f"a number between {SHORTEST:g} and {LONGEST // 60:,}", "pass 5, for example")


def flag(argument: str, value: Any) -> bool:
    """True or False, and nothing that only counts as one of them."""
    if isinstance(value, bool):
        return value
    raise _refused(argument, value, "True or False", "pass one of them")


def text(argument: str, value: Any, advice: str) -> str:
    """A string."""
    if isinstance(value, str):
        return value
    raise _refused(argument, value, "a string", advice)


def path(argument: str, value: Any, advice: str) -> str:
    """A path, as a string; empty for none."""
    if isinstance(value, (str, os.PathLike)) and isinstance(found := os.fspath(value), str):
        return found
    raise _refused(argument, value, "a path", advice)


def listener(argument: str, value: Any) -> Callable[[Any], None]:
    """A function, or None for one that does nothing."""
    if value is None:
        return lambda event: None
    if callable(value):
        return value  # type: ignore[no-any-return]
    raise _refused(argument, value, "a function that takes an event", "pass one, or None")


def names(argument: str, value: Any, example: str) -> tuple[str, ...] | None:
    """Names, of which there is one at least, or None for all there are."""
    if value is None:
        return None
    if isinstance(value, str):
        raise _refused(argument, value, "a list of names", f"pass [{value!r}]")
    advice = f"pass [{example!r}], for example"
    if not isinstance(value, Iterable) or isinstance(value, bytes):
        raise _refused(argument, value, "a list of names, or None for all", advice)
    found = tuple(value)
    if not found:
        raise _refused(argument, value, "a list of one name at least, or None for all", advice)
    for name in found:
        if not isinstance(name, str):
            rule = "must be a list of names, which are strings"
            raise UnusableArguments(f"{argument} has {_shown(name)} in it, but {rule}; {advice}")
    return found


def _refused(argument: str, value: Any, rule: str, advice: str) -> UnusableArguments:
    return UnusableArguments(f"{argument} is {_shown(value)}, but must be {rule}; {advice}")


def _shown(value: Any) -> str:
    if isinstance(value, Real) and not isinstance(value, Integral) and math.isfinite(value):
        return f"{float(value):g}"
    said = " ".join(repr(value).split())
    return said if len(said) <= SHOWN else f"{said[: SHOWN - 3]}..."
