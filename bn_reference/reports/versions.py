"""The table of outcomes by version of Python, torch and NumPy, made of reports on torch's own layer and of the tests' results.

``python -m bn_reference.reports.versions DIRECTORY docs/versions.md`` writes it.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bn_reference.reports.difference import Change, difference, read_report
from bn_reference.reports.difference_text import verdict_of
from bn_reference.support.files import write_whole

__all__ = ["Outcome", "page", "read_outcomes"]

SHOWN = ("python", "torch", "numpy", "hypothesis")  # versions, a column each
INTRODUCTION = """\
# Versions

Written by `python -m bn_reference.reports.versions DIRECTORY docs/versions.md`, of files that are named as environments are.
NAME.json is what `bn-reference verify --json NAME.json` wrote of `torch.nn.BatchNorm1d` on the CPU, all rules in so many
pairs of dtypes and up to so many examples as are told; 100 are its default. NAME.xml is what `pytest --junitxml NAME.xml`
wrote, where all tests that fit the gate were run. NAME.txt says how the environment was made.
`BN_REFERENCE_REPORTS=DIRECTORY tox run -e NAME` writes the first two.
"""
DEVIATIONS = """\
## Known deviations

In how many results, each of a rule in a pair of dtypes, what torch is known to do was met; *gone* where it was not, though
the case is one that shows it.
"""
CHANGES = """\
## From each to the next

What `bn-reference diff` says of an environment's report and the next one's. Other versions of Hypothesis draw other cases,
so that a rule may meet a known deviation in one and not in another.
"""


@dataclass(frozen=True)
class Outcome:
    """What was run in one environment.

    Attributes:
        name: of the environment.
        report: of ``verify`` on torch's own layer, schema 2.
        tests: how many passed, failed (errors among them) and were skipped; None where they were not run.
        seconds: that the tests took.
        made: how the environment came to be, a sentence; empty where tox says it.
    """

    name: str
    report: dict[str, Any]
    tests: tuple[int, int, int] | None = None
    seconds: float = 0.0
    made: str = ""

    def version(self, package: str) -> str:
        """Of a package that the report names."""
        return str(self.report["environment"].get(package, ""))


def read_outcomes(directory: Path) -> list[Outcome]:
    """Those of a directory, the oldest torch first.

    Raises:
        UnusableReport: a JSON file in it is no report.
    """
    found = []
    for path in directory.glob("*.json"):
        report, results, made = read_report(path), path.with_suffix(".xml"), path.with_suffix(".txt")
        tests, seconds = _tests(results.read_text(encoding="utf-8")) if results.exists() else (None, 0.0)
        told = made.read_text(encoding="utf-8").strip() if made.exists() else ""
        found.append(Outcome(path.stem, report, tests, seconds, told))
    return sorted(found, key=lambda outcome: (_numbers(outcome.version("torch")), _numbers(outcome.version("python"))))


def page(outcomes: list[Outcome]) -> str:
    """The page, of outcomes in their order."""
    columns = ["", *SHOWN, "tried", "verdict", "rules verified", "passed", "known", "violated", "n/a", "tests", "environment"]
    rows = [[str(number), *_about(outcome)] for number, outcome in enumerate(outcomes, 1)]
    about = _table(columns, rows)
    sentences = dict.fromkeys(
        said
        for outcome in outcomes
        for result in outcome.report["results"]
        for said in (*result["deviations"], *result["gone"])
    )
    head = ["deviation", *(f"{number}: torch {outcome.version('torch')}" for number, outcome in enumerate(outcomes, 1))]
    met = _table(head, [[said, *(_met(outcome.report, said) for outcome in outcomes)] for said in sentences])
    steps = [_step(number, old, new) for number, (old, new) in enumerate(pairwise(outcomes), 1)]
    made = [f"{number}. `{outcome.name}`: {outcome.made}" for number, outcome in enumerate(outcomes, 1) if outcome.made]
    return "\n".join([INTRODUCTION, *about, "", *made, "", DEVIATIONS, *met, "", CHANGES, *steps, ""])


def _tests(written: str) -> tuple[tuple[int, int, int], float]:
    """Of a file as ``pytest --junitxml`` writes it."""
    suites = list(ElementTree.fromstring(written).iter("testsuite"))
    tests, failures, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    broken = failures + errors
    return (tests - broken - skipped, broken, skipped), sum(float(suite.get("time", 0)) for suite in suites)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0]))


def _about(outcome: Outcome) -> list[str]:
    report = outcome.report
    counts = Counter(result["status"] for result in report["results"])
    verdict = "conforms" if report["conforms"] else "**violates**" if counts["violated"] else "**does not conform**"
    rules = f"{report['rules']['verified']} of {report['rules']['of']}"
    statuses = [str(counts[status]) for status in ("passed", "known deviation", "violated", "unsupported")]
    tests = "not run"
    if outcome.tests is not None:
        passed, failed, skipped = outcome.tests
        tests = f"{passed} passed, {f'**{failed} failed**' if failed else 'none failed'}, {skipped} skipped"
    pairs = {(result["input_dtype"], result["parameter_dtype"]) for result in report["results"]}
    tried = f"{len(pairs)} {'pair' if len(pairs) == 1 else 'pairs'}, {report['options'].get('examples')} examples"
    return [*map(outcome.version, SHOWN), tried, verdict, rules, *statuses, tests, f"`{outcome.name}`"]


def _met(report: dict[str, Any], said: str) -> str:
    """In how many results a known deviation was met."""
    met = sum(said in result["deviations"] for result in report["results"])
    gone = any(said in result["gone"] for result in report["results"])
    return f"{met or '–'}" + ", gone" * gone


def _step(number: int, old: Outcome, new: Outcome) -> str:
    found = difference(old.report, new.report)
    lines = [f"- {number} to {number + 1}, torch {old.version('torch')} to {new.version('torch')}: {verdict_of(found)}"]
    changed: dict[tuple[str, str, str], list[Change]] = {}
    for change in found.changes:
        changed.setdefault((change.rule, change.before or "not tried", change.now or "not tried"), []).append(change)
    for (rule, before, now), changes in changed.items():
        pairs = ", ".join(change.pair for change in changes)
        lines.append(f"  - {rule.replace('_', ' ')} ({pairs}): {before}, then {now}")
    return "\n".join(lines)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def main(directory: str, target: str) -> None:
    """Write the page of all outcomes in a directory."""
    text = page(read_outcomes(Path(directory)))
    write_whole(Path(target), lambda file: file.write(text.encode()))


if __name__ == "__main__":
    main(*sys.argv[1:])
