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

Written by `python -m bn_reference.reports.frameworks DIRECTORY docs/frameworks.md` from the JSON reports of the environments
`frameworks-light`, `frameworks-jax` and `frameworks-paddle` of tox. Each is judged by the conventions that it keeps. What
breaks a rule is followed to its end in `findings.md`.
"""
KEY = """\
*ok*: passed in all dtypes that were tried; *n/a*: it cannot be asked for; else the pairs of dtypes in which it is violated.
"""


def page(reports: list[tuple[str, dict[str, Any]]]) -> str:
    """The page, for reports with a name each."""
    head = "| rule | " + " | ".join(str(number) for number, _ in enumerate(reports, 1)) + " |"
    rules = list(dict.fromkeys(result["property"] for _, report in reports for result in report["results"]))
    rows = [f"| {rule.replace('_', ' ')} | {' | '.join(_cell(report, rule) for _, report in reports)} |" for rule in rules]
    about = [
        "| | framework | versions | conventions, where not torch's | passed | violated | n/a | seconds |",
        "|" + "---|" * 8,
    ]
    about += [_about(number, name, report) for number, (name, report) in enumerate(reports, 1)]
    return "\n".join([INTRODUCTION, *about, "", "## Rules", "", KEY, head, "|" + "---|" * (len(reports) + 1), *rows, ""])


def _cell(report: dict[str, Any], rule: str) -> str:
    results = [result for result in report["results"] if result["property"] == rule]
    broken = [f"{SHORT[r['input_dtype']]}/{SHORT[r['parameter_dtype']]}" for r in results if r["status"] == "violated"]
    passed = any(result["status"] == "passed" for result in results)
    return f"**{', '.join(broken)}**" if broken else "ok" if passed else "n/a"


def _about(number: int, name: str, report: dict[str, Any]) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in report["environment"].items() if package not in OUR_OWN)
    found = report["conventions"]["found"]
    kept = [f"{convention}={value}" for convention, value in found.items() if value != getattr(TORCH, convention)]
    counts = [
        sum(result["status"] == status for result in report["results"]) for status in ("passed", "violated", "unsupported")
    ]
    numbers = " | ".join(map(str, counts))
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
