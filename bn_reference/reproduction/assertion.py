"""What a script asserts, as lines of code."""

from __future__ import annotations

from dataclasses import dataclass

from bn_reference.cases.facts import Fact
from bn_reference.reports.sentences import say_fact
from bn_reference.reproduction.replay import Output
from bn_reference.targets.trace import Call

__all__ = ["Evidence", "so"]


@dataclass(frozen=True)
class Evidence:
    """An assertion, as lines of code, and what it is about.

    Attributes:
        outputs: what it speaks of, which the script prints.
        call: what else it speaks of: the lines may say ``refused``, which is what the call raised, or None. Where it speaks of
            no output and of no call, all of them are needed.
        attempts: how often all of it is tried.
        until: the last call that is needed, where no output is spoken of and not all are.
        before, since: lines of code, and the call ahead of which they stand.
    """

    lines: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    call: Call | None = None
    attempts: int = 1
    until: Call | None = None
    before: tuple[str, ...] = ()
    since: Call | None = None


def so(fact: Fact, *conditions: str) -> tuple[str, ...]:
    """That the conditions hold, or else the fact."""
    return f"message = {say_fact(fact)!r}", *(f"assert {condition}, message" for condition in conditions)
