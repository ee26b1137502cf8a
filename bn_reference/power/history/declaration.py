"""How a report is declared: its links, and the mutant that has its form; of a recent one what it says, and a witness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bn_reference.cases.case import Case

__all__ = ["Recent", "Report", "name_of"]


@dataclass(frozen=True)
class Report:
    """Public reports of one fault.

    Attributes:
        mutant: name of the layer in the catalogue that does what they say.
        links: to the reports.
        missed: what the suite lacked when the layer was first tried, and has since; empty where it was seen at once.
    """

    mutant: str
    links: tuple[str, ...]
    missed: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Recent(Report):
    """Reports of 2025 and 2026, of which a layer was written.

    Attributes:
        month: of the first one, "2026-02".
        told: what it says, in one sentence without a full stop.
        rule: that the layer breaks on the witness.
        witness: a case in which what the layer gives differs from the specification by more than its bound, or is refused.
    """

    month: str
    told: str
    rule: str
    witness: Callable[[], Case]


def name_of(link: str) -> str:
    """A link in short, as ``pytorch/pytorch#13402``."""
    return link.removeprefix("https://github.com/").removeprefix("https://").replace("/issues/", "#").replace("/pull/", "#")
