"""The plot of a cause: the error of each element of its smallest case, against the bound of each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from bn_reference.reports.page.axis import Axis
from bn_reference.reports.page.content import Entry, Number
from bn_reference.reports.page.markup import tag

__all__ = ["BEYOND", "WITHIN", "errors_against_bounds", "times"]

WIDTH, HEIGHT = 360.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 352.0, 8.0, 164.0
LETTER = 6.6  # pixels, about
BEYOND, WITHIN = "✕", "○"


def errors_against_bounds(entry: Entry) -> Element:
    """Errors as signs, bounds as lines, over the elements in their order."""
    numbers = entry.numbers
    axis = Axis([abs(value) for each in numbers for value in (each.error, each.bound)], TOP, BOTTOM)
    step = (RIGHT - LEFT) / len(numbers)
    said = f"error and bound of {len(numbers)} elements; {sum(not each.holds for each in numbers)} are beyond their bounds"
    picture = tag("svg", viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}", role="img", aria_label=said, class_="plot")
    picture.extend(axis.drawn(LEFT, RIGHT, "not finite"))
    for place, each in enumerate(numbers):
        picture.append(_element(each, axis, LEFT + (place + 0.5) * step, step))
    picture.extend(_labels(numbers, step))
    caption = tag(
        "figcaption",
        *(tag("span", sign, class_=f"sign {name}") if name else sign for sign, name in LEGEND),
        f"; logarithmic; {_which(entry)}",
    )
    return tag("figure", picture, caption)


LEGEND = (
    (BEYOND, "beyond"),
    (" error beyond the bound, ", ""),
    (WITHIN, "within"),
    (" within it, ", ""),
    ("—", "bound"),
    (" the bound", ""),
)


def _which(entry: Entry) -> str:
    if len(entry.numbers) < entry.compared:
        largest = f"the {len(entry.numbers)} of {entry.compared:,} elements with the largest error / bound"
        return f"{largest}; {entry.broken:,} are beyond the bound"
    are = "element is" if entry.compared == 1 else "elements are"
    return f"{entry.broken} of {entry.compared} {are} beyond the bound"


def times(number: Number) -> float:
    """Error / bound; infinite where there is no such number."""
    if number.bound == 0.0 or math.isnan(number.error):
        return 0.0 if number.holds else math.inf
    return number.error / number.bound


def _element(number: Number, axis: Axis, x: float, step: float) -> Element:
    error, bound, half = axis.at(number.error), axis.at(number.bound), min(0.4 * step, 14.0)
    said = f"{number.element}: error {number.error:.3g}, bound {number.bound:.3g}"
    made = tag("g", tag("title", said), class_="within" if number.holds else "beyond")
    made.append(tag("line", x1=f"{x - half:.1f}", x2=f"{x + half:.1f}", y1=f"{bound:.1f}", y2=f"{bound:.1f}", class_="bound"))
    if number.holds:
        made.append(tag("circle", cx=f"{x:.1f}", cy=f"{error:.1f}", r=f"{min(3.5, 0.45 * step):.1f}"))
        return made
    made.append(tag("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=f"{bound:.1f}", y2=f"{error:.1f}", class_="stem"))
    arm = min(4.0, 0.45 * step)
    cross = f"M{x - arm:.1f} {error - arm:.1f}l{2 * arm:.1f} {2 * arm:.1f}m{-2 * arm:.1f} 0l{2 * arm:.1f} {-2 * arm:.1f}"
    made.append(tag("path", d=cross))
    return made


def _labels(numbers: tuple[Number, ...], step: float) -> Iterator[Element]:
    """The names of the elements where there is room, else the numbers of the first and the last."""
    y = BOTTOM + 16.0
    if max(len(each.element) for each in numbers) * LETTER < step:
        for place, each in enumerate(numbers):
            yield tag("text", each.element, x=f"{LEFT + (place + 0.5) * step:.1f}", y=y, class_="tick", text_anchor="middle")
        return
    yield tag("text", numbers[0].element, x=LEFT, y=y, class_="tick")
    yield tag("text", numbers[-1].element, x=RIGHT, y=y, class_="tick", text_anchor="end")
