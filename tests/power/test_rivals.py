"""Public checks of batch norm, written anew: torch passes each, each sees a blatant fault, and tables say what was found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bn_reference.power.audit.replacing import TRUE
from bn_reference.power.audit.report import Audit, Seen
from bn_reference.power.audit.runners import runner_of
from bn_reference.power.rivals import CHECKS, Check, found_by
from bn_reference.power.rivals_text import BEGIN, END, page_with, tables
from bn_reference.power.subjects import SUBJECTS, sample_of

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "power" / "rivals"
PUBLIC = [check for check in CHECKS if check.file]
CHECK = Check("a check", "test_a.py", "https://example.org/a", "y")
SEEN = (
    Seen("a", "running", "", False, True),
    Seen("b", "running", "", False, False),
    Seen("c", "edge_of", "", False, False),
    Seen("d", "controls", "", True, True),
)
BOARD = {
    "python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6", "pytest": "9.2.0",
    "checks": [
        found_by(CHECK, ("pytest", "test_a.py"), Audit((), True, SEEN), 1234.4, 0),
        found_by(Check("ours", "", "", "all"), ("verify",), Audit((), True, SEEN[1:2]), 9.0, 7),
    ],
}  # fmt: skip


def test_torch_and_a_correct_layer_pass_all_public_checks_and_a_blatant_fault_none(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "pytest", "-q", "-rf", "--maxfail=1000", str(FOLDER))

    with runner_of(command, "", str(tmp_path)) as run:
        passed = [run(layer, None).status for layer in ("", TRUE)]
        failed = [line for line in run("square_for_root", None).output.splitlines() if line.startswith("FAILED")]

    assert passed == [0, 0]
    assert [check.file for check in PUBLIC if not any(f"{check.file}::" in line for line in failed)] == []


@pytest.mark.parametrize("check", PUBLIC, ids=lambda check: check.file)
def test_a_public_check_names_what_it_is_written_after(check: Check) -> None:
    assert check.link.rpartition("/")[0].partition("/blob/")[0] in (FOLDER / check.file).read_text()


def test_a_row_keeps_layers_by_kind() -> None:
    row = BOARD["checks"][0]

    assert row["kinds"] == {"running": {"killed": ["a"], "missed": ["b"]}, "edge_of": {"killed": [], "missed": ["c"]}}
    assert (row["killed"], row["of"], row["rejected"], row["of_controls"]) == (1, 3, ["d"], 1)


def test_the_tables_say_what_is_noticed_rejected_and_how_it_was_run() -> None:
    lines = list(tables(BOARD))

    assert "| [a check](https://example.org/a) | y | 1 of 3 | 1 of 1 | 308.5 s |" in lines
    assert "| **ours** | all | 0 of 1 | 0 of 0 | 9.0 s |" in lines
    assert "Tried on 7 layers alone, drawn at random with a seed: ours." in lines
    assert lines[lines.index("| kind of fault | a check | ours |") + 2 :][:2] == [
        "| running | 1 of 2 | 0 of 1 |",
        "| edge of | 0 of 1 |  |",
    ]
    assert "- a check: `pytest test_a.py`" in lines


def test_the_page_has_the_tables_between_its_marks_and_keeps_the_rest() -> None:
    page = page_with(page_with(f"before\n{BEGIN}\nold\n{END}\nafter\n", BOARD), BOARD)

    assert page == "\n".join(["before", BEGIN, *tables(BOARD), END, "after\n"])
    with pytest.raises(ValueError, match="no place for the scoreboard"):
        page_with("before", BOARD)


def test_the_page_of_the_project_has_the_tables_of_its_scoreboard() -> None:
    board = json.loads((DOCS / "power" / "scoreboard.json").read_text())
    page = (DOCS / "power.md").read_text()

    assert page_with(page, board) == page


def test_a_sample_is_in_order_and_the_same_again() -> None:
    sample = sample_of(SUBJECTS, 20)

    assert len(sample) == 20
    assert list(sample) == [subject for subject in SUBJECTS if subject in sample] == list(sample_of(SUBJECTS, 20))
    assert set(sample) < set(sample_of(SUBJECTS, 30))
    assert sample_of(SUBJECTS, 0) is SUBJECTS
