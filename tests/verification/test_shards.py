"""Parts of a run: dealt evenly, told as parts, and merged to the verdict of one run."""

import copy
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonschema import Draft202012Validator

from bn_reference.cases.facts import Fact, Kind, Raised
from bn_reference.conventions import Conventions
from bn_reference.oracle.compare import Comparison, fact
from bn_reference.properties import PROPERTIES, Property
from bn_reference.reports.difference import UnusableReport, difference
from bn_reference.reports.junit import as_junit
from bn_reference.reports.page.page import as_page
from bn_reference.reports.part import Part
from bn_reference.reports.part_json import part_json
from bn_reference.reports.part_read import results_read
from bn_reference.reports.report import Report
from bn_reference.reports.result_read import result_read
from bn_reference.reports.results import Result, Violation
from bn_reference.reports.schema import schema, to_json
from bn_reference.reports.summary import as_markdown, github_commands
from bn_reference.targets import TORCH
from bn_reference.verification.api import verify
from bn_reference.verification.arguments import UnusableArguments
from bn_reference.verification.causes import causes_of, finest_causes_of
from bn_reference.verification.merge import merged
from bn_reference.verification.proof import proved_in_part
from bn_reference.verification.selection import select_pairs, units
from bn_reference.verification.shards import COSTS, Shard, dealt, shard_of

RULES = ("output_is_the_normalized_batch", "one_step_moves_the_running_mean", "evaluation_uses_the_running_statistics")
FEW: dict[str, Any] = {"dtypes": ["float32", "float64"], "properties": RULES, "examples": 4, "timeout": 60.0}


class TwoFaults(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)
        if self.training and self.running_mean is not None:
            self.running_mean.add_(1)
        return y if self.training else 2 * y


