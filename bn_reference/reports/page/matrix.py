"""The matrix of rules and pairs of dtypes: in each cell a sign, the largest error / bound, and the resolution."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from bn_reference.properties import ALL
from bn_reference.reports.marks import SIGNS, STATUSES, ratio, short
from bn_reference.reports.page.content import Entry
from bn_reference.reports.page.markup import Child, tag
from bn_reference.reports.results import Result, pair_of

__all__ = ["legend", "matrix"]

RATIOS = (0.25, 0.5, 0.75)  # between one shade and the next
RESOLUTIONS = (1e-6, 1e-4, 1e-2, 1.0)
KNOWN = {property.name: property for property in ALL}


def matrix(results: Sequence[Result], causes: Sequence[Entry]) -> Element:
    """A row for each rule, family by family, and a column for each pair."""
    pairs = list(dict.fromkeys(pair_of(result) for result in results))
    table = tag("table", class_="matrix")
    table.append(
        tag("thead", tag("tr", tag("th", "rule", scope="col"), *(tag("th", short(pair), scope="col") for pair in pairs)))
    )
    for family in dict.fromkeys(result.family for result in results):
        members = [result for result in results if result.family == family]
        body = tag("tbody", tag("tr", tag("th", family, scope="rowgroup", colspan=len(pairs) + 1), class_="family"))
        for name in dict.fromkeys(result.property for result in members):
            of_rule = {pair_of(result): result for result in members if result.property == name}
            body.append(_row(name, of_rule, pairs, causes))
        table.append(body)
    return table


def _row(name: str, results: Mapping[str, Result], pairs: Sequence[str], causes: Sequence[Entry]) -> Element:
    rule = tag("details", tag("summary", name.replace("_", " "), *_follows(name)))
    if name in KNOWN:
        rule.append(tag("p", KNOWN[name].formula))
        rule.append(tag("p", KNOWN[name].source, class_="aside"))
    rule.append(tag("p", _sums(list(results.values())), class_="aside"))
    cells = (_cell(results.get(pair), pair, causes) for pair in pairs)
    return tag("tr", tag("th", rule, scope="row", id=f"rule-{name}"), *cells)


def _follows(name: str) -> list[Child]:
    return [" *"] if name in KNOWN and KNOWN[name].implied_by else []


def _sums(results: Sequence[Result]) -> str:
    """What the rule rests on, over all pairs."""
    examples = sum(result.examples for result in results)
    powerless = sum(result.without_power * result.examples for result in results) / max(examples, 1)
    rows, channels = (max(result.largest[axis] for result in results) for axis in (0, 1))
    seconds = sum(result.seconds for result in results)
    largest = f", to {rows:,} rows and {channels:,} channels" if rows else ""
    return f"{examples:,} examples{largest}; {100 * powerless:.0f} % of them without power; {seconds:.1f} s"


def _cell(result: Result | None, pair: str, causes: Sequence[Entry]) -> Element:
    if result is None:
        return tag("td", class_="untried")
    measured = result.status != "unsupported" and result.worst_ratio is not None
    worst = result.worst_ratio or 0.0
    # a rule may be broken by a fact, where whatever was measured kept its bound
    number = f" {ratio(worst)}" if measured and (result.status != "violated" or worst > 1.0) else ""
    classes = [result.status.replace(" ", "-")]
    if measured and result.status == "passed":
        classes.append(f"ratio{_step(worst, RATIOS)}")
    cause = _cause_of(result, causes)
    top = tag("span" if cause is None else "a", tag("b", SIGNS[result.status]), number, class_="top")
    if cause is not None:
        top.set("href", f"#cause-{cause.number}")
    below = [_resolution(result.resolution[0])] if measured and result.resolution is not None else []
    title = f"{short(pair)}: {result.message or result.status}"
    return tag("td", top, *below, class_=" ".join(classes), title=title)


def _resolution(value: float) -> Element:
    step = _step(value, RESOLUTIONS)
    said = "0" if value == 0.0 else f"{value:.0e}" if math.isfinite(value) else "none"
    return tag("span", said, class_=f"below sees{step}")


def _step(value: float, limits: Sequence[float]) -> int:
    return sum(not value <= limit for limit in limits)


def _cause_of(result: Result, causes: Sequence[Entry]) -> Entry | None:
    """The entry that a violated result belongs to, where it can be no other."""
    if result.status != "violated":
        return None
    of_rule = [
        each for each in causes if each.kind == "violation" and result.property in each.rules and pair_of(result) in each.pairs
    ]
    return of_rule[0] if len(of_rule) == 1 else None


def legend(results: Sequence[Result]) -> Iterator[Element]:
    """What sign and shades mean; of the signs those that occur."""
    met = [status for status in STATUSES if any(result.status == status for result in results)]
    counts = {status: sum(result.status == status for result in results) for status in met}
    key = tag("dl", class_="key")
    for status in met:
        sample = tag("span", SIGNS[status], class_=f"swatch {status.replace(' ', '-')}")
        key.append(tag("div", tag("dt", sample), tag("dd", f"{counts[status]} {status}: {MEANING[status]}")))
    yield key
    yield _shades("largest error / bound", "ratio", ("≤ 0.25", "≤ 0.5", "≤ 0.75", "≤ 1"), "at most 1 where the rule is kept")
    names = ("≤ 1e-06", "≤ 1e-04", "≤ 0.01", "≤ 1", "none")
    yield _shades("resolution", "sees", names, "the part of a value that an error must be to be seen: the median")
    if any(_follows(result.property) for result in results):
        yield tag("p", "* follows from other rules, and finds nothing that they do not", class_="aside")


MEANING = {
    "passed": "every error was within its bound",
    "violated": "the rule is broken; the sign leads to its cause",
    "accepted": "it is broken as the project accepts",
    "known deviation": "it is broken as the library itself is known to break it",
    "unsupported": "it could not be asked",
}


def _shades(name: str, shade: str, limits: Sequence[str], meaning: str) -> Element:
    swatches = (
        tag("span", limit, class_=f"swatch {'passed ' * (shade == 'ratio')}{shade}{at}") for at, limit in enumerate(limits)
    )
    return tag("p", f"{name} ", *swatches, f" {meaning}", class_="legend")
