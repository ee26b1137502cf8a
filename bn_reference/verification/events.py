"""What happens while a target is verified, for whoever shows progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bn_reference.reports.results import Result

__all__ = ["Done", "Event", "Listener", "Started", "Trying"]


@dataclass(frozen=True)
class Started:
    """The target is loaded; ``total`` verdicts are to come."""

    total: int


@dataclass(frozen=True)
class Trying:
    """A unit of properties is being tried: ``what`` names it."""

    what: str


@dataclass(frozen=True)
class Done:
    """A verdict has come."""

    result: Result


Event: TypeAlias = Started | Trying | Done
Listener: TypeAlias = Callable[[Event], None]
