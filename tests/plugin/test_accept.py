"""``--bn-accept``: an accepted rule is an expected failure with its reason, and fails where it is in the way."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TARGET = """
import torch


class Doubles(torch.nn.BatchNorm1d):
    def forward(self, x):
        return 2 * super().forward(x)
"""
RULE, OTHER = "output_is_the_normalized_batch", "the_counter_counts_training_batches"
ENTRY = f"""
[[accepted]]
target = "targets.py:Doubles"
rules = ["{RULE}"]
pairs = ["float32/float32"]
reason = "doubled on purpose"
"""
ID = "bn_reference::targets.py:Doubles::float32/float32::{}"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """One whose ini file names a target and what is accepted of it, both beside the file."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    pytester.makepyfile(targets=TARGET)
    pytester.makeini("[pytest]\nbn_target = targets.py:Doubles\nbn_dtype = float32\nbn_examples = 3\nbn_accept = accepted.toml")
    (pytester.path / "accepted.toml").write_text(ENTRY)
    return pytester


def test_an_accepted_rule_is_an_expected_failure_with_its_reason(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("-rx", "-p", "no:cacheprovider", ID.format(RULE), ID.format(OTHER))

    result.assert_outcomes(xfailed=1, passed=1)
    result.stdout.fnmatch_lines(["XFAIL*3 of 3 examples, as is accepted: doubled on purpose; entry 1 of accepted.toml, of *"])


def test_what_no_longer_fails_fails_and_says_so(project: pytest.Pytester) -> None:
    (project.path / "accepted.toml").write_text(ENTRY.replace(RULE, OTHER))
    result = project.runpytest_subprocess("-p", "no:cacheprovider", ID.format(OTHER))

    result.assert_outcomes(failed=1)
    said = "entry 1 of accepted.toml excuses what no longer fails: the counter counts training batches in float32/float32"
    result.stdout.fnmatch_lines([f"{said}; remove the entry"])


def test_an_entry_of_the_past_fails_the_rule_that_it_named(project: pytest.Pytester) -> None:
    (project.path / "accepted.toml").write_text(ENTRY.replace(RULE, OTHER) + "until = 2020-01-01\n")
    result = project.runpytest_subprocess("-p", "no:cacheprovider", ID.format(OTHER))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["entry 1 of accepted.toml excuses nothing any more: it was accepted until 2020-01-01, which*"])


def test_what_the_ini_file_names_is_seen_from_there(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    below = project.mkdir("below")
    monkeypatch.chdir(below)
    result = project.runpytest_subprocess("-rx", "-p", "no:cacheprovider", "--rootdir", "..", ID.format(RULE))

    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines([f"XFAIL*entry 1 of {Path('..') / 'accepted.toml'}, of every case*"])


def test_a_file_that_cannot_be_used_is_a_usage_error(project: pytest.Pytester) -> None:
    (project.path / "accepted.toml").write_text(ENTRY.replace("doubled on purpose", ""))
    result = project.runpytest_inprocess("--collect-only")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = f"ERROR: --bn-accept: entry 1 of accepted.toml ({RULE}) has no reason; write why it is accepted, or remove the entry"
    result.stderr.fnmatch_lines([said])
