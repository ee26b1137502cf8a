"""The page of outcomes by version."""

import json
from pathlib import Path
from typing import Any

import pytest
from made import IMPLIED, OTHER, RULE, report, result, violated

from bn_reference.reports.difference import UnusableReport
from bn_reference.reports.report import Report
from bn_reference.reports.versions import main, read_outcomes

TWICE = "torch rounds twice (https://example.org/1)"
JUNIT = """<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3" time="61.5" /></testsuites>"""


def written(directory: Path, name: str, torch: str, shown: Report) -> None:
    told: dict[str, Any] = json.loads(json.dumps(shown.to_json()))
    told["environment"]["torch"] = torch
    (directory / f"{name}.json").write_text(json.dumps(told))


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    known = result(OTHER, status="known deviation", deviations=(TWICE,))
    written(tmp_path, "new", "2.13.0+cpu", report(result(), result(OTHER, gone=(TWICE,)), result(IMPLIED)))
    broken = report(result(), known, violated(name=IMPLIED), options={"examples": 30})
    written(tmp_path, "old", "2.4.0", broken)
    (tmp_path / "old.xml").write_text(JUNIT)
    (tmp_path / "new.txt").write_text("made by hand\n")
    main(str(tmp_path), str(tmp_path / "page.md"))
    return (tmp_path / "page.md").read_text().splitlines()


def test_an_environment_has_its_verdict_and_what_its_tests_came_to(lines: list[str]) -> None:
    old, new = (next(line for line in lines if line.startswith(f"| {number} |")) for number in (1, 2))

    assert "| 2.4.0 | 2.4.6 |  | 1 pair, 30 examples | **violates** |" in old
    assert old.endswith("| **violates** | 3 of 3 | 1 | 1 | 1 | 0 | 3 passed, **3 failed**, 3 skipped | `old` |")
    assert new.endswith("| conforms | 3 of 3 | 3 | 0 | 0 | 0 | not run | `new` |")
    assert "2. `new`: made by hand" in lines


def test_a_known_deviation_is_shown_where_it_was_met_and_where_it_is_gone(lines: list[str]) -> None:
    assert f"| {TWICE} | 1 | –, gone |" in lines


def test_what_changed_from_one_to_the_next_is_what_diff_says(lines: list[str]) -> None:
    step = next(line for line in lines if line.startswith("- 1 to 2"))

    assert step == "- 1 to 2, torch 2.4.0 to 2.13.0+cpu: nothing got worse: 2 newly passed, the target conforms now"
    assert f"  - {OTHER.replace('_', ' ')} (float32/float32): known deviation, then passed" in lines
    assert not any(line.startswith(f"  - {RULE.replace('_', ' ')} ") for line in lines)


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")

    with pytest.raises(UnusableReport, match=r"other\.json has no schema"):
        read_outcomes(tmp_path)
