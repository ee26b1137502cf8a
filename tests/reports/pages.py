"""Pages taken apart, and reports that say what no page may take for markup."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import numpy as np
from made import CASE, IMPLIED, OTHER, RULE, SCRIPT, WORST, cause, report, result, violated

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.region import Region
from bn_reference.conventions import TORCH
from bn_reference.oracle.elements import Element, Elements
from bn_reference.properties.accepted import Acceptance
from bn_reference.reports.accepted import Standing
from bn_reference.reports.page.page import as_page
from bn_reference.reports.report import Report
from bn_reference.reports.results import Violation

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "manifest", "ping", "xlink:href", "style"}

HOSTILE = (
    "</pre></style></script><script>alert('no')</script><img src=http://evil.example/x.png onerror=alert(1)>"
    "<!-- ]]> &amp; &lt; \" ' ` \x00 \x1b[31m \ud800 \u202e javascript:alert(2) <svg/onload=alert(3)> {{7*7}}"
)
SHOWN = HOSTILE.translate({0: "\ufffd", 0x1B: "\ufffd", 0xD800: "\ufffd", 0x202E: "\ufffd"})  # what a reader sees of it


@dataclass
class Tag:
    """An element: its attributes, and all text in it."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Tag"] = field(default_factory=list)

    def all(self, name: str, class_: str = "") -> Iterator["Tag"]:
        """Those below it of a name, and a class, in the order of the document."""
        for child in self.children:
            if child.name == name and (not class_ or class_ in child.attributes.get("class", "").split()):
                yield child
            yield from child.all(name, class_)


class Page(HTMLParser):
    """A page, taken apart; every element is closed, by its own name."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Tag("", {})
        self._open = [self.root]
        self.declarations: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [self.root], f"not closed: {[each.name for each in self._open]}"

    def handle_decl(self, decl: str) -> None:
        self.declarations.append(decl)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"there is no comment of ours: {data}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Tag(tag, {name: value or "" for name, value in attrs})
        assert len(made.attributes) == len(attrs), f"twice an attribute: {attrs}"
        self._open[-1].children.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self._open[-1].name, f"</{tag}> closes <{self._open[-1].name}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for each in self._open:
            each.text += data

    def all(self, name: str, class_: str = "") -> list[Tag]:
        return list(self.root.all(name, class_))

    def one(self, name: str, class_: str = "") -> Tag:
        [found] = self.all(name, class_)
        return found

    def section(self, name: str) -> Tag:
        [found] = [each for each in self.all("section") if each.attributes["id"] == name]
        return found


def page_of(shown: Report) -> Page:
    return Page(as_page(shown.to_json()))


def digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def elements(*numbers: tuple[float, float], compared: int = 0) -> Elements:
    """Of errors and bounds, in the order given."""
    seen = [Element((at, 0), 1.0 + error, 1.0, error, bound, bool(error <= bound)) for at, (error, bound) in enumerate(numbers)]
    return Elements(compared or len(seen), sum(not each.holds for each in seen), tuple(seen))


def hostile() -> Report:
    """Whatever a target or a project can say, it says what would be markup or an address."""
    found = replace(WORST, what="y", index=(0, 0), elements=elements((0.25, 1e-6), (0.0, 1e-6)))
    violation = Violation(HOSTILE, found, CASE, found, HOSTILE, HOSTILE + SCRIPT)
    broken = violated(violation=violation, name=OTHER)
    entry = Acceptance(HOSTILE, 1, "t", "cpu", (RULE,), ("float32/float32",), HOSTILE, Region(), (), "javascript:alert(4)")
    return replace(
        report(
            broken,
            result(RULE, PAIRS[0], "accepted", message=HOSTILE, accepted={1: 2}),
            result(RULE, PAIRS[1], "unsupported", examples=0, message=HOSTILE),
            result(OTHER, PAIRS[1], "known deviation", message=HOSTILE, deviations=(HOSTILE,), gone=(HOSTILE,)),
            result(IMPLIED, refused={HOSTILE: 3}),
            causes=(cause(broken, reproducer_fails=True),),
            notes=(HOSTILE,),
            capabilities={"form": HOSTILE, "notes": [HOSTILE], "kernels": [HOSTILE]},
            accepted=(Standing(entry, gone=((RULE, "float32/float32"),)),),
            conventions=TORCH.but(running_variance="biased"),
        ),
        target=HOSTILE,
        environment={"python": HOSTILE, "cases": HOSTILE},
    )


def many(count: int) -> Report:
    """As many causes, each with numbers, the first of a case that is too large to be shown in numbers."""
    large = CASE.but(x=np.zeros((300, 1), np.float32), grad_y=np.ones((300, 1), np.float32))
    broken = []
    for number in range(count):
        found = replace(WORST, elements=elements((0.125, 0.0005), (0.0, 0.0005), compared=300))
        said = Violation(f"cause {number} was found", found, CASE if number else large, found, "", f"assert {number}\n")
        broken.append(violated(PAIRS[number % 6], said, RULE if number % 2 else OTHER))
    return report(*broken, result(IMPLIED), causes=tuple(cause(each) for each in broken))


def plain(**changes: Any) -> Report:
    """A conforming one, of two pairs of dtypes."""
    measured = {"ratio_by_rows": {10: 0.25, 1000: 0.0}, "resolution_by_rows": {10: 1e-6, 1000: float("inf")}}
    return report(result(OTHER, **measured), result(OTHER, PAIRS[1], **measured), result(RULE), **changes)
