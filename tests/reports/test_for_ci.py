"""What a CI system reads says what the report says: JUnit XML, Markdown, and GitHub's commands."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from made import OTHER, RULE, SCRIPT, SHOWN, cause, report, result, violated

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.conventions import TORCH
from bn_reference.reports.junit import as_junit
from bn_reference.reports.report import Report
from bn_reference.reports.summary import MOST, as_markdown, github_commands

ODD = replace(SHOWN, message="y is <b>1</b> | `x`\x00\ud800 & [a](b)\n::error::no", diagnosis="")


def cases(shown: Report) -> dict[str, ElementTree.Element]:
    suite = ElementTree.fromstring(as_junit(shown))[0]
    found = {f"{case.get('classname')}.{case.get('name')}": case for case in suite.iter("testcase")}
    counted = {kind: sum(case.find(name) is not None for case in found.values()) for kind, name in KINDS.items()}
    assert {kind: int(suite.get(kind, "")) for kind in KINDS} == counted
    assert suite.get("tests") == str(len(found))
    return found


KINDS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def test_each_result_is_a_test_case_with_its_seconds() -> None:
    met = result(OTHER, PAIRS[1], "known deviation", message="as torch does")
    found = cases(report(result(), met, result(OTHER, PAIRS[2], "unsupported", message="no halves")))

    assert [(name, [child.get("message") for child in case], case.get("time")) for name, case in found.items()] == [
        (f"somewhere:Layer.float32/float32.{RULE}", [], "1.250"),
        (f"somewhere:Layer.float64/float64.{OTHER}", ["known deviation: as torch does"], "1.250"),
        (f"somewhere:Layer.float16/float32.{OTHER}", ["unsupported: no halves"], "1.250"),
    ]


def test_the_root_of_a_cause_has_all_that_is_known_and_the_others_say_where_to_look() -> None:
    root, other = violated(), violated(PAIRS[1], name=OTHER)
    found = cases(report(root, other, causes=(cause(root, other, reproducer_fails=True),)))
    [first, second] = [case.find("failure") for case in found.values()]

    assert "This script was run, and failed:" in (first.text or "")
    assert SCRIPT.rstrip() in (first.text or "")
    assert second.text == f"told with {RULE} in float32/float32, which is broken for the same cause\n"


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        (report(result(), interrupted=True), "errors"),
        (report(result(OTHER, status="unsupported", examples=0)), "failures"),
        (report(result(OTHER), conventions=TORCH.but(running_variance="biased")), "failures"),
        (report(violated()), "failures"),
    ],
)
def test_what_does_not_conform_has_a_failure_or_an_error(shown: Report, kind: str) -> None:
    assert not shown.conforms
    assert any(case.find(KINDS[kind]) is not None for case in cases(shown).values())


def test_what_conforms_has_none() -> None:
    shown = report(result(), result(OTHER))

    assert shown.conforms
    assert all(len(case) == 0 for case in cases(shown).values())


def test_what_a_target_says_is_text_everywhere() -> None:
    shown = report(violated(violation=ODD))
    [failure] = [case.find("failure") for case in cases(shown).values()]

    assert failure.get("message") == ODD.message.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert r"y is &lt;b>1&lt;/b> \| \`x\`" in as_markdown(shown)
    assert list(github_commands(shown)) == [
        f"::error title=somewhere%3ALayer%3A {RULE.replace('_', ' ')}%2C float32/float32::"
        "y is <b>1</b> | `x`\x00? & [a](b)%0A::error::no"
    ]


def test_the_page_has_the_verdict_each_cause_with_its_script_and_the_table_folded() -> None:
    page = as_markdown(report(violated(), result(OTHER), causes=(cause(violated(), reproducer_fails=True),))).splitlines()

    assert page[0].startswith("## ✗ somewhere:Layer violates 1 of 2 rules, 1 cause: 1 passed, 1 violated, in 12.3 s")
    assert "### 1. one step moves the running mean, float32/float32" in page
    assert "| explained | momentum is the weight of the old value |" in page
    assert page[page.index("```python") - 2] == "<details><summary>This script was run, and failed</summary>"
    assert "| one step moves the running mean | ✗ 250 |" in page
    assert (
        page.count("<details><summary>all rules: 1 passed, 1 violated; the number is the largest error / bound</summary>") == 1
    )


def test_a_script_with_backquotes_does_not_end_its_block() -> None:
    page = as_markdown(report(violated(violation=replace(SHOWN, reproducer="print('````')\n"))))

    assert "`````python\nprint('````')\n`````\n" in page


def test_a_page_that_nobody_takes_is_cut_and_says_so() -> None:
    page = as_markdown(report(*[violated(violation=replace(SHOWN, reproducer="x = 1\n" * MOST))]))

    assert len(page) < MOST + 100
    assert page.endswith("... and more, which `bn-reference verify --json FILE` writes whole.\n")
