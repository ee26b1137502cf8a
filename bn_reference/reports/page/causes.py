"""The entries of what speaks against the target: what was found, its smallest case in numbers, the script."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from xml.etree.ElementTree import Element

import numpy as np

from bn_reference.cases.case import Array, Case
from bn_reference.cases.layouts import place_in_batch, to_matrix
from bn_reference.properties import ALL
from bn_reference.reports.entry import lines_of_case
from bn_reference.reports.marks import SIGNS, ratio
from bn_reference.reports.page.content import Entry
from bn_reference.reports.page.markup import Child, add, numbers, tag
from bn_reference.reports.page.plots import BEYOND, WITHIN, errors_against_bounds, times
from bn_reference.reports.violations import RAN

__all__ = ["entries"]

OPEN = 3  # entries that are not folded: the deepest is mended first
FEW = 12  # elements whose numbers are not folded
MOST_NUMBERS, MOST_CHANNELS = 64, 12  # of a case that is shown in numbers
BESIDE = 3  # channels at most, where x and dy stand side by side
NAMED = 8  # rules that are not folded
ALSO = {
    "violation": "also broken, where the same is read:",
    "convention": "spoken of by",
    "accepted no more": "of",
}
KNOWN = {property.name: property for property in ALL}
OTHERWISE = {"convention": "another convention than is demanded", "accepted no more": "accepted no more"}


def entries(causes: Sequence[Entry], tried: Collection[str]) -> Iterator[Element]:
    """An article for each entry; the later ones are folded. Rules that were tried have a row elsewhere on the page."""
    for cause in causes:
        title = _title(cause)
        if cause.number <= OPEN:
            article = tag("article", tag("h3", *title), *_body(cause, tried))
        else:
            brief = tag("p", cause.explanation or cause.found, class_="brief")
            article = tag("article", tag("details", tag("summary", tag("h3", *title), brief), *_body(cause, tried)))
        article.set("id", f"cause-{cause.number}")
        yield article


def _title(cause: Entry) -> Iterator[Child]:
    yield tag("b", SIGNS["violated"])
    yield f" {cause.number}. "
    if cause.kind != "violation":
        yield OTHERWISE[cause.kind]
        return
    yield cause.rules[0].replace("_", " ")
    yield tag("span", f" {cause.pairs[0]}", class_="aside")


def _body(cause: Entry, tried: Collection[str]) -> Iterator[Element]:
    yield tag("p", cause.found, class_="found")
    if cause.explanation:
        label = "explained: " if cause.kind == "violation" else ""
        yield tag("p", f"{label}{cause.explanation}", class_="explained")
    if cause.kind == "violation" and cause.rules[0] in KNOWN:
        rule = KNOWN[cause.rules[0]]
        yield tag("p", tag("span", "rule ", class_="aside"), rule.formula, tag("span", f" ({rule.source})", class_="aside"))
    drawn = [errors_against_bounds(cause)] if cause.numbers else []
    case = [] if cause.case is None else list(_case(cause.case))
    yield tag("div", *(tag("div", *side) for side in (drawn, case) if side), class_="sides")
    if cause.numbers:
        yield _elements(cause)
    if cause.code:
        yield _folded("the case as code, bit for bit", cause.code)
    yield from _also(cause, tried)
    if cause.script:
        yield _folded(f"This script {RAN[cause.script_fails].removesuffix(':')}", cause.script)


def _elements(cause: Entry) -> Element:
    """What was compared, number by number."""
    with_x = any(each.x is not None for each in cause.numbers)
    head = ["element", *["x"] * with_x, "got", "expected", "error", "bound", "error / bound"]
    rows = [
        [
            each.element,
            *["" if each.x is None else f"{each.x!r}"] * with_x,
            f"{each.actual!r}",
            f"{each.expected!r}",
            f"{each.error:.3g}",
            f"{each.bound:.3g}",
            f"{WITHIN if each.holds else BEYOND} {ratio(times(each))}",
        ]
        for each in cause.numbers
    ]
    table = numbers(rows, head, class_="numbers")
    if len(rows) <= FEW:
        return table
    return tag("details", tag("summary", f"the numbers of {len(rows)} of {cause.compared:,} elements"), table)


def _case(case: Case) -> Iterator[Element]:
    """Its circumstances in words, and its numbers, a column for each channel, where they are few."""
    said = tag("dl", class_="facts")
    for name, line in lines_of_case(case):
        if name:
            said.append(tag("div", tag("dt", name), tag("dd", line)))
        else:
            add(said[-1][-1], ("; ", line))
    yield said
    if 0 < case.x.size <= MOST_NUMBERS and case.channels <= MOST_CHANNELS:
        channels = [f"channel {channel}" for channel in range(case.channels)]
        if case.channels <= BESIDE:
            both = [f"{name} {channel}" for name in ("x", "dy") for channel in channels]
            yield numbers(_beside(case), ["at", *both], class_="numbers")
            if case.affine or case.tracks:
                yield numbers(_vectors(case), ["", *channels], class_="numbers")
        else:
            yield numbers([*_rows("x", case.x), *_rows("dy", case.grad_y), *_vectors(case)], ["", *channels], class_="numbers")
    elif case.x.size:
        yield tag("p", f"x has {case.x.size:,} numbers, which the code below has.", class_="aside")


def _rows(name: str, array: Array) -> Iterator[list[str]]:
    """The numbers of each row, a column for each channel."""
    for row, values in enumerate(to_matrix(array)):
        place = place_in_batch(row, 0, array.shape)
        at = ", ".join(":" if axis == 1 else str(index) for axis, index in enumerate(place))
        yield [f"{name}[{at}]", *_written(values)]


def _beside(case: Case) -> Iterator[list[str]]:
    """Those of dy beside those of x."""
    for (at, *x), (_, *dy) in zip(_rows("", case.x), _rows("", case.grad_y), strict=True):
        yield [at, *x, *dy]


def _vectors(case: Case) -> Iterator[list[str]]:
    vectors = {
        "weight": case.weight,
        "bias": case.bias,
        "running mean": case.running_mean,
        "running var": case.running_var,
    }
    yield from ([name, *_written(values)] for name, values in vectors.items() if values is not None)


def _written(values: Array) -> list[str]:
    """The shortest digits that tell each number from its neighbours, as far as float64 tells them."""
    return [repr(float(value)) if value.dtype == np.float64 else str(np.float32(value)) for value in values]


def _folded(summary: str, code: str) -> Element:
    """Code to be copied; the button is for whoever lets scripts run, and the text can be selected."""
    button = tag("button", "Copy", type="button", class_="copy", hidden="hidden")
    block = tag("div", button, tag("pre", tag("code", code), tabindex="0"), class_="code")
    return tag("details", tag("summary", summary), block)


def _also(cause: Entry, tried: Collection[str]) -> Iterator[Element]:
    """What else the entry covers."""
    if len(cause.pairs) > 1:
        yield tag("dl", tag("div", tag("dt", "in"), tag("dd", ", ".join(cause.pairs))), class_="facts")
    others = cause.rules[cause.kind == "violation" :]
    if not others:
        return
    links: list[Child] = []
    for name in others:
        said = name.replace("_", " ")
        links += [", "] * bool(links) + [tag("a", said, href=f"#rule-{name}") if name in tried else said]
    if len(others) <= NAMED:
        yield tag("p", tag("span", f"{ALSO[cause.kind]} ", class_="aside"), *links)
    else:
        yield tag("details", tag("summary", f"{ALSO[cause.kind]} {len(others)} rules"), tag("p", *links))
