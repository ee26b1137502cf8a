"""The report as an object: its JSON and the schema of it, as text, in a notebook, raised, and its scripts as files."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from made import CASE, IMPLIED, OTHER, RULE, SCRIPT, SHOWN, WORST, cause, printed, report, result, violated

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.facts import Fact, Kind
from bn_reference.oracle.compare import Comparison, fact
from bn_reference.oracle.elements import Element, Elements
from bn_reference.reports.report import Report
from bn_reference.reports.results import Violation
from bn_reference.reports.schema import schema
from bn_reference.reports.scripts import write_scripts

INFINITE = Comparison("y", False, ratio=math.inf, index=(0, 1), actual=math.nan, expected=-math.inf, error=math.inf, bound=0.0)
GONE = fact(False, Fact(Kind.ABSENT, "grad_x"))


def full() -> Report:
    """With every kind of result, and numbers that JSON has none for."""
    infinite = violated(PAIRS[1], Violation("y is nan", INFINITE, CASE, INFINITE), OTHER)
    gone = violated(violation=Violation("there is no grad_x", GONE), name="training_gradient_of_the_input")
    return report(
        result(IMPLIED, refused={"momentum=None": 6}, worst_ratio=math.inf, resolution=(1e-7, math.inf)),
        result(RULE, PAIRS[2], "unsupported", examples=0, worst_ratio=None, resolution=None, message="no"),
        result(RULE, PAIRS[3], "known deviation", message="3 of 100 examples: it does"),
        violated(),
        infinite,
        gone,
        causes=(cause(gone), cause(violated(), infinite, reproducer_fails=True), cause(infinite, reproducer_fails=False)),
        options={"examples": 30, "timeout": math.inf, "fail_fast": False},
        capabilities={"dtypes": {"float64", "float32"}, "eps": (0.0, math.inf)},
        notes=("a note",),
    )


@pytest.mark.parametrize("shown", [report(), report(result()), report(violated(), interrupted=True), full()])
def test_every_report_keeps_the_schema(shown: Report) -> None:
    written = json.loads(json.dumps(shown.to_json(), allow_nan=False))

    Draft202012Validator.check_schema(schema())
    assert [error.message for error in Draft202012Validator(schema()).iter_errors(written)] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda written: written.pop("causes"),
        lambda written: written.update(schema=1),
        lambda written: written.update(verdict="good"),
        lambda written: written["results"][0].update(status="fine"),
        lambda written: written["results"][0].update(worst_ratio="large"),
        lambda written: written["results"][0]["refused"].pop("reasons"),
        lambda written: written["causes"][0].update(properties=[]),
        lambda written: written["causes"][0].update(bound="inf"),
    ],
)
def test_the_schema_refuses_what_is_no_report(spoil: Any) -> None:
    written = full().to_json()
    spoil(written)

    assert not Draft202012Validator(schema()).is_valid(written)


def test_the_json_object_says_what_was_found() -> None:
    written = full().to_json()

    assert {name: written[name] for name in ("schema", "target", "conforms", "interrupted", "seed", "rules", "options")} == {
        "schema": 2,
        "target": "somewhere:Layer",
        "conforms": False,
        "interrupted": False,
        "seed": 7,
        "rules": {"verified": 4, "of": 4},
        "options": {"examples": 30, "timeout": "Infinity", "fail_fast": False},
    }
    assert written["capabilities"] == {"dtypes": ["float32", "float64"], "eps": [0.0, "Infinity"]}
    first, second = written["results"][:2]
    assert first["refused"] == {"examples": 6, "reasons": {"momentum=None": 6}}
    assert (first["worst_ratio"], first["resolution"]) == ("Infinity", {"median": 1e-7, "worst": "Infinity"})
    assert first["implied_by"] == [OTHER]
    assert (second["worst_ratio"], second["resolution"], second["implied_by"]) == (None, None, [])


def test_a_cause_in_json_has_its_numbers_or_none() -> None:
    gone, plain, infinite = full().to_json()["causes"]

    numbers = ("element", "actual", "expected", "error", "bound")
    assert [gone[name] for name in numbers] == [None] * 5
    assert (gone["case"], gone["reproducer"], gone["reproducer_fails"]) == (None, "", None)
    assert [plain[name] for name in numbers] == ["running_mean[0]", 0.30000001192092896, 0.175, 0.125, 0.0005]
    assert (plain["cause"], plain["explanation"]) == (SHOWN.message, "momentum is the weight of the old value")
    assert (plain["properties"], plain["pairs"]) == ([RULE, OTHER], ["float32/float32", "float64/float64"])
    assert (plain["case"], plain["reproducer"], plain["reproducer_fails"]) == (repr(CASE), SCRIPT, True)
    assert [infinite[name] for name in numbers] == ["y[0, 1]", "NaN", "-Infinity", "Infinity", 0.0]


def wrong(name: str, case: Case | None, *at: tuple[int, ...]) -> Report:
    """Of a rule that looks at one step of the case, with elements at these places."""
    seen = tuple(Element(index, 2.5, math.inf, math.nan, 0.5, False) for index in at)
    found = replace(WORST, what="y", index=at[0], elements=Elements(9, 3, seen))
    return report(violated(violation=Violation("y is wrong", found, case, found), name=name))


def test_a_cause_in_json_has_its_elements_with_the_x_that_stands_there() -> None:
    written = wrong(OTHER, CASE, (0, 0), (1, 0)).to_json()
    numbers = {"actual": 2.5, "expected": "Infinity", "error": "NaN", "bound": 0.5, "holds": False}

    assert written["causes"][0]["elements"] == {
        "compared": 9,
        "broken": 3,
        "shown": [{"element": "y[0, 0]", "x": 1.0, **numbers}, {"element": "y[1, 0]", "x": 2.5, **numbers}],
    }
    assert list(Draft202012Validator(schema()).iter_errors(written)) == []
    assert full().to_json()["causes"][1]["elements"] is None


@pytest.mark.parametrize(
    ("name", "case", "at"),
    [("permuting_rows_permutes_the_output", CASE, (0, 0)), (OTHER, None, (0, 0)), (OTHER, CASE, (0,))],
    ids=["the rule compares other steps", "there is no case", "the axes are others"],
)
def test_no_x_is_said_to_stand_where_it_may_not(name: str, case: Case | None, at: tuple[int, ...]) -> None:
    [entry] = wrong(name, case, at).to_json()["causes"]

    assert [each["x"] for each in entry["elements"]["shown"]] == [None]


def test_the_verdict_in_json_is_the_sentence_that_is_printed() -> None:
    assert full().to_json()["sentence"] in printed(full()).splitlines()[-1]


def test_a_report_as_text_is_what_a_pipe_gets() -> None:
    assert str(full()) == printed(full())


def test_a_report_in_a_prompt_takes_one_line() -> None:
    assert repr(report(result())) == ("<Report: somewhere:Layer conforms: verified 1 of 1 rule, 1 passed, in 12.3 s>")
    assert repr(report(violated())).startswith("<Report: somewhere:Layer violates 1 of 1 rules, 1 cause: ")
    assert len(repr(full().causes)) < 2000


@pytest.mark.parametrize("shown", [report(), report(violated()), report(result(), interrupted=True), full()])
def test_what_does_not_conform_is_raised_with_the_short_text(shown: Report) -> None:
    with pytest.raises(AssertionError) as raised:
        shown.raise_for_violations()

    assert str(raised.value) == str(shown)


def test_what_conforms_is_not_raised() -> None:
    report(result()).raise_for_violations()


def test_a_notebook_shows_a_table_in_which_nothing_of_the_target_is_markup() -> None:
    loud = Violation("forward raised <script>alert('no')</script> & more", WORST, CASE, WORST, "<b>")
    shown = report(violated(violation=loud), result(OTHER, PAIRS[1]), notes=("<i>a note",))

    html = shown._repr_html_()

    assert "<script>" not in html
    assert "&lt;script&gt;alert(&#x27;no&#x27;)&lt;/script&gt; &amp; more" in html
    assert "<i>&lt;b&gt;</i>" in html
    assert "<p>&lt;i&gt;a note</p>" in html
    assert "<tr><th>rule</th><th>f32</th><th>f64</th></tr>" in html
    assert '<td title="passed">✓ 0.25</td>' in html
    assert html.count("<tr>") == 3


def test_each_cause_writes_its_script(tmp_path: Path) -> None:
    silent = violated(violation=Violation("there is no grad_x", GONE), name="training_gradient_of_the_input")
    other = violated(name=OTHER)
    causes = (cause(silent), cause(violated()), cause(silent, other, shown_by=other))

    written = write_scripts(report(violated(), other, causes=causes), tmp_path / "new" / "scripts")

    assert [path.name for path in written] == [f"2_{RULE}.py", f"3_{OTHER}.py"]
    assert all(path.read_text() == SCRIPT for path in written)
