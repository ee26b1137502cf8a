"""``--bn-target`` adds the rules to people's own tests, whatever their project is like, and takes none away."""

from xml.etree import ElementTree

import pytest

from bn_reference.properties import PROPERTIES

pytest_plugins = ["pytester"]

TARGET = """
import os

import torch


class Doubles(torch.nn.BatchNorm1d):
    def forward(self, x):
        return 2 * super().forward(x)


class DiesInEval(torch.nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x) if self.training else os._exit(3)
"""
OWN = "import pytest\n\n\n@pytest.mark.parametrize('n', [1, 1])\ndef test_own(n): pass"
ID = "bn_reference::targets.py:Doubles::float32/float32::{}"
ONE, KEPT = ID.format("output_is_the_normalized_batch"), ID.format("the_counter_counts_training_batches")
ASKED = ("--bn-target=targets.py:Doubles", "--bn-dtype=float32", "--bn-examples=3")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """One with two tests of its own, and the option in its ini file."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    pytester.makepyfile(targets=TARGET, test_own=OWN)
    pytester.makeini(f"[pytest]\naddopts = {' '.join(ASKED)}")
    return pytester


def collected(result: pytest.RunResult) -> tuple[int, int]:
    """How many rules, and how many tests of the project's own."""
    rules = [line for line in result.outlines if line.startswith("bn_reference::")]
    return len(rules), sum("test_own[" in line for line in result.outlines)


@pytest.mark.parametrize(
    ("arguments", "rules", "own"),
    [
        ((), len(PROPERTIES), 2),
        (("test_own.py",), len(PROPERTIES), 2),
        (("test_own.py::test_own",), 0, 2),
        ((KEPT,), 1, 0),
        ((f"{KEPT}@targets.py:Doubles-float32/float32-running",), 1, 0),
        ((ID.format("").removesuffix("::"),), len(PROPERTIES), 0),
        ((KEPT, "test_own.py"), 1, 2),
        ((f"--deselect={ID.format('')}",), 0, 2),
        (("-k", "counter_counts"), 1, 0),
        (("-o", "bn_alone=true"), len(PROPERTIES), 0),
        (("-o", "bn_alone=true", "."), len(PROPERTIES), 2),
        (("-o", "python_functions=check_*"), len(PROPERTIES), 0),
    ],
)
def test_rules_are_added(project: pytest.Pytester, arguments: tuple[str, ...], rules: int, own: int) -> None:
    assert collected(project.runpytest_inprocess("--collect-only", "-q", *arguments)) == (rules, own)


def test_a_single_test_that_is_named_beside_a_typed_target_is_run_beside_the_rules(project: pytest.Pytester) -> None:
    project.makeini("[pytest]")

    assert collected(project.runpytest_inprocess("--collect-only", "-q", *ASKED, "test_own.py::test_own")) == (
        len(PROPERTIES),
        2,
    )


def test_the_ini_file_says_all_that_options_say(project: pytest.Pytester) -> None:
    targets = "bn_target =\n    targets.py:Doubles\n    torch.nn:BatchNorm1d"
    project.makeini(f"[pytest]\n{targets}\nbn_dtype = float16\nbn_examples = 3\nbn_timeout = 5")

    assert collected(project.runpytest_inprocess("--collect-only", "-q")) == (2 * 2 * len(PROPERTIES), 2)


def test_a_number_of_the_ini_file_that_is_none_is_a_usage_error(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nbn_target = targets.py:Doubles\nbn_examples = many")
    result = project.runpytest_inprocess()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: bn_examples of the ini file is 'many', but must be a whole number; write one"])


def test_an_id_of_no_rule_is_a_usage_error(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("--collect-only", ID.format("the_counter"))

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: there is no rule {ID.format('the_counter')}; pytest --collect-only -q shows *"])


@pytest.mark.parametrize("options", [("-n", "2", "--dist=loadgroup", "-v"), ("-p", "no:xdist")])
def test_warnings_as_errors_and_strict_markers_do_no_harm(project: pytest.Pytester, options: tuple[str, ...]) -> None:
    result = project.runpytest_subprocess("--strict-markers", "-W", "error", "-k", "counter_counts or test_own", *options)

    result.assert_outcomes(passed=3, deselected=0 if "-n" in options else len(PROPERTIES) - 1)
    if "-n" in options:  # rules that share their cases are left in one process
        result.stdout.fnmatch_lines([f"*PASSED {KEPT}@targets.py:Doubles-float32/float32-running*"])


def test_what_failed_is_run_again_by_lf(project: pytest.Pytester) -> None:
    first = project.runpytest_subprocess("-k", "counter_counts or is_the_normalized")
    again = project.runpytest_subprocess("--lf")

    first.assert_outcomes(failed=1, passed=1, deselected=len(PROPERTIES))
    again.assert_outcomes(failed=1, deselected=len(PROPERTIES) + 1)


def test_junit_names_the_rule_and_the_seconds_that_it_took(project: pytest.Pytester) -> None:
    project.runpytest_subprocess("--junitxml=found.xml", KEPT, ONE)

    cases = {case.get("name"): case for case in ElementTree.parse("found.xml").iter("testcase")}
    assert {case.get("classname") for case in cases.values()} == {"bn_reference.targets.py:Doubles.float32/float32"}
    assert cases.keys() == {"output_is_the_normalized_batch", "the_counter_counts_training_batches"}
    assert all(float(case.get("time", "")) < 60 for case in cases.values())


def test_a_target_that_ends_the_process_fails_a_test(project: pytest.Pytester) -> None:
    rule = "bn_reference::targets.py:DiesInEval::float32/float32::evaluation_uses_the_running_statistics"
    result = project.runpytest_subprocess("--bn-target=targets.py:DiesInEval", rule, "test_own.py")

    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(["*the process crashed in an example (exit status 3)*"])
