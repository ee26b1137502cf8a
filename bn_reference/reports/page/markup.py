"""Elements of HTML and SVG: a tree that is written at its end, so that no text in it can be taken for markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, tostring

from bn_reference.reports.characters import legal

__all__ = ["Child", "add", "linked", "numbers", "tag", "written"]

Child = Element | str
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # what writes the text after it the other way round
ADDRESS = re.compile(r"https?://[^\s<>\"'()]+[^\s<>\"'().,;:]")


def tag(name: str, /, *children: Child, **attributes: str | float) -> Element:
    """``tag("td", "3", class_="number")``; an underscore in a name stands for a hyphen, at its end for nothing."""
    given = {key.rstrip("_").replace("_", "-"): _text(f"{value}") for key, value in attributes.items() if value != ""}
    made = Element(name, given)
    add(made, children)
    return made


def add(parent: Element, children: Iterable[Child]) -> None:
    """Put them behind what is there already."""
    for child in children:
        if isinstance(child, Element):
            parent.append(child)
        elif len(parent):
            parent[-1].tail = (parent[-1].tail or "") + _text(child)
        else:
            parent.text = (parent.text or "") + _text(child)


def linked(text: str) -> Iterator[Child]:
    """The text, its addresses as links, which load nothing before somebody follows them."""
    at = 0
    for found in ADDRESS.finditer(text):
        yield text[at : found.start()]
        yield tag("a", found.group(), href=found.group(), rel="noopener noreferrer")
        at = found.end()
    yield text[at:]


def numbers(rows: Iterable[Iterable[Child]], head: Iterable[Child], **attributes: str) -> Element:
    """A table, the first column of which names the rows; as wide as it needs to be, in a box that scrolls."""
    body = tag("tbody")
    for first, *others in rows:
        body.append(tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in others)))
    top = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head)))
    return tag("div", tag("table", top, body, **attributes), class_="wide", tabindex="0")


def written(root: Element) -> str:
    """The document as text."""
    return "<!DOCTYPE html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def _text(text: str) -> str:
    return TURNING.sub("\ufffd", legal(text))
