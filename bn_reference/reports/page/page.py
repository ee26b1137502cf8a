"""The page as a whole: its sections in the order in which they are read, its style, and the one script that copies."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any
from xml.etree.ElementTree import Element

from bn_reference.reports.page.causes import entries
from bn_reference.reports.page.content import Content, content_of
from bn_reference.reports.page.head import accepted, asides, capabilities, conventions, mark, verdict
from bn_reference.reports.page.markup import tag, written
from bn_reference.reports.page.matrix import legend, matrix
from bn_reference.reports.page.sizes import by_size
from bn_reference.reports.results import pair_of

__all__ = ["as_page"]


def as_page(report: Mapping[str, Any]) -> str:
    """A document of HTML for a report's JSON object, of schema 2; it loads nothing, and runs no script but its own.

    Raises:
        UnreadableReport: what it was given is no report.
    """
    content = content_of(report)
    return written(tag("html", _head(content), _body(content), lang="en"))


def _head(content: Content) -> Element:
    style = _own("style.css") + _columns(content)
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, _own("copy.js"))),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{mark(content)} {content.target}: bn-reference"),
        tag("style", style),
    )


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded or run but this very style and this very script, whatever a target says."""
    allowed = (f"{kind}-src 'sha256-{_digest(text)}'" for kind, text in (("style", style), ("script", script)))
    return "; ".join(["default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'"])


def _digest(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _own(name: str) -> str:
    """A file of the package; it has nothing in it that would end the element that it stands in."""
    return resources.files("bn_reference.reports.page").joinpath(name).read_text(encoding="utf-8")


def _columns(content: Content) -> str:
    """On a narrow screen the name of a rule stands above its cells: as many in a row as there are pairs of dtypes."""
    count = max(len({pair_of(result) for result in content.results}), 1)
    return f":root {{ --pairs: {count}; }}\n"


def _body(content: Content) -> Element:
    tried = {result.property for result in content.results}
    sections = [
        _section("causes", f"Causes ({len(content.causes)})", entries(content.causes, tried)),
        _section("accepted", "Accepted deviations", accepted(content)),
        _section("rules", "Rules", [*legend(content.results), matrix(content.results, content.causes)], content.results),
        _section("sizes", "By the size of the batch", by_size(content.results)),
        _section("asides", "Known deviations, and what was not asked", asides(content)),
        _section("conventions", "Conventions", conventions(content)),
        _section("capabilities", "Capabilities", capabilities(content)),
    ]
    kept = [section for section in sections if section is not None]
    links = tag("nav", *(tag("a", section[0].text or "", href=f"#{section.get('id')}") for section in kept))
    return tag("body", verdict(content), links, tag("main", *kept), tag("script", _own("copy.js")))


def _section(name: str, title: str, children: Iterable[Element], of: object = True) -> Element | None:
    """A section with its title; None where there is nothing in it."""
    listed = list(children)
    return tag("section", tag("h2", title), *listed, id=name) if listed and of else None
