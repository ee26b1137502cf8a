"""The score of a layer is what the suite says of it, and the scoreboard counts scores."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.power.score import CONVENTIONS, Score, score
from bn_reference.power.scoreboard import Scoreboard
from bn_reference.power.scoreboard_text import print_scoreboard
from bn_reference.power.subjects import SUBJECTS, Subject, UnknownSubject, select
from bn_reference.power.tiers import Tier

SOON = Tier(examples=5)
DOUBLED = "output_is_the_normalized_batch", "training_gradient_of_the_input"


def subject(name: str) -> Subject:
    return next(each for each in SUBJECTS if each.name == name)


def killed(name: str, *by: str, kind: str = "running") -> Score:
    return Score(name, kind, False, by, "float32/float32", 3, 0.5, "silent")


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
    both = "one_step_moves_the_running_mean", "one_step_moves_the_running_variance"
    board = Scoreboard((killed("a", *both), killed("b", both[0])), "ci", 0)

    assert (board.kills()[both[0]], board.kills()[both[1]]) == (2, 1)
    assert (board.alone()[both[0]], board.alone()[both[1]]) == (1, 0)


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
