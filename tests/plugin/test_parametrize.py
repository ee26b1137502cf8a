"""``parametrize_with_rules``: each rule is a parameter of somebody's own test."""

import pytest

from bn_reference import parametrize_with_rules
from bn_reference.properties import PROPERTIES

pytest_plugins = ["pytester"]

TESTS = """
import torch

from bn_reference import parametrize_with_rules


RULES = ["the_counter_counts_training_batches", "output_is_the_normalized_batch"]


class Doubles(torch.nn.BatchNorm1d):
    def forward(self, x):
        return 2 * super().forward(x)


@parametrize_with_rules(Doubles, dtypes=["float32"], properties=RULES, examples=3)
def test_mine(rule):
    rule()
"""


@pytest.fixture
def tests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    pytester.makepyfile(test_mine=TESTS)
    return pytester


def test_each_rule_is_a_test_that_a_violation_fails_with_its_verdict(tests: pytest.Pytester) -> None:
    result = tests.runpytest_subprocess("--strict-markers", "-W", "error", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*found*y[[]*expected*times the bound*", "FAILED *-output_is_the_normalized_batch[]]*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_one_of_them_is_run_alone(tests: pytest.Pytester) -> None:
    result = tests.runpytest_subprocess("test_mine.py::test_mine[float32/float32-the_counter_counts_training_batches]")

    result.assert_outcomes(passed=1)


def test_it_adds_to_a_target_that_is_named(tests: pytest.Pytester) -> None:
    result = tests.runpytest_inprocess("--bn-target", "test_mine.py:Doubles", "--bn-dtype=float32", "--collect-only", "-q")

    assert sum("::" in line for line in result.outlines) == 2 + len(PROPERTIES)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dtypes": ["float8"]}, "the dtype is 'float8'"),
        ({"dtypes": "float32"}, "dtypes is 'float32', but must be a list of names"),
        ({"properties": ["output"]}, "the property is 'output'"),
        ({"examples": 0}, "examples is 0"),
        ({"timeout": -1.0}, "timeout is -1"),
        ({"conventions": "onnxx"}, "the convention is 'onnxx'"),
    ],
)
def test_what_cannot_be_used_is_said_where_it_is_written(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match="^" + said.replace("[", r"\[")):
        parametrize_with_rules("torch.nn:BatchNorm1d", **given)  # type: ignore[arg-type]
