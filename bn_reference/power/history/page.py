"""``docs/history.md``: what became of every report, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.power.explanations import row
from bn_reference.power.history.declaration import Report, name_of
from bn_reference.power.history.earlier import EARLIER
from bn_reference.power.history.recent import RECENT
from bn_reference.power.mutants.catalogue import MUTANTS
from bn_reference.power.score import CONVENTIONS, score
from bn_reference.power.subjects import Subject, select
from bn_reference.power.tiers import Tier

__all__ = ["Fate", "fates", "lines"]

TIER = Tier(30, fail_fast=True)
BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


@dataclass(frozen=True)
class Fate:
    """What became of a mutant.

    Attributes:
        pair: in which it fell; empty where nothing was said against it.
        rule: that broke first.
        example: how many that rule had had by then.
        said: what explains it, as sentences; empty where nothing is said.
        truth: "right", "silent" or "wrong".
    """

    pair: str
    rule: str
    example: int | None
    said: tuple[str, ...]
    truth: str


def fate(subject: Subject) -> Fate:
    """Of one mutant: the pairs of dtypes in their order until one shows it; then what is said of it in that one."""
    found = score(subject, TIER)
    if not found.killed:
        return Fate("", "", None, (), "silent")
    told = row(BY_NAME[subject.name], [pair for pair in PAIRS if str(pair) == found.pair])
    return Fate(found.pair, found.by[0], found.example, told.sentences, told.truth)


def fates(reports: Iterable[Report] = (*EARLIER, *RECENT)) -> dict[str, Fate]:
    """Of all mutants of these reports, by name."""
    return {subject.name: fate(subject) for subject in select(dict.fromkeys(report.mutant for report in reports))}


INTRODUCTION = """# History: what went wrong elsewhere

Written by `python -m bn_reference.power.history docs/history.md`: public reports of faults in batch norms, each beside the
layer of the catalogue of mutants that does what the report says, and what the suite makes of that layer: the pair of dtypes
in which it falls, of those in their order, the rule that falls first and at which example, with {examples} examples a rule and
seed 0; and what the suite then says of it. *Silent* is where it names no cause, which it does only where it is sure.

A layer does what its report says, on a CPU. What a report tells of a device, a compiler or a graph is not rebuilt, nor is what
frameworks do by convention; and a report of which no layer has quite the form is left out.
"""
OF_RECENT = """Looked for when the catalogue was made already, and not known to it. Each layer was written from what the report
says, and is shown to be wrong on a witness of a few numbers in `bn_reference/power/history/recent.py`, on which the clean layer
is right.
"""


def lines(found: Mapping[str, Fate]) -> Iterator[str]:
    """The page in Markdown."""
    yield from INTRODUCTION.format(examples=TIER.examples).splitlines()
    yield ""
    yield "## Reports from which the catalogue was seeded"
    yield ""
    yield _counted(EARLIER, found)
    yield from _missed(EARLIER)
    yield ""
    yield "| report | layer | what it does | falls | said |"
    yield "|---|---|---|---|---|"
    yield from (_row(report, report.mutant, BY_NAME[report.mutant].story, found=found) for report in EARLIER)
    yield ""
    yield "## Reports of 2025 and 2026"
    yield ""
    yield from OF_RECENT.splitlines()
    yield ""
    yield _counted(RECENT, found)
    yield from _missed(RECENT)
    yield ""
    yield "| report | since | what it says | layer | falls | said |"
    yield "|---|---|---|---|---|---|"
    yield from (_row(recent, recent.month, recent.told, recent.mutant, found=found) for recent in RECENT)


def _row(report: Report, *cells: str, found: Mapping[str, Fate]) -> str:
    fate = found[report.mutant]
    falls = f"{fate.pair}, {fate.rule}, example {fate.example}" if fate.pair else "survives"
    falls = f"{fate.pair}, by the conventions that are measured first" if fate.rule == CONVENTIONS else falls
    return f"| {' | '.join([_links(report), *cells, falls, '; '.join(fate.said) or fate.truth])} |"


def _counted(reports: Iterable[Report], found: Mapping[str, Fate]) -> str:
    known = list(reports)
    links, layers = sum(len(report.links) for report in known), dict.fromkeys(report.mutant for report in known)
    truths = [found[layer].truth for layer in layers]
    told = ", ".join(f"{truths.count(truth)} {truth}" for truth in ("right", "silent", "wrong"))
    fallen = sum(bool(found[layer].pair) for layer in layers)
    return f"{links} reports, {len(layers)} layers, of which {fallen} fall. What is said of them: {told}."


def _missed(reports: Iterable[Report]) -> Iterator[str]:
    missed = [report for report in reports if report.missed]
    yield ""
    yield f"Not seen when first tried: {len(missed)}."
    yield ""
    yield from (f"- {report.mutant} ({_links(report)}): {report.missed}." for report in missed)


def _links(report: Report) -> str:
    return ", ".join(f"[{name_of(link)}]({link})" for link in report.links)
