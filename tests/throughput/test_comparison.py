"""Slower is told from noise: judged on simulated machines, whose truth is known. Nothing here is timed."""

from collections.abc import Callable
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from bn_reference.benchmarks.comparison import ATTEMPTS, TOO_FAR_APART, Change, beside, confirmed, paired
from bn_reference.benchmarks.operations import Setting
from bn_reference.benchmarks.report import print_changes
from bn_reference.benchmarks.rows import Row, row_from_json
from bn_reference.benchmarks.sampling import COPY, CORE, OPERATION, PASSES, RIVAL, SERIES, YARDSTICKS, Samples, Series

SETTING = Setting("train forward", (4096, 64))
THRESHOLD = 0.07


def measured(
    seed: int,
    *,
    slower: float = 1.0,
    clock: float = 1.0,
    memory: float = 1.0,
    share: float = 0.5,
    again: float = 1.0,
    target: str = "t:t",
) -> Row:
    """A row from a machine with a known truth.

    The operation takes 1 ms, ``share`` of which waits for memory. ``clock`` slows everything, ``memory`` what waits for it,
    ``again`` whatever meets an array a second time. Where arrays lie moves a series by 2 %, noise a turn by 4 %, and one turn
    in ten is interrupted.
    """
    rng = np.random.default_rng(seed)

    def turns(seconds: float) -> tuple[float, ...]:
        noisy = seconds * clock * rng.normal(1, 0.02) * rng.normal(1, 0.04, 4)
        return tuple(float(turn) for turn in np.where(rng.random(4) < 0.1, 2 * noisy, noisy))

    series = tuple(
        Series(
            {
                OPERATION: turns(1e-3 * slower * again * (1 - share + share * memory)),
                COPY: turns(2e-4 * memory),
                PASSES: turns(4e-4 * again * (1 - share + share * memory)),
                CORE: turns(1e-6),
                RIVAL: turns(1e-3 * (1 - share + share * memory)),
            }
        )
        for _ in range(SERIES[-1])
    )
    return Row(target, "cpu", SETTING, Samples(series), 0.5)


def verdict(seed: int, baseline: Row, **machine: float) -> Change:
    seeds = iter(range(1000 * seed + 1, 1000 * seed + 1000))
    return confirmed(lambda: measured(next(seeds), **machine), lambda row: beside(row, baseline, THRESHOLD))


REPEATS = range(1, 41)


@pytest.mark.parametrize(
    "machine",
    [
        {},
        {"clock": 1.5},
        {"memory": 2.0},
        {"memory": 0.5},
        {"memory": 2.0, "share": 1.0},
        {"clock": 0.7, "memory": 3.0},
        {"again": 1.3},
    ],
)
def test_what_did_not_change_is_not_called_slower_whatever_the_machine_does(machine: dict[str, float]) -> None:
    share = machine.get("share", 0.5)
    assert not any(verdict(seed, measured(0, share=share), **machine).slower for seed in REPEATS)


def test_no_verdict_is_given_where_the_yardsticks_no_longer_agree() -> None:
    """The operation alone waits for what a neighbour took, as a layer does whose batch lay in a shared cache."""
    changes = [verdict(seed, measured(0), slower=1.3, memory=1.2) for seed in REPEATS]

    assert all(change.unsure and not change.slower for change in changes)
    assert all(change.disagreement > TOO_FAR_APART * THRESHOLD for change in changes)


@pytest.mark.parametrize("machine", [{"memory": 2.0}, {"memory": 0.5}, {"clock": 1.4, "memory": 1.2}])
def test_what_is_much_slower_is_caught_whatever_the_machine_does(machine: dict[str, float]) -> None:
    assert all(verdict(seed, measured(0), slower=10.0, **machine).slower for seed in REPEATS)


def test_fifteen_per_cent_slower_is_caught_every_time() -> None:
    assert all(verdict(seed, measured(0), slower=1.15).slower for seed in REPEATS)


def test_fifteen_per_cent_slower_is_caught_on_a_machine_with_another_clock() -> None:
    assert all(verdict(seed, measured(0), slower=1.15, clock=1.4).slower for seed in REPEATS)


@pytest.mark.parametrize("memory", [1.0, 2.0])
def test_in_the_same_turns_it_is_caught_even_where_memory_is_taken_up(memory: float) -> None:
    def against(seed: int, slower: float) -> Change:
        seeds = iter(range(1000 * seed + 1, 1000 * seed + 1000))
        return confirmed(
            lambda: measured(next(seeds), slower=slower, memory=memory), lambda row: paired(row, "other:t", THRESHOLD)
        )

    assert all(against(seed, 1.15).slower for seed in REPEATS)
    assert not any(against(seed, 1.0).slower for seed in REPEATS)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(1, 101):
        ratio = beside(measured(2 * seed), measured(2 * seed + 1), THRESHOLD).ratios[COPY]
        held += ratio.lower <= 1 <= ratio.upper
    assert held >= 88  # of 100 at 95 %: fewer have a probability below 1 %


def test_a_slower_row_is_measured_at_least_twice_and_an_undecided_one_a_few_times() -> None:
    baseline = measured(0)

    def attempts(factor: float, limit: float) -> int:
        calls = []

        def again() -> Row:
            calls.append(0)
            return measured(len(calls), slower=factor)

        confirmed(again, lambda row: beside(row, baseline, limit))
        return len(calls)

    assert attempts(1.0, 0.5) == 1
    assert attempts(3.0, 0.5) == ATTEMPTS[0]
    assert attempts(1.0, 0.0) == ATTEMPTS[1]


def test_the_same_samples_always_give_the_same_interval() -> None:
    first, second = (beside(measured(1), measured(2), THRESHOLD) for _ in range(2))
    assert first.ratios == second.ratios


def test_a_row_goes_through_json_unchanged() -> None:
    row = measured(3)
    kept: Callable[[Series], dict[str, tuple[float, ...]]] = lambda one: {k: one.seconds[k] for k in (OPERATION, *YARDSTICKS)}  # noqa: E731
    again = row_from_json(row.to_json())
    assert (again.target, again.device, again.setting, again.worst_ratio) == ("t:t", "cpu", SETTING, 0.5)
    assert [one.seconds for one in again.samples.series] == [kept(one) for one in row.samples.series]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": [4096]}, "a row has a setting or samples that bench does not write"),
        ({"shape": [4096, 0]}, "a row has a setting or samples that bench does not write"),
        ({"operation": "sideways"}, "a row has a setting or samples that bench does not write"),
        ({"series": []}, "a row has a setting or samples that bench does not write"),
        ({"dtype": "int8"}, "a row has a setting or samples that bench does not write"),
        ({"worst_ratio": None}, "a row has a value of another kind than bench writes"),
    ],
)
def test_a_row_of_another_make_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        row_from_json({**measured(0).to_json(), **change})


def test_a_row_that_lacks_something_is_refused() -> None:
    content = measured(0).to_json()
    del content["series"]
    with pytest.raises(ValueError, match=r"^a row has no 'series'$"):
        row_from_json(content)


def test_the_report_says_of_a_row_that_it_is_unsure_and_what_to_do() -> None:
    change = verdict(1, measured(0), slower=1.3, memory=1.2)
    console = Console(file=StringIO(), width=200)
    print_changes([change], console)
    said = console.file.getvalue()  # type: ignore[attr-defined]

    assert said.splitlines()[1].startswith("unsure")
    assert f"moved apart by {change.disagreement:.0%}, which leaves no verdict; run it on a quiet machine" in said
    assert change.to_json()["unsure"] is True
