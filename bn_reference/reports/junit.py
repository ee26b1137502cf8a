"""A report as JUnit XML, which every CI system reads: a test case for each rule and pair of dtypes."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from bn_reference.cases.facts import Fact
from bn_reference.reports.accepted import Standing, in_the_way, say_advice, say_in_the_way
from bn_reference.reports.characters import legal
from bn_reference.reports.lawful import accepting, facts_of
from bn_reference.reports.results import Result, pair_of
from bn_reference.reports.sentences import say_fact
from bn_reference.reports.text import in_one_line
from bn_reference.reports.verdict import Verdict
from bn_reference.reports.violations import cause_text

__all__ = ["as_junit"]


def as_junit(report: Verdict) -> bytes:
    """The report; it has a failure or an error wherever the target does not conform."""
    cases = [_case(report, result) for result in report.results]
    cases += [_convention(report, fact) for fact in facts_of(report.demanded, report.conventions)]
    cases += [_accepted(report, standing) for standing in in_the_way(report.accepted)]
    if report.interrupted or (report.hollow and not report.violations):
        cases.append(_verdict(report))
    suite = Element("testsuite", name=legal(f"bn_reference: {report.target}"), tests=str(len(cases)))
    suite.set("time", f"{report.seconds:.3f}")
    for kind, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(kind) is not None for case in cases)))
    properties = SubElement(suite, "properties")
    part = {"part": f"{report.part.number}/{report.part.of}"} if report.part is not None else {}
    for name, value in {"seed": report.seed, **part, **report.environment}.items():
        SubElement(properties, "property", name=name, value=legal(str(value)))
    suite.extend(cases)
    root = Element("testsuites")
    root.append(suite)
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _case(report: Verdict, result: Result) -> Element:
    case = _named(report, pair_of(result), result.property, result.seconds)
    if result.status == "violated":
        _say(case, "failure", result.message, _of_its_cause(report, result))
    elif result.status in ("unsupported", "known deviation", "accepted"):
        _say(case, "skipped", f"{result.status}: {result.message}")
    return case


def _of_its_cause(report: Verdict, result: Result) -> str:
    """All that is known of the cause, at its root; elsewhere where to look."""
    for cause in report.causes:
        if result is cause.root:
            return cause_text(cause)
        if result in cause.members:
            return f"told with {cause.root.property} in {pair_of(cause.root)}, which is broken for the same cause\n"
    return ""


def _convention(report: Verdict, fact: Fact) -> Element:
    case = _named(report, "conventions", fact.what)
    _say(case, "failure", f"{say_fact(fact)}; --convention {accepting(report.conventions)} accepts it")
    return case


def _accepted(report: Verdict, standing: Standing) -> Element:
    case = _named(report, "accepted", f"entry {standing.acceptance.number}")
    _say(case, "failure", f"{say_in_the_way(standing)}; {say_advice(standing)}")
    return case


def _verdict(report: Verdict) -> Element:
    """Why the target does not conform though no rule is violated."""
    case = _named(report, "verdict", "the target is verified")
    _say(case, "error" if report.interrupted else "failure", in_one_line(report))
    return case


def _named(report: Verdict, where: str, name: str, seconds: float = 0.0) -> Element:
    return Element("testcase", classname=legal(f"{report.target}.{where}"), name=name, time=f"{seconds:.3f}")


def _say(case: Element, kind: str, message: str, text: str = "") -> None:
    said = SubElement(case, kind, message=legal(message))
    said.text = legal(text) or None
