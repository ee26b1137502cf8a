"""A portrait as a value: what is told of how a target computes, statement by statement, each by a probe that shows it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from bn_reference.portrait.growth import Curve, Ratio
from bn_reference.portrait.settings import Elsewhere

__all__ = ["SCHEMA", "Portrait", "Statement"]

SCHEMA = 1


@dataclass(frozen=True)
class Statement:
    """One thing that is told of how a target computes in a pair of dtypes.

    Attributes:
        topic: what it is about: a key of ``computes.TOPICS``.
        value: None: it cannot be told.
        probe: the name of what shows it, a key of ``text.PROBES``.
        detail: more of it, for people.
    """

    topic: str
    value: str | None
    probe: str
    detail: str = ""


@dataclass(frozen=True)
class Portrait:
    """How a target computes, as far as it can be told from outside.

    Attributes:
        target, device: as given.
        statements: by pair of dtypes.
        trees: by pair of dtypes, the tree of the mean's sum as text.
        settings: the order of the mean's sum, of fewer rows, in the usual setting and in others; in the first pair.
        growth: errors beside their bounds.
        ratios: error over bound of each quantity, by pair of dtypes.
    """

    target: str
    device: str
    statements: dict[str, tuple[Statement, ...]]
    trees: dict[str, str]
    settings: tuple[Elsewhere, ...] = ()
    growth: tuple[Curve, ...] = ()
    ratios: tuple[Ratio, ...] = ()

    def told(self, pair: str, topic: str) -> str | None:
        """What is told of a topic in a pair; None where it cannot be."""
        return next((each.value for each in self.statements.get(pair, ()) if each.topic == topic), None)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object of schema 1; what is infinite, or no number, is a string."""
        found: dict[str, Any] = _plain({"schema": SCHEMA, **asdict(self)})
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
