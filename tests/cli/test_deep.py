"""``verify --deep``: rounds that are kept, said, and gone on with by the same command."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
ASKED = ("verify", "bn_reference:BatchNorm1d", "--dtype", "float32", "--property", "output_is_the_normalized_batch")
NIGHT = ("--examples", "2", "--jobs", "1", "--deep", "night", "--minutes", "0.0001")


def test_the_same_command_goes_on_with_the_next_seed(run: Run, folder: Path) -> None:
    (first, once, _), (again, twice, _) = (run(*ASKED, *NIGHT, "--json", "night.json") for _ in range(2))
    told = json.loads((folder / "night.json").read_text())

    assert (first, again) == (0, 0)
    assert once.splitlines()[0].startswith("round 1, seed 0: 2 examples in ")
    assert twice.splitlines()[:1] == ["night has 1 round, and this goes on after it"]
    assert twice.splitlines()[1].startswith("round 2, seed 1: 2 examples in ")
    assert twice.splitlines()[2].startswith("bn_reference:BatchNorm1d: 4 examples in 2 rounds to seed 1, ")
    assert twice.splitlines()[3] == "found 0 causes, 0 an hour"
    assert (told["passes"], told["rounds"], told["examples"], told["found_per_hour"]) == (True, 2, 4, 0.0)
    assert told["cpu_seconds"] > 0
    assert run(*ASKED, *NIGHT, "--examples", "3")[::2] == (
        2,
        "bn-reference: the rounds of night/rounds.jsonl have examples 2, and this is asked with 3; ask for the same, or choose "
        "another folder\n",
    )


@pytest.mark.parametrize("other", [("--html", "a.html"), ("--shard", "1/2"), ("--fail-fast",), ("--write-accepted", "a.toml")])
def test_what_goes_with_one_report_alone_is_refused(run: Run, other: tuple[str, ...]) -> None:
    said = f"--deep is night, but there is a report for each round, with which {other[0]} cannot go; leave one of them out\n"

    assert run(*ASKED, *NIGHT, *other) == (2, "", f"bn-reference: {said}")


def test_a_target_that_cannot_be_loaded_is_told(run: Run) -> None:
    assert run("verify", "nowhere.py:Layer", *NIGHT)[0] == 2