@pytest.fixture(autouse=True)
def scripts_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would take a process; some are said not to fail, so that others stand for them."""
    monkeypatch.setattr("bn_reference.reproduction.run.fails", lambda script, seconds, kind: "float32" not in script)


@pytest.fixture(scope="module")
def right() -> list[dict[str, Any]]:
    return parts(TORCH)


def parts(target: Any, of: int = 3, **options: Any) -> list[dict[str, Any]]:
    """The reports of all parts, as another machine reads them."""
    reports = (verify(target, shard=f"{number}/{of}", **{**FEW, **options}) for number in range(1, of + 1))
    return [json.loads(json.dumps(report.to_json())) for report in reports]


def named(reports: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{number}.json", report) for number, report in enumerate(reports, 1)]


def said(report: Report) -> tuple[dict[str, Any], str]:
    """All that a report says, but for seconds."""
    told = report.to_json()
    for each in (told, *told["results"]):
        each["seconds"] = 0.0
    told["sentence"] = ""
    return told, re.sub(r"\d+\.\d s", "N s", str(report))


def test_parts_of_a_right_layer_come_to_the_verdict_of_one_run(right: list[dict[str, Any]]) -> None:
    together = merged(named(right)[::-1])
    assert said(together) == said(verify(TORCH, **FEW))
    assert together.conforms


def test_parts_of_a_layer_with_two_faults_come_to_the_causes_and_scripts_of_one_run() -> None:
    together, one = merged(named(parts(TwoFaults))), verify(TwoFaults, **FEW)
    assert said(together) == said(one)
    assert len(together.causes) == 2
    assert [cause.reproducer_fails for cause in together.causes] == [True, True]
    assert all(cause.shown_by is not None for cause in together.causes)  # as the root's script was said not to fail


def test_parts_keep_the_schema_whatever_was_found(right: list[dict[str, Any]]) -> None:
    wrong = verify(TwoFaults, shard="3/6", **FEW).to_json()
    validator = Draft202012Validator(schema())
    assert [error.message for part in (*right, wrong) for error in validator.iter_errors(part)] == []
    assert wrong["shard"]["results"][0]["violation"]["ran"]


def test_a_part_says_that_it_is_one_and_gives_no_verdict(right: list[dict[str, Any]]) -> None:
    report = verify(TORCH, shard="1/6", **FEW)
    assert not report.conforms
    assert report.passes
    assert "torch.nn:BatchNorm1d, part 1 of 6: nothing speaks against it here: verified 1 of 1 rule" in str(report)
    assert "bn-reference merge gives the verdict of all parts" in str(report)
    report.raise_for_violations()
    assert [len(part["results"]) for part in right] == [2, 2, 2]


def test_a_part_in_which_nothing_could_be_compared_is_not_told_as_hollow() -> None:
    rule, pair = PROPERTIES[0], select_pairs(None)[0]
    nothing = Result(rule.name, rule.family, pair.input, pair.parameters, "cpu", "unsupported")
    part = Report("a:B", {}, 0, 0.0, (nothing,), part=Part(1, 3, True, "", {}, {}))
    assert part.passes
    assert "n/a a:B, part 1 of 3: nothing speaks against it here: verified 0 of 1 rule, 1 unsupported" in str(part)
    assert b"<failure" not in as_junit(part)
    assert not replace(part, part=None).passes
    assert "nothing of weight was verified" in str(replace(part, part=None))


def test_scripts_are_run_that_may_lead_a_cause_once_the_other_parts_are_known() -> None:
    rules = [rule for rule in PROPERTIES if rule.modes == ("training",)][:3]
    alike = [shown(rule, what, f"script of {rule.name}") for rule, what in zip(rules, ("y", "grad_x", "grad_x"), strict=True)]
    ran: list[str] = []

    def fails(script: str, seconds: float, kind: Kind | None) -> bool:
        ran.append(script)
        return True

    causes, seen = proved_in_part(causes_of(alike), finest_causes_of(alike), jobs=1, timeout=1.0, fails=fails)
    assert len(causes) == 1  # as all are explained alike, and only the root's script is shown
    assert ran == [f"script of {rule.name}" for rule in rules[:2]]  # each once: of y, and of grad_x, which may stand alone
    assert seen == {(script, None): True for script in ran}


def shown(rule: Property, what: str, script: str) -> Result:
    found = Comparison(what, False, ratio=9.0)
    violation = Violation("broken", found, None, found, "the very same slip", script)
    return Result(rule.name, rule.family, "float32", "float32", "cpu", "violated", violation=violation)


def test_no_file_of_a_part_says_that_the_target_conforms_or_does_not(right: list[dict[str, Any]]) -> None:
    report = verify(TORCH, shard="1/6", **FEW)
    assert as_markdown(report).startswith("## ✓ torch.nn:BatchNorm1d, part 1 of 6: nothing speaks against it here")
    assert b'<property name="part" value="1/6" />' in as_junit(report)
    assert b"<failure" not in as_junit(report)
    page = as_page(report.to_json())
    assert 'class="verdict interrupted"' in page
    assert "</b> part 1 of 6: nothing speaks against it here" in page
    assert "conform" not in page
    assert "the new report is part 2 of 3 of a run" in difference(right[0], right[1]).notes


def test_a_part_in_which_a_rule_is_violated_does_not_pass_and_leaves_annotations_to_the_merge() -> None:
    report = verify(TwoFaults, shard="2/6", **FEW)
    assert not report.passes
    assert [*github_commands(report)] == []
    assert len([*github_commands(replace(report, part=None))]) == 1
    assert "part 2 of 6: 1 of 1 rules violated, 1 cause: " in str(report)
    with pytest.raises(AssertionError, match="part 2 of 6"):
        report.raise_for_violations()


@pytest.mark.parametrize("of", [1, 2, 3, 4, 7, 30])
def test_parts_are_all_of_a_run_and_alike_in_cost(of: int) -> None:
    whole = units(PROPERTIES, select_pairs(None))
    shares = [dealt(whole, Shard(number, of)) for number in range(1, of + 1)]
    assert [unit for share in shares for unit in share] == whole
    assert all(shares)
    costs = [[sum(COSTS[rule.family] for rule in unit.properties) for unit in share] for share in shares]
    dearest = max(cost for share in costs for cost in share)
    assert max(map(sum, costs)) <= sum(map(sum, costs)) / of + dearest


def test_every_family_has_a_cost() -> None:
    assert Counter(rule.family for rule in PROPERTIES).keys() <= COSTS.keys()


@pytest.mark.parametrize("shard", ["3/2", "0/2", "1", "1/0", "a/b", "-1/2", "1/2/3", "1/2000", ""])
def test_what_is_no_part_is_refused(shard: str) -> None:
    with pytest.raises(UnusableArguments, match=re.escape(f"shard is {shard!r}, but must be I/N")):
        shard_of(shard, fail_fast=False, minutes=None, surveys=False)


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ({"fail_fast": True}, "where one part ends early the parts together are no whole run"),
        ({"minutes": 1.0}, "each machine tries as many cases as it can"),
        ({"surveys": True}, "a cause may lie in several parts"),
    ],
)
def test_what_no_part_can_do_is_refused(option: dict[str, Any], why: str) -> None:
    with pytest.raises(UnusableArguments, match=why):
        shard_of("1/2", **{"fail_fast": False, "minutes": None, "surveys": False, **option})


def test_more_parts_than_there_are_are_refused() -> None:
    with pytest.raises(
        UnusableArguments, match=r"shard is 1/7, but of what is to be tried there are 6 parts at most.* choose 6 or"
    ):
        verify(TORCH, shard="1/7", **FEW)


def put(*path: Any, value: Any) -> Any:
    """A change of what the second report has at the path."""

    def change(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
        at: Any = reports[1]
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        return reports

    return change


def without_shard(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    del reports[1]["shard"]
    return reports


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda reports: reports[:2], "part 3 of 3 is missing; give its report too"),
        (lambda reports: reports[1:2], "parts 1, 3 of 3 are missing; give their reports too"),
        (lambda reports: [*reports, reports[0]], "1.json and 4.json are both part 1 of 3; give each part once"),
        (put("shard", "of", value=4), "1.json is part 1 of 3 and 2.json is part 2 of 4; "),
        (without_shard, "the report 2.json is of a whole run, and no part of one; "),
        (put("interrupted", value=True), "2.json was interrupted; run part 2 of 3 again, with --shard 2/3"),
        (put("target", value="a:B"), "the target is torch.nn:BatchNorm1d in 1.json and a:B in 2.json; "),
        (put("seed", value=1), "the seed is 0 in 1.json and 1 in 2.json; "),
        (put("options", "examples", value=9), "the option examples is 4 in 1.json and 9 in 2.json; "),
        (put("environment", "torch", value="1.0"), r"the version of torch is .* in 1.json and 1.0 in 2.json; let all machines"),
        (put("environment", "bn-reference", value="9"), "the report 2.json is of bn-reference 9, and this is "),
        (put("shard", "system", value="Amiga m68k"), "the machine is .* in 1.json and Amiga m68k in 2.json; "),
        (put("shard", "files", "plan", value="ab"), "the file of plan has .* in 1.json and ab in 2.json; "),
        (
            put("conventions", "demanded", "running_variance", value="biased"),
            "the convention running_variance is demanded as unbiased in 1.json and biased",
        ),
        (
            put("conventions", "found", "running_variance", value="biased"),
            "the convention running_variance was found to be unbiased in 1.json and biased",
        ),
        (
            put("capabilities", "form", value="x"),
            "of what the target can be asked for, form was found to be .* and x in 2.json",
        ),
        (put("results", 0, "property", value=RULES[0]), "2.json lacks a result of .* in .*, unlike part 2 of 3"),
        (put("shard", "results", value=[]), "the report 2.json has something in it that no part has"),
        (put("shard", "part", value=4), "the report 2.json has something in it that no part has .part 4 of 3.; "),
        (put("conventions", "found", "colour", value="red"), "the report 2.json has something in it that no part has"),
        (put("shard", "accepted", value=None), "the report 2.json has something in it that no part has"),
        (
            put("results", 0, "status", value="violated"),
            "2.json has something in it that no part has .* is violated, which goes",
        ),
    ],
)
def test_reports_that_are_not_the_parts_of_one_run_are_refused(right: list[dict[str, Any]], change: Any, sentence: str) -> None:
    with pytest.raises(UnusableReport, match=sentence):
        merged(named(change(copy.deepcopy(right))))


def test_machines_may_differ_in_their_jobs_and_in_the_release_of_their_kernel(right: list[dict[str, Any]]) -> None:
    changed = put("options", "jobs", value=64)(put("environment", "platform", value="another")(copy.deepcopy(right)))
    together = merged(named(changed))
    assert together.conforms
    assert [note for note in together.notes if "its parts were tried on" in note and "another" in note]


def test_what_is_accepted_and_fails_no_longer_is_told_by_the_merge_alone(tmp_path: Path) -> None:
    file = tmp_path / "bn-accepted.toml"
    names = f"rules = ['{RULES[0]}']\npairs = ['float32/float32']"
    file.write_text(f"[[accepted]]\ntarget = '{TORCH}'\n{names}\nreason = 'known'\n", encoding="utf-8")
    options = {"dtypes": ["float32"], "properties": RULES[:2], "accepted": str(file)}
    both = parts(TORCH, of=2, **options)
    assert ["nothing speaks against it here" in part["sentence"] for part in both] == [True, True]
    together = merged(named(both))
    assert said(together) == said(verify(TORCH, **{**FEW, **options}))
    assert "excuses what no longer fails: output is the normalized batch" in " ".join(str(together).split())
    assert not together.conforms


@pytest.mark.parametrize(
    "found",
    [
        Fact(Kind.CRASHED, "an example", "SIGSEGV"),
        Fact(Kind.HUNG, "an example", 10.0, True),
        Fact(Kind.RAISED, "forward", Raised("KeyError", "'x'", "a.py", 3)),
        Fact(Kind.NO_VALUE, "y", ((0, 2), float("nan")), "momentum=nan"),
        Fact(Kind.FORM, "y", ((2, 3), "float32"), None),
        Fact(Kind.CONVENTION, "momentum", "old", "new"),
    ],
)
def test_what_was_found_comes_back_as_it_was(found: Fact) -> None:
    failed = fact(False, found)
    rule, pair = PROPERTIES[0], select_pairs(None)[0]
    violation = Violation("broken", failed, None, failed)
    result = Result(rule.name, rule.family, pair.input, pair.parameters, "cpu", "violated", violation=violation, saw_y=True)
    assert repr(through_json(result).violation) == repr(violation)


def through_json(result: Result) -> Result:
    report = Report("a:B", {}, 0, 0.0, (result,), conventions=Conventions())
    said = json.loads(json.dumps({**to_json(report), "shard": part_json(report, Part(1, 1, True, "", {}, {}))}))
    assert list(Draft202012Validator(schema()).iter_errors(said)) == []
    return results_read(said, tuple(map(result_read, said["results"])))[0]
