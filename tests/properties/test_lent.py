"""A layer that is lent to a rule again: a fresh one, or the one that lived, which is brought to the case once more."""

import numpy as np
import pytest

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.circumstances import Circumstances
from bn_reference.cases.layouts import place
from bn_reference.properties.trial import Laboratory, Trial
from bn_reference.targets.recognition import load_target
from bn_reference.targets.watched import Watched

TARGETS = ("torch.nn:BatchNorm1d", "bn_reference:BatchNorm1d")


def trial_of(target: str, circumstances: Circumstances) -> tuple[Trial, Watched]:
    rng = np.random.default_rng(5)
    x, dy = rng.standard_normal((2, 6, 3)).astype(np.float32)
    vectors = rng.uniform(0.5, 2.0, (4, 3)).astype(np.float32)
    case = Case(PAIRS[0], x, dy, *vectors, batches=7, circumstances=circumstances)
    watched = Watched(load_target(target, "cpu"))
    return Trial(Laboratory(watched), case), watched


@pytest.mark.parametrize("target", TARGETS)
def test_a_layer_that_lived_lives_on_and_has_the_case_in_it_again(target: str) -> None:
    trial, watched = trial_of(target, ("train", "evaluate"))
    case = trial.case
    first = trial.lend()
    y = first.forward(place(case.x, case.layout), training=True).y
    moved = first.state()
    opened = sum(call.method == "open" for call in watched.trace)
    again = trial.lend()
    state = again.state()
    assert not np.array_equal(moved.mean, case.running_mean)  # type: ignore[arg-type]
    assert np.array_equal(state.mean, case.running_mean)  # type: ignore[arg-type]
    assert np.array_equal(state.var, case.running_var)  # type: ignore[arg-type]
    assert state.batches == case.batches
    assert np.array_equal(again.forward(place(case.x, case.layout), training=True).y, y)
    assert sum(call.method == "open" for call in watched.trace) == opened
    assert sum(call.method == "settle" for call in watched.trace) == 2


@pytest.mark.parametrize("circumstances", [(), ("unrecorded",)])
def test_a_layer_that_did_not_live_is_another_each_time(circumstances: Circumstances) -> None:
    trial, watched = trial_of(TARGETS[0], circumstances)
    assert trial.lend() is not trial.lend()
    assert sum(call.method == "open" for call in watched.trace) == 2


def test_the_memory_of_the_last_batch_is_written_over_each_time() -> None:
    trial, watched = trial_of(TARGETS[0], ("train", "same memory"))
    for _ in range(2):
        trial.lend().forward(place(trial.case.x, trial.case.layout), training=True)
    assert [call.arguments[0] for call in watched.trace if call.method == "undergo"] == ["same memory"] * 2
