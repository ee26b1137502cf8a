"""Deep verification: rounds of fresh seeds, kept in a log, and gone on with where something ended them."""

import itertools
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from bn_reference.reports.deep import Deep, say_deep, say_round
from bn_reference.reports.report import Report
from bn_reference.targets import TORCH
from bn_reference.verification.api import verify
from bn_reference.verification.arguments import UnusableArguments
from bn_reference.verification.deep import LOG, deep_rounds

RULE = "one_step_moves_the_running_mean"
ASKED = {"target": TORCH, "seed": 3, "properties": (RULE,)}
FEW: dict[str, Any] = {"dtypes": ["float32"], "properties": [RULE], "examples": 2, "timeout": 60.0}


class Wrong(torch.nn.BatchNorm1d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)
        if self.training and self.running_mean is not None:
            self.running_mean.add_(1)
        return y


@pytest.fixture(scope="module")
def right() -> Report:
    return verify(TORCH, **FEW)


@pytest.fixture(scope="module")
def wrong() -> Report:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("bn_reference.reproduction.run.fails", lambda script, seconds, kind: True)
        return verify(Wrong, **FEW)


def rounds(folder: Path, *reports: Report, asked: dict[str, Any] = ASKED) -> list[Deep]:
    """What is known at first and after each report, until Ctrl-C, each of which takes half an hour; seeds are looked at."""
    seeds, given, found = [], iter(reports), []
    clock = itertools.count(step=1800)

    def verified(seed: int) -> Report:
        seeds.append(seed)
        try:
            return next(given)
        except StopIteration:
            raise KeyboardInterrupt from None

    with suppress(KeyboardInterrupt):
        found.extend(deep_rounds(folder, asked, verified, minutes=None, clock=lambda: float(next(clock))))
    begun = asked["seed"] + found[0].rounds
    assert seeds == list(range(begun, begun + len(reports) + 1))
    return found


def test_each_round_has_the_next_seed_and_what_is_new_is_told_with_what_it_cost(
    tmp_path: Path, right: Report, wrong: Report
) -> None:
    *before, deep = rounds(tmp_path, right, wrong, wrong)

    assert (deep.rounds, deep.passes, deep.examples) == (3, False, sum(r.results[0].examples for r in (right, wrong, wrong)))
    assert say_round(deep, before[-1]).startswith("round 3, seed 5:")
    assert say_round(deep, before[-1]).endswith("nothing new")
    assert say_round(before[2], before[1]).endswith("1 new, found-4.json has it")
    said = "\n".join(say_deep(deep))
    assert "found 1 cause, 0.67 an hour:" in said
    assert "one step moves the running mean: running_mean[0] is" in said
    assert said.endswith(f"first after 1.00 h, in 2 of 3 rounds; {tmp_path / 'found-4.json'} has it")
    assert json.loads((tmp_path / "found-4.json").read_text())["causes"][0]["properties"] == [RULE]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found-4.json", LOG]
    told = deep.to_json()
    assert (told["found_per_hour"], told["seconds"], told["found"][0]["seed"]) == (1 / 1.5, 5400.0, 4)


def test_the_same_command_goes_on_after_the_rounds_of_the_log(tmp_path: Path, right: Report, wrong: Report) -> None:
    *_, ended = rounds(tmp_path, right, wrong)
    begun, *_, deep = rounds(tmp_path, right, wrong)

    assert begun == ended
    assert (deep.rounds, [*deep.times.values()], deep.passes) == (4, [2], False)


def test_a_line_that_was_being_written_when_the_machine_went_down_is_a_round_that_never_was(
    tmp_path: Path, right: Report
) -> None:
    rounds(tmp_path, right, right)
    log = tmp_path / LOG
    log.write_bytes(log.read_bytes()[:-20])

    first, *_, deep = rounds(tmp_path, right)
    assert (first.rounds, deep.rounds) == (1, 2)
    assert len([json.loads(line) for line in log.read_text().splitlines()]) == 3  # and the head


def test_an_interrupted_round_is_none(tmp_path: Path, right: Report) -> None:
    interrupted = Report(TORCH, {}, 3, 1.0, interrupted=True)
    with pytest.raises(KeyboardInterrupt):
        list(deep_rounds(tmp_path, ASKED, lambda seed: interrupted, minutes=None))

    assert rounds(tmp_path, right)[0].rounds == 0


def test_no_round_begins_when_the_time_is_over(tmp_path: Path, right: Report) -> None:
    clock = itertools.count(step=30)
    found = list(deep_rounds(tmp_path, ASKED, lambda seed: right, minutes=2.0, clock=lambda: float(next(clock))))

    assert found[-1].rounds == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            '{"deep": 1, "target": "a:B", "seed": 3, "properties": ["x"]}',
            "have target a:B, and this is asked with torch.nn:Batch",
        ),
        ('{"deep": 1}', "have target nothing, and this is asked with torch.nn:BatchNorm1d; ask for the same, or choose"),
        ("[]", "is no log of rounds"),
        ("what", "is no log of rounds"),
        ("", "is no log of rounds"),
    ],
)
def test_a_log_of_something_else_is_refused(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / LOG).write_text(f"{line}\n")
    with pytest.raises(UnusableArguments, match=said):
        next(deep_rounds(tmp_path, ASKED, lambda seed: pytest.fail("was tried"), minutes=None))
