"""What a report is a part of, where a verification was dealt to several machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from bn_reference.cases.facts import Kind
from bn_reference.reports.results import Violation

__all__ = ["Part", "Ran", "key_of"]

# whether the scripts that were run failed, by the script and the kind of fact that it shows; None where that was not found out
Ran: TypeAlias = Mapping[tuple[str, Kind | None], bool | None]


@dataclass(frozen=True, eq=False)
class Part:
    """Part ``number`` of ``of``; it gives no verdict on the target.

    Attributes:
        described: whether it was found out what the target can be asked for, and what conventions it keeps.
        system: of the machine, without its version.
        files: digests of what the run read: "cases", "plan", "accepted"; empty where there was none.
        ran: the scripts that were run.
    """

    number: int
    of: int
    described: bool
    system: str
    files: Mapping[str, str]
    ran: Ran = field(repr=False)

    def __str__(self) -> str:
        return f"part {self.number} of {self.of}"


def key_of(violation: Violation) -> tuple[str, Kind | None]:
    """What the script of a violation is known by among those that were run."""
    fact = violation.found.fact
    return violation.reproducer, None if fact is None else fact.kind
