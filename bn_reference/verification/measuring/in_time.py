"""What is found out of a target by calling it a few times, within the limit of an example."""

from __future__ import annotations

from dataclasses import replace

from bn_reference.conventions import Conventions
from bn_reference.targets.capabilities import Capabilities, capabilities_of
from bn_reference.targets.watched import Watched
from bn_reference.verification.measuring.compilation import compiles_by_shape
from bn_reference.verification.measuring.measured import measured
from bn_reference.verification.time_limit import PATIENCE, TimedOut, TimeLimit

__all__ = ["capabilities_in_time", "conventions_in_time"]


def conventions_in_time(target: Watched, limit: TimeLimit, demanded: Conventions, *, accuracy: bool) -> Conventions | None:
    """Those that the target keeps, as ``measured`` finds them; None where that takes too long.

    Where the target compiles for each shape, its domain has few of them from then on, and the limit the patience for it.
    """
    limit.compiling = lambda: target.calls.under_way  # until it is known not to compile
    try:
        with limit:
            if compiles_by_shape(target):
                target.domain = replace(target.domain, palette=True)
                limit.patience = PATIENCE
            else:
                limit.compiling = bool
            return measured(target, demanded, accuracy=accuracy)
    except TimedOut:
        limit.compiling = bool
        return None


def capabilities_in_time(target: Watched, limit: TimeLimit) -> Capabilities | None:
    """What the target can be asked for; None where finding that out takes too long."""
    try:
        with limit:
            return capabilities_of(target)
    except TimedOut:
        return None
