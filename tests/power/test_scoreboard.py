"""The score of a layer is what the suite says of it, and the scoreboard counts scores."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from rich.console import Console

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cli.mutants import mutants
from bn_reference.power.kills_figure import NAME, draw
from bn_reference.power.measured import boards_of, page_with, tables
from bn_reference.power.score import CONVENTIONS, Score, score
from bn_reference.power.scoreboard import Scoreboard
from bn_reference.power.scoreboard_text import print_scoreboard
from bn_reference.power.subjects import SUBJECTS, Subject, UnknownSubject, select
from bn_reference.power.tiers import Tier
from bn_reference.properties import PROPERTIES

DOCS = Path(__file__).parents[2] / "docs"
SOON = Tier(examples=5)
DOUBLED = "output_is_the_normalized_batch", "training_gradient_of_the_input"


def subject(name: str) -> Subject:
    return next(each for each in SUBJECTS if each.name == name)


def killed(name: str, *by: str, kind: str = "running") -> Score:
    return Score(name, kind, False, by, "float32/float32", 3, 0.5, "silent")


BOTH = "one_step_moves_the_running_mean", "one_step_moves_the_running_variance"
MISSED, FAIR, FLAGGED = (
    Score("missed", "running", False),
    Score("fair", "controls", True),
    Score("shy", "controls", True, ("y",)),
)


def test_a_wrong_layer_is_killed_and_rightly_explained() -> None:
    found = score(subject("output_doubled"), SOON)

    assert found.killed
    assert set(DOUBLED) <= set(found.by)
    assert (found.pair, found.example, found.explanation) == (str(PAIRS[0]), 1, "right")


def test_until_the_first_violation_one_rule_kills() -> None:
    assert len(score(subject("output_doubled"), Tier(5, fail_fast=True)).by) == 1


def test_a_correct_layer_is_not_flagged() -> None:
    assert score(subject("double_inside"), Tier(1), pairs=PAIRS[:1]).by == ()


def test_a_claimed_convention_that_is_not_kept_kills() -> None:
    found = score(subject("biased_running_variance"), Tier(1), pairs=PAIRS[:1])

    assert found.by == (CONVENTIONS,)
    assert found.conventions == ("running_variance=biased",)


def test_a_correct_layer_is_held_to_the_conventions_that_it_claims() -> None:
    lawful = next(each for each in SUBJECTS if each.correct and each.kind == CONVENTIONS)

    assert score(lawful, Tier(1), pairs=PAIRS[:1]).by == ()


def test_rules_are_counted_by_what_they_kill_and_what_no_other_does() -> None:
    board = Scoreboard((killed("a", *BOTH), killed("b", BOTH[0])), "ci", 0)

    assert (board.kills()[BOTH[0]], board.kills()[BOTH[1]]) == (2, 1)
    assert (board.only()[BOTH[0]], board.only()[BOTH[1]]) == (["b"], [])


def test_what_follows_from_other_rules_takes_nothing_from_them_and_has_what_they_do_not_see() -> None:
    implied = next(rule.name for rule in PROPERTIES if rule.implied_by)
    only = Scoreboard((killed("a", BOTH[0], implied), killed("b", implied)), "ci", 0).only()

    assert (only[BOTH[0]], only[implied]) == (["a"], ["b"])


@pytest.mark.parametrize(
    ("scores", "sound"),
    [([killed("a", "y"), FAIR], True), ([killed("a", "y"), MISSED], False), ([FAIR, FLAGGED], False)],
    ids=["all killed", "one survives", "one flagged"],
)
def test_a_board_is_sound_where_all_mutants_are_killed_and_no_control_is_flagged(scores: list[Score], sound: bool) -> None:
    assert Scoreboard(tuple(scores), "ci", 0).sound == sound


def test_the_json_has_both_figures_and_every_layer() -> None:
    board = Scoreboard((killed("a", "y"), MISSED, FAIR, FLAGGED), "ci", 7).to_json()

    assert json.loads(json.dumps(board)) == board
    assert [board[key] for key in ("schema", "killed", "of", "flagged", "of_controls")] == [1, 1, 2, 1, 2]
    assert [(each["name"], each["killed"], each["by"]) for each in board["mutants"]] == [
        ("a", True, ["y"]),
        ("missed", False, []),
    ]
    assert [(each["name"], each["flagged"]) for each in board["controls"]] == [("fair", []), ("shy", ["y"])]


def test_scores_come_back_from_their_json() -> None:
    board = Scoreboard((killed("a", *BOTH), MISSED, FAIR, FLAGGED), "ci", 7)

    assert Scoreboard.of_json(json.loads(json.dumps(board.to_json()))) == board


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    draw(Scoreboard((killed("a", BOTH[0]), killed("b", *BOTH, kind="edge")), "ci", 0), tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{NAME}.png", f"{NAME}.svg"]


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (None, r"--resume takes over what --json FILE has, but there is no --json"),
        ("[]", "has no scores of this command to resume"),
        (json.dumps(Scoreboard((), "default", 3).to_json()), "scores of the tier default and seed 3, not of ci and 0"),
    ],
    ids=["no file", "another file", "another tier"],
)
def test_what_cannot_be_resumed_is_told(kept: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    if kept is not None:
        path.write_text(kept)

    with pytest.raises(click.ClickException, match=said):
        mutants.main(["--tier", "ci", "--resume", *([] if kept is None else ["--json", str(path)])], standalone_mode=False)


def test_layers_that_a_file_has_are_not_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "found.json"
    path.write_text(json.dumps(Scoreboard((killed("eps_forgotten", BOTH[0]), killed("b", BOTH[1])), "ci", 0).to_json()))

    mutants.main(["--tier", "ci", "--resume", "--json", str(path), "--target-set", "eps_forgotten"], standalone_mode=False)

    assert "1 of 1 mutants are killed" in capsys.readouterr().out
    assert [each["name"] for each in json.loads(path.read_text())["mutants"]] == ["eps_forgotten", "b"]


def test_the_tables_have_both_axes_of_each_tier_and_what_each_rule_alone_kills() -> None:
    lines = list(tables([Scoreboard((killed("a", BOTH[0]), MISSED, FAIR, FLAGGED), "ci", 0)]))

    assert "| ci | 1 of 2 | 1 of 2 | 0.50 s | 1 of 1 |" in lines
    assert "Not killed in the tier `ci`: `missed` (running)." in lines
    assert "Flagged in the tier `ci`: `shy`, by y." in lines
    assert "| running | 1 of 2 | 0.50 s | 0, 1, 0 |" in lines
    assert f"| `{BOTH[0]}` | 1 | 1: `a` |" in lines


def test_the_page_of_the_project_has_the_tables_of_its_scores() -> None:
    page = DOCS / "power.md"

    assert page_with(page.read_text(), boards_of(DOCS / "power")) == page.read_text()
    with pytest.raises(ValueError, match="no place for what was measured"):
        page_with("before", [])


def test_the_text_names_what_survives_and_what_is_flagged() -> None:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as captured:
        print_scoreboard(Scoreboard((killed("a", "y"), MISSED, FLAGGED), "ci", 0), console)
    said = captured.get()

    assert "survives  missed, running" in said
    assert "flagged   shy, controls: y" in said


def test_layers_are_chosen_by_name_by_kind_and_by_whether_they_are_right() -> None:
    assert [each.name for each in select(["eps_forgotten"])] == ["eps_forgotten"]
    assert {each.kind for each in select(["lives"])} == {"lives"}
    assert {each.correct for each in select(["controls"])} == {True}
    assert list(select([])) == list(SUBJECTS)


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownSubject, match=r"^the mutant is 'eps_forgoten', .*; did you mean eps_forgotten\?$"):
        select(["eps_forgoten"])


def test_names_are_unique_among_wrong_and_correct_layers() -> None:
    names = [each.name for each in SUBJECTS]

    assert sorted(set(names)) == sorted(names)
