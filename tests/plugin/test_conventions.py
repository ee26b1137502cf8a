"""Another convention than the one demanded fails the test of the rule that speaks of it, and no other."""

import pytest

from bn_reference.properties import PROPERTIES
from bn_reference.properties.mechanics import BEYOND_THE_FIRST

pytest_plugins = ["pytester"]

TARGET = "from bn_reference.power.lawful.averages import Biased"


@pytest.mark.parametrize(("options", "failed"), [((), 1), (("--bn-convention", "running_variance=biased"), 0)])
def test_a_biased_running_variance_fails_one_test_unless_it_is_asked_for(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], failed: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    pytester.makepyfile(targets=TARGET)
    usual = ("-p", "no:cacheprovider", "--bn-target", "targets.py:Biased", "--bn-dtype", "float32", "--bn-examples", "3")

    result = pytester.runpytest_subprocess(*usual, *options)

    skipped = len(BEYOND_THE_FIRST)
    result.assert_outcomes(passed=len(PROPERTIES) - skipped - failed, skipped=skipped, failed=failed)
    if failed:
        result.stdout.fnmatch_lines(["*it keeps the biased variance*--bn-convention 'running_variance=biased' accepts it*"])
