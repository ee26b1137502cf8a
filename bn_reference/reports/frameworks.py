"""The table of rules against frameworks, made of the JSON reports on them.

``python -m bn_reference.reports.frameworks DIRECTORY docs/frameworks.md`` writes it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bn_reference.conventions import TORCH
from bn_reference.support.files import write_whole

__all__ = ["page"]

SHORT = {"float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64"}
OUR_OWN = ("python", "platform", "bn-reference", "hypothesis", "ml_dtypes", "numpy", "torch")
INTRODUCTION = """\
# Batch norms of other frameworks

Written by `python -m bn_reference.reports.frameworks DIRECTORY docs/frameworks.md` from JSON reports, which
`bn-reference verify TARGET --json FILE` writes, and the environments `frameworks-light`, `frameworks-jax` and
`frameworks-paddle` of tox with BN_FRAMEWORKS_REPORTS. Each is judged by the conventions that it keeps, in the dtypes that are
named. What breaks a rule is followed to its end in `findings.md`, and is a *known deviation* since.
"""
KEY = """\
The {rules} rules that were tried. *ok*: passed in all dtypes that were tried; *known*: broken in a known deviation alone;
*n/a*: it cannot be asked for; else the pairs of dtypes in which it is violated.
"""


def page(reports: list[tuple[str, dict[str, Any]]]) -> str:
    """The page, for reports with a name each."""
    head = "| rule | " + " | ".join(str(number) for number, _ in enumerate(reports, 1)) + " |"
    rules = list(dict.fromkeys(result["property"] for _, report in reports for result in report["results"]))
    rows = [f"| {rule.replace('_', ' ')} | {' | '.join(_cell(report, rule) for _, report in reports)} |" for rule in rules]
    about = [
        "| | framework | versions | conventions, where not torch's | tried | passed | known | violated | n/a | seconds |",
        "|" + "---|" * 10,
    ]
    about += [_about(number, name, report) for number, (name, report) in enumerate(reports, 1)]
    table = [KEY.format(rules=len(rules)), head, "|" + "---|" * (len(reports) + 1), *rows]
    return "\n".join([INTRODUCTION, *about, "", "## Rules", "", *table, ""])


def _cell(report: dict[str, Any], rule: str) -> str:
    results = [result for result in report["results"] if result["property"] == rule]
    broken = [_pair(result) for result in results if result["status"] == "violated"]
    seen = {result["status"] for result in results}
    kept = "known" if "known deviation" in seen else "ok" if "passed" in seen else "n/a"
    return f"**{', '.join(broken)}**" if broken else kept


def _pair(result: dict[str, Any]) -> str:
    return f"{SHORT[result['input_dtype']]}/{SHORT[result['parameter_dtype']]}"


def _about(number: int, name: str, report: dict[str, Any]) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in report["environment"].items() if package not in OUR_OWN)
    found = report["conventions"]["found"]
    kept = [f"{convention}={value}" for convention, value in found.items() if value != getattr(TORCH, convention)]
    statuses = [result["status"] for result in report["results"]]
    counts = [statuses.count(status) for status in ("passed", "known deviation", "violated", "unsupported")]
    pairs = dict.fromkeys(_pair(result) for result in report["results"] if result["status"] != "unsupported")
    numbers = " | ".join([f"{', '.join(pairs)}, {report['options']['examples']} examples", *map(str, counts)])
    return f"| {number} | `{name}` | {versions} | {', '.join(kept) or 'none'} | {numbers} | {report['seconds']:.0f} |"


def main(directory: str, target: str) -> None:
    """Write the page of all reports in a directory, in the order of their files' names."""
    read = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(directory).glob("*.json"))]
    named = [(_name(report), report) for report in read]
    write_whole(Path(target), lambda file: file.write(page(named).encode()))


def _name(report: dict[str, Any]) -> str:
    """The target; with its backend, where it has several."""
    form = report["capabilities"].get("form", "")
    return str(report["target"]) + (f" {form[form.index(' on ') + 1 :]}" if form.startswith("keras") and " on " in form else "")


if __name__ == "__main__":
    main(*sys.argv[1:])
