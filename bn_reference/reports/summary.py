"""A report as Markdown, for the page that a CI system shows beside a run; and as commands of GitHub's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bn_reference.reports.accepted import in_the_way, say_accepted, say_advice, say_in_the_way
from bn_reference.reports.entry import Brief, lines_of
from bn_reference.reports.lawful import accepting, facts_of, say_keepers
from bn_reference.reports.marks import SIGNS, STATUSES, ratio, short
from bn_reference.reports.results import Cause, Result, pair_of
from bn_reference.reports.sentences import say_fact
from bn_reference.reports.text import in_one_line
from bn_reference.reports.verdict import Verdict
from bn_reference.reports.violations import say_what_a_script_did

__all__ = ["as_markdown", "github_commands"]

MOST = 900_000  # characters; GitHub refuses a summary of more than 1 MiB
SCRIPTS = 3  # that are shown; --scripts writes all


def as_markdown(report: Verdict) -> str:
    """The verdict, each cause, and the table of all rules, folded."""
    text = "\n".join([*_head(report), *_conventions(report), *_accepted(report), *_causes(report), *_table(report), ""])
    if len(text) <= MOST:
        return text
    return f"{text[:MOST].rpartition(chr(10))[0]}\n\n... and more, which `bn-reference verify --json FILE` writes whole.\n"


def github_commands(report: Verdict) -> Iterator[str]:
    """A command for each cause, which GitHub shows where the change is looked at.

    The parts of a run have none: those of their merge say all that they would, and once.
    """
    if report.part is not None:
        return
    for standing in in_the_way(report.accepted):
        title = f"{report.target}: accepted no more"
        yield f"::error title={_escaped(title, ',:')}::{_escaped(f'{say_in_the_way(standing)}; {say_advice(standing)}')}"
    for cause in report.causes:
        explained = f" ({cause.violation.diagnosis})" if cause.violation.diagnosis else ""
        title = f"{report.target}: {cause.root.property.replace('_', ' ')}, {pair_of(cause.root)}"
        yield f"::error title={_escaped(title, ',:')}::{_escaped(cause.violation.message + explained)}"
    for fact in facts_of(report.demanded, report.conventions):
        yield f"::error title={_escaped(f'{report.target}: another convention', ',:')}::{_escaped(say_fact(fact))}"


def _escaped(text: str, also: str = "") -> str:
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair cannot be written
    for character in f"%\r\n{also}":  # the percent sign first
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _head(report: Verdict) -> Iterator[str]:
    yield f"## {SIGNS['passed' if report.passes else 'violated']} {_inline(in_one_line(report))}"
    yield ""
    versions = ", ".join(f"{name} {version}" for name, version in report.environment.items())
    yield _inline(f"{versions}; seed {report.seed}")
    yield ""
    for note in report.notes:
        yield f"> {_inline(note)}"
        yield ""


def _conventions(report: Verdict) -> Iterator[str]:
    facts = facts_of(report.demanded, report.conventions)
    for fact in facts:
        keepers = say_keepers(fact)
        yield f"- **another convention**: {_inline(say_fact(fact))}{f', {keepers}' if keepers else ''}"
    if facts:
        yield f"\neverything else is judged by what it keeps; `--convention {accepting(report.conventions)}` accepts it\n"


def _accepted(report: Verdict) -> Iterator[str]:
    for standing in report.accepted:
        if standing.stands:
            yield f"- accepted: {_inline(say_accepted(standing.acceptance))}"
        else:
            yield f"- **accepted no more**: {_inline(say_in_the_way(standing))}; {say_advice(standing)}"
    if report.accepted:
        yield ""


def _causes(report: Verdict) -> Iterator[str]:
    for number, cause in enumerate(report.causes, 1):
        yield f"### {number}. {_inline(cause.root.property.replace('_', ' '))}, {pair_of(cause.root)}"
        yield ""
        yield "| | |"
        yield "|---|---|"
        for name, line in lines_of(cause, Brief.SHORT):
            yield f"| {name} | {_cell(line)} |"
        yield ""
        if cause.reproducer and number <= SCRIPTS:
            yield from _script(cause)


def _script(cause: Cause) -> Iterator[str]:
    fence = "`" * max(3, 1 + max((len(run) for run in _runs(cause.reproducer)), default=0))
    yield f"<details><summary>{_inline(say_what_a_script_did(cause).rstrip(':'))}</summary>\n"
    yield f"{fence}python"
    yield cause.reproducer.rstrip()
    yield fence
    yield "\n</details>\n"


def _runs(text: str) -> list[str]:
    """The runs of backquotes in a text, none of which may end the block that it stands in."""
    return [part for part in "".join(c if c == "`" else " " for c in text).split() if part]


def _table(report: Verdict) -> Iterator[str]:
    if not report.results:
        return
    pairs = list(dict.fromkeys(pair_of(result) for result in report.results))
    counts: Counter[str] = Counter(result.status for result in report.results)
    said = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    yield f"<details><summary>all rules: {said}; the number is the largest error / bound</summary>\n"
    yield f"| rule | {' | '.join(map(short, pairs))} |"
    yield f"|---|{'---|' * len(pairs)}"
    for name in dict.fromkeys(result.property for result in report.results):
        found = {pair_of(result): result for result in report.results if result.property == name}
        yield f"| {name.replace('_', ' ')} | {' | '.join(_of(found.get(pair)) for pair in pairs)} |"
    yield "\n</details>"


def _of(result: Result | None) -> str:
    if result is None:
        return ""
    measured = result.worst_ratio is not None and result.status != "unsupported"
    return f"{SIGNS[result.status]} {ratio(result.worst_ratio or 0.0)}" if measured else SIGNS[result.status]


def _inline(text: str) -> str:
    """Text that says in Markdown what it says: what a target says of itself may look like anything."""
    escaped = text.encode("utf-8", "replace").decode("utf-8").replace("&", "&amp;").replace("<", "&lt;").replace("\\", "\\\\")
    for character in "`*_[]|~":
        escaped = escaped.replace(character, f"\\{character}")
    return " ".join(escaped.split())


def _cell(text: str) -> str:
    return "<br>".join(_inline(line) for line in text.splitlines())
