"""Plots over the size of the batch: how near the errors came to their bounds, and how sharply these see."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from bn_reference.reports.marks import ratio, short
from bn_reference.reports.page.axis import Axis
from bn_reference.reports.page.markup import tag
from bn_reference.reports.results import Result, pair_of

__all__ = ["by_size"]

WIDTH, HEIGHT = 360.0, 270.0
LEFT, RIGHT = 56.0, 352.0
RATIOS, RESOLUTIONS = (22.0, 122.0), (154.0, 244.0)  # from top to bottom
ARM = 3.2  # of a sign
SIGNS = (  # a sign for each pair of dtypes, round the point that it stands for
    "m-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0z",
    "m-3 -3h6v6h-6z",
    "m0 -3.8l3.8 6.6h-7.6z",
    "m0 -4.2l4.2 4.2l-4.2 4.2l-4.2 -4.2z",
    "m-3.4 -3.4l6.8 6.8m-6.8 0l6.8 -6.8",
    "m-4 0h8m-4 -4v8",
)


def by_size(results: Sequence[Result]) -> list[Element]:
    """A picture of each rule that looks at one step, and before them which sign stands for what; none where there is none."""
    measured = [result for result in results if result.ratio_by_rows or result.resolution_by_rows]
    if not measured:
        return []
    pairs = list(dict.fromkeys(pair_of(result) for result in measured))
    sizes = sorted({rows for result in measured for rows in (*result.ratio_by_rows, *result.resolution_by_rows)})
    rules = dict.fromkeys(result.property for result in measured)
    drawn = [_rule(name, [result for result in measured if result.property == name], pairs, sizes) for name in rules]
    return [_legend(pairs), tag("div", *drawn, class_="plots")]


def _legend(pairs: Sequence[str]) -> Element:
    said = tag("p", class_="legend")
    for number, pair in enumerate(pairs):
        sign = tag("path", d=f"M7 7{SIGNS[number % len(SIGNS)]}", class_="mark")
        picture = tag("svg", sign, viewBox="0 0 14 14", class_=f"key pair{number % len(SIGNS)}", aria_hidden="true")
        said.append(tag("span", picture, f" {short(pair)}"))
    return said


def _rule(name: str, results: Sequence[Result], pairs: Sequence[str], sizes: Sequence[int]) -> Element:
    said = name.replace("_", " ")
    picture = tag("svg", viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}", role="img", aria_label=f"{said}, by the rows", class_="plot")
    panels = (
        (RATIOS, "largest error / bound", "endless", [result.ratio_by_rows for result in results]),
        (RESOLUTIONS, "resolution", "none", [result.resolution_by_rows for result in results]),
    )
    numbers = [pairs.index(pair_of(result)) for result in results]
    for (top, bottom), title, endless, series in panels:
        if not any(series):
            continue
        picture.append(tag("text", title, x=LEFT, y=top - 6, class_="title"))
        one = [1.0] if top == RATIOS[0] else []
        axis = Axis([*one, *(value for each in series for value in each.values())], top, bottom)
        picture.extend(axis.drawn(LEFT, RIGHT, endless))
        if one:
            picture.append(tag("line", x1=LEFT, x2=RIGHT, y1=f"{axis.at(1.0):.1f}", y2=f"{axis.at(1.0):.1f}", class_="one"))
        for number, pair, each in zip(numbers, map(pair_of, results), series, strict=True):
            picture.append(_series(each, axis, sizes, number, len(pairs), pair))
    picture.extend(_sizes(sizes))
    return tag("figure", picture, tag("figcaption", said))


def _place(rows: int, sizes: Sequence[int]) -> float:
    return LEFT + (sizes.index(rows) + 0.5) * (RIGHT - LEFT) / len(sizes)


def _series(values: Mapping[int, float], axis: Axis, sizes: Sequence[int], number: int, of: int, pair: str) -> Element:
    """The signs of one pair of dtypes, joined, and a little beside those of others."""
    aside = (number - (of - 1) / 2) * 5.0
    points = [(_place(rows, sizes) + aside, axis.at(value), rows, value) for rows, value in sorted(values.items())]
    line = "".join(f"{'L' if at else 'M'}{x:.1f} {y:.1f}" for at, (x, y, _, _) in enumerate(points))
    made = tag("g", class_=f"pair{number % len(SIGNS)}")
    if line:
        made.append(tag("path", d=line, class_="join"))
    for x, y, rows, value in points:
        said = f"{short(pair)}, up to {rows:,} rows: {ratio(value) if value >= 0.01 or not value else f'{value:.0e}'}"
        sign = tag("path", tag("title", said), d=f"M{x:.1f} {y:.1f}{SIGNS[number % len(SIGNS)]}", class_="mark")
        made.append(sign)
    return made


def _sizes(sizes: Sequence[int]) -> Iterator[Element]:
    for rows in sizes:
        label = f"{rows:,}" if rows < 10_000 else f"1e{round(math.log10(rows))}"
        yield tag("text", label, x=f"{_place(rows, sizes):.1f}", y=HEIGHT - 10, class_="tick", text_anchor="middle")
    yield tag("text", "rows ≤", x=LEFT - 5, y=HEIGHT - 10, class_="tick", text_anchor="end")
