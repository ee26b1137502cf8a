"""The plugin: one option verifies an implementation in any directory, and Hypothesis' own options keep working."""

import os
import sys

import pytest
import torch  # noqa: F401  -- whose deviations are asked for

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.properties import PROPERTIES
from bn_reference.properties.deviations import deviations_of

pytest_plugins = ["pytester"]

TARGET = """
import torch


class Doubles(torch.nn.BatchNorm1d):
    def forward(self, x):
        return 2 * super().forward(x)
"""
ONE = "output_is_the_normalized_batch"


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Run pytest in an empty directory with a target beside, in a process of its own."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    pytester.makepyfile(targets=TARGET)

    def run_pytest(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(
            "-p", "no:cacheprovider", "--bn-dtype", "float32", "--bn-examples", "5", *arguments
        )

    return run_pytest


def test_a_target_is_verified_in_a_directory_without_tests(run) -> None:
    result = run("--bn-target", "torch.nn:BatchNorm1d", "--hypothesis-seed", "7")

    # each rule of gradients that torch is known to break where parameters lie with gaps, and one after later training
    known = [each for each in PROPERTIES if deviations_of(each, PAIRS[0])]
    shown = result.parseoutcomes()["xfailed"]
    assert 1 < shown <= len(known)
    result.assert_outcomes(passed=len(PROPERTIES) - shown, xfailed=shown)
    result.stdout.fnmatch_lines(["bn_reference: torch.nn:BatchNorm1d on cpu, seed 7*"])


def test_a_violation_fails_with_its_verdict_and_no_traceback(run) -> None:
    result = run("--bn-target", "targets.py:Doubles", "-k", ONE)

    result.assert_outcomes(failed=1, deselected=len(PROPERTIES) - 1)
    result.stdout.fnmatch_lines(["*found*y[[]*expected*times the bound*", "*assert error <= bound*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_an_unusable_target_is_a_usage_error(run) -> None:
    result = run("--bn-target", "targets.py:Double", "-k", ONE)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --bn-target: targets.py has no attribute 'Double'; did you mean Doubles?"])


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--bn-dtype", "float8", "the dtype is 'float8'; choose an input dtype*"),
        ("--bn-examples", "-4", "examples is -4, but must be a whole number between 1 and 10,000,000; pass 100, for example"),
        ("--bn-timeout", "0", "timeout is 0, but must be a number of seconds between*"),
        ("--bn-convention", "onnxx", "the convention is 'onnxx', but must be*did you mean onnx?"),
        ("--bn-cases", "nowhere.npz", "the recording nowhere.npz is not there; check the path*"),
    ],
)
def test_an_option_that_cannot_be_used_is_a_usage_error(pytester: pytest.Pytester, option: str, value: str, said: str) -> None:
    result = pytester.runpytest_inprocess("--bn-target", "bn_reference:BatchNorm1d", option, value)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {option}: {said}"])


def test_a_seed_that_is_no_number_is_a_usage_error(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--bn-target", "bn_reference:BatchNorm1d", "--hypothesis-seed", "seven")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --hypothesis-seed is 'seven', but with --bn-target it must be a whole number; pass one"]
    )


def test_cases_of_mnist_without_torch_are_a_usage_error(
    run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(sitecustomize="import sys\nsys.modules['torch'] = None")
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    result = run("--bn-target", "bn_reference:BatchNorm1d", "--bn-cases", "mnist")

    said = "--bn-cases mnist needs torch, which is missing; pip install 'bn-reference[[]torch]'"
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    result.stderr.no_fnmatch_line("*Traceback*")


def test_without_the_option_nothing_is_verified(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_other="def test_other(): pass")

    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_loading_the_plugin_loads_nothing_heavy(pytester: pytest.Pytester) -> None:
    heavy = "{'numpy', 'torch', 'hypothesis', 'rich', 'click'}"
    code = f"import sys, pytest, bn_reference.plugin.pytest_plugin; print(sorted({heavy} & set(sys.modules)))"
    result = pytester.run(sys.executable, "-c", code)

    result.stdout.fnmatch_lines(["[[][]]"])
