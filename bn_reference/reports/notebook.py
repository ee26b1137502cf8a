"""A report as a table in a notebook. What a target says is text there, whatever it looks like."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from bn_reference.reports.accepted import in_the_way, say_in_the_way
from bn_reference.reports.marks import Marks, ratio, short
from bn_reference.reports.results import Result, pair_of
from bn_reference.reports.text import in_one_line
from bn_reference.reports.verdict import Verdict

__all__ = ["as_html"]

COLOURS = {"violated": "#b00020", "accepted": "#8a6d00", "known deviation": "#8a6d00", "unsupported": "#777777"}


def as_html(report: Verdict) -> str:
    """The verdict, the causes, and a row for each rule with its worst ratio in each pair of dtypes."""
    return "\n".join(["<div>", *_causes(report), *_table(report), "</div>"])


def _causes(report: Verdict) -> Iterator[str]:
    yield f"<p><b>{escape(in_one_line(report))}</b></p>"
    yield from (f"<p>{escape(note)}</p>" for note in report.notes)
    yield from (f"<p>{escape(say_in_the_way(standing))}</p>" for standing in in_the_way(report.accepted))
    if report.causes:
        yield "<ol>"
        for cause in report.causes:
            explained = f" <i>{escape(cause.violation.diagnosis)}</i>" if cause.violation.diagnosis else ""
            name = escape(cause.root.property.replace("_", " "))
            yield f"<li><b>{name}</b>: {escape(cause.violation.message)}{explained}</li>"
        yield "</ol>"


def _table(report: Verdict) -> Iterator[str]:
    pairs = list(dict.fromkeys(pair_of(result) for result in report.results))
    yield "<table>"
    yield f"<tr><th>rule</th>{''.join(f'<th>{escape(short(pair))}</th>' for pair in pairs)}</tr>"
    for name in dict.fromkeys(result.property for result in report.results):
        found = {pair_of(result): result for result in report.results if result.property == name}
        cells = "".join(_cell(found.get(pair)) for pair in pairs)
        yield f"<tr><td>{escape(name.replace('_', ' '))}</td>{cells}</tr>"
    yield "</table>"


def _cell(result: Result | None) -> str:
    if result is None:
        return "<td></td>"
    said = Marks(pretty=True)[result.status].plain
    if result.status != "unsupported" and result.worst_ratio is not None:
        said += f" {ratio(result.worst_ratio)}"
    style = f' style="color:{COLOURS[result.status]}"' if result.status in COLOURS else ""
    return f'<td title="{escape(result.message or result.status)}"{style}>{escape(said)}</td>'
