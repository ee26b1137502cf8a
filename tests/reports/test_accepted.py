"""What is said of accepted deviations: in the table, in the verdict, in JSON, and wherever a CI system reads."""

from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import validate
from made import OTHER, RULE, printed, report, result

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.region import Region
from bn_reference.properties.accepted import Acceptance
from bn_reference.reports.accepted import Standing
from bn_reference.reports.junit import as_junit
from bn_reference.reports.notebook import as_html
from bn_reference.reports.report import Report
from bn_reference.reports.schema import schema
from bn_reference.reports.summary import as_markdown, github_commands

ENTRY = Acceptance(
    "bn-accepted.toml", 2, "somewhere:Layer", "cpu", (RULE,), ("float32/float32",), "so it is", Region(dimensions=(3,)), (), "https://example.org/1"
)  # fmt: skip
MET = result(status="accepted", accepted={2: 7}, message="7 of 100 examples, as is accepted")
GONE = "entry 2 of bn-accepted.toml excuses what no longer fails: one step moves the running mean in float32/float32"


def shown(*, stands: bool) -> Report:
    met = Standing(ENTRY, (MET,)) if stands else Standing(ENTRY, gone=((RULE, "float32/float32"),))
    return report(MET if stands else result(), result(OTHER), accepted=(met,))


def test_the_verdict_counts_what_is_accepted_and_the_table_marks_it() -> None:
    text = printed(shown(stands=True))

    assert text.splitlines()[-1] == (
        "ok somewhere:Layer conforms but for 1 accepted deviation: verified 2 of 2 rules, 1 passed, 1 accepted, in 12.3 s"
    )
    assert "acc. accepted: so it is (https://example.org/1); entry 2 of bn-accepted.toml, of x (N, C, L)\n" in text
    assert "acc. running: 1 accepted" in text
    assert "≠0.25" in printed(report(MET, result(OTHER, PAIRS[1])), terminal=True)


def test_what_is_in_the_way_is_one_entry_and_no_verdict_that_conforms() -> None:
    found = shown(stands=False)
    text = " ".join(printed(found).split())

    assert not found.conforms
    assert f"FAIL accepted no more: {GONE}; remove the entry" in text
    assert "FAIL somewhere:Layer does not conform, for 1 deviation that is accepted no more: verified 2 of 2 rules" in text


@pytest.mark.parametrize("stands", [True, False])
def test_the_json_has_each_entry_and_how_it_stands(stands: bool) -> None:
    written: dict[str, Any] = shown(stands=stands).to_json()

    validate(written, schema())
    [entry] = written["accepted"]
    assert (entry["entry"], entry["stands"], entry["examples"]) == (2, stands, 7 if stands else 0)
    assert (entry["region"], entry["where"]) == ("x (N, C, L)", {"dimensions": [3]})
    assert [cause["cause"] for cause in written["causes"]] == ([] if stands else [GONE])
    assert [each["accepted"] for each in written["results"]] == [7 if stands else 0, 0]


def test_ci_systems_are_told_the_same() -> None:
    cases = {case.get("name"): case for case in ElementTree.fromstring(as_junit(shown(stands=False))).iter("testcase")}
    skipped = ElementTree.fromstring(as_junit(shown(stands=True)))[0].get("skipped")

    assert skipped == "1"
    assert [child.get("message") for child in cases["entry 2"]] == [f"{GONE}; remove the entry"]
    assert "- accepted: so it is (https://example.org/1); entry 2 of bn-accepted.toml" in as_markdown(shown(stands=True))
    assert "- **accepted no more**: entry 2 of bn-accepted.toml excuses" in as_markdown(shown(stands=False))
    assert next(github_commands(shown(stands=False))).startswith("::error title=somewhere%3ALayer%3A accepted no more::")
    assert f"<p>{GONE}</p>" in as_html(shown(stands=False))
