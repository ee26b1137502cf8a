"""The top of a page: the verdict, what it rests on, and what the target keeps and can be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from bn_reference.conventions import TORCH, VALUES
from bn_reference.reports.abilities import cannot, say_capabilities
from bn_reference.reports.asides import asides_of
from bn_reference.reports.lives import lives_of
from bn_reference.reports.marks import SIGNS, short
from bn_reference.reports.page.content import Content
from bn_reference.reports.page.markup import linked, tag
from bn_reference.reports.reached import say_reached
from bn_reference.reports.results import pair_of
from bn_reference.targets import USUAL

__all__ = ["accepted", "asides", "capabilities", "conventions", "verdict"]

STOPPED = "■"


def mark(content: Content) -> str:
    """The sign of the verdict."""
    return STOPPED if content.undecided else SIGNS["passed" if content.conforms else "violated"]


def verdict(content: Content) -> Element:
    """The verdict in a sentence, with what was tried."""
    state = "interrupted" if content.undecided else "passed" if content.conforms else "violated"
    devices = ", ".join(dict.fromkeys(result.device for result in content.results))
    header = tag("header", class_=f"verdict {state}")
    header.append(tag("p", f"bn-reference {content.environment.get('bn-reference', '')}".strip(), class_="aside"))
    header.append(tag("h1", content.target, *([tag("span", f" on {devices}", class_="aside")] if devices else [])))
    header.append(
        tag("p", tag("b", mark(content)), f" {content.sentence.removeprefix(content.target).lstrip(', ')}", class_="sentence")
    )
    header.extend(tag("p", "note: ", *linked(note), class_="note") for note in content.notes)
    said = tag("dl", class_="facts")
    for name, line in _facts(content):
        said.append(tag("div", tag("dt", name), tag("dd", line)))
    header.append(said)
    return header


def _facts(content: Content) -> Iterator[tuple[str, str]]:
    results, minutes = content.results, content.options.get("minutes")
    examples = content.options.get("examples") or max((result.examples for result in results), default=0)
    yield "dtypes", ", ".join(dict.fromkeys(short(pair_of(result)) for result in results)) or "none"
    rows, channels = (max((result.largest[axis] for result in results), default=0) for axis in (0, 1))
    largest = f"; the largest of {rows:,} rows, and of {channels:,} channels" if rows else ""
    budget = f"up to {examples:,} a property and pair of dtypes" if minutes is None else say_reached(results, float(minutes))
    yield "cases", f"seed {content.seed}, {budget}{largest}"
    if "cases" in content.environment:
        yield "from", content.environment["cases"]
    if lives := lives_of(results):
        yield "lives", lives
    yield "took", f"{content.seconds:,.1f} s"
    versions = {name: version for name, version in content.environment.items() if name not in ("cases", "bn-reference")}
    yield "with", ", ".join(f"{name} {version}" for name, version in versions.items())


def conventions(content: Content) -> Iterator[Element]:
    """What the target keeps where batch norms lawfully differ, and whether that was demanded."""
    otherwise, contrary = TORCH.differences(content.kept), content.demanded.differences(content.kept)
    yield tag("p", f"torch's but for {len(otherwise)}:" if otherwise else "torch's, all of them.")
    if otherwise or contrary:
        listed = tag("ul")
        for name in dict.fromkeys([*otherwise, *contrary]):
            words = f"{name}={getattr(content.kept, name)}: {VALUES[name][getattr(content.kept, name)]}"
            item = tag("li", words)
            if name in contrary:
                wanted = VALUES[name][getattr(content.demanded, name)]
                item.append(tag("b", f" {SIGNS['violated']} where {wanted} is demanded"))
            listed.append(item)
        yield listed
    table = tag("dl", class_="facts")
    for name, value in content.kept.to_json().items():
        table.append(tag("div", tag("dt", name.replace("_", " ")), tag("dd", VALUES[name][value])))
    yield tag("details", tag("summary", f"all {len(table)}"), table)


def capabilities(content: Content) -> Iterator[Element]:
    """How it is called, and what it can be asked for."""
    lines = say_capabilities(content.target, content.capabilities)
    form = content.capabilities.get("form")
    if form in USUAL:  # which is not said where there is no room
        lines = [f"called as: {form}", *lines]
    if content.capabilities and not cannot(content.capabilities) and not content.capabilities.get("domain"):
        lines.append("it can be asked for everything")
    yield tag("ul", *(tag("li", *linked(line)) for line in lines or ["nothing was found out"]))


def asides(content: Content) -> list[Element]:
    """Known deviations that were met, with their links, and what could not be asked."""
    said = []
    for aside in asides_of(content.results, content.capabilities):
        names = list(dict.fromkeys(result.property.replace("_", " ") for result in aside.results))
        count = f"{len(aside.results)} {'result' if len(aside.results) == 1 else 'results'}"
        where = tag("details", tag("summary", count), tag("p", ", ".join(names)))
        line = tag("p", tag("b", SIGNS[aside.status]), f" {aside.title}: ", *linked(aside.reason))
        said.append(tag("div", line, where, class_=f"said {aside.status.replace(' ', '-')}"))
    return said


def accepted(content: Content) -> list[Element]:
    """The accepted deviations, each with its reason, and how it stands."""
    said = []
    for each in content.accepted:
        sign = SIGNS["accepted" if each["stands"] else "violated"]
        stands = "accepted" if each["stands"] else f"accepted no more, as {each['said']}"
        link = linked(f" ({each['link']})") if each["link"] else []
        of = f"; entry {each['entry']} of {each['file']}, of {each['region']}; {each['examples']:,} examples met it"
        line = tag("p", tag("b", sign), f" {stands}: {each['reason']}", *link, tag("span", of, class_="aside"))
        said.append(tag("div", line, class_="said accepted"))
    return said
