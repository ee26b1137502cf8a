"""What lets arrays of half a gigabyte be timed: nothing of one setting outlives it, and few series do where they are slow."""

import gc
import weakref

import pytest

from bn_reference.benchmarks import measure as measuring
from bn_reference.benchmarks.measure import measure
from bn_reference.benchmarks.operations import BACKWARD, Setting
from bn_reference.benchmarks.sampling import SERIES
from bn_reference.benchmarks.workload import workload
from bn_reference.oracle.step import expect_training
from bn_reference.targets import TORCH
from bn_reference.targets.recognition import load_target

FIRST, SECOND = Setting(BACKWARD, (64, 8)), Setting(BACKWARD, (32, 8))


def test_nothing_holds_on_to_the_batch_of_the_setting_before() -> None:
    layer = load_target(TORCH)
    measure(layer, FIRST, budget=0.01)
    before = weakref.ref(workload(FIRST.shape, FIRST.dtype, FIRST.layout, 0))
    measure(layer, SECOND, budget=0.01)
    gc.collect()

    assert before() is None


def test_the_oracle_keeps_the_parts_of_one_batch_alone() -> None:
    layer = load_target(TORCH)
    for setting in (FIRST, SECOND):
        measure(layer, setting, budget=0.01)

    assert expect_training.cache_info().currsize == 1


def test_a_slow_measurement_stops_at_the_least_number_of_series(monkeypatch) -> None:
    monkeypatch.setattr(measuring, "PATIENCE", 0)

    assert len(measure(load_target(TORCH), FIRST, budget=0.01).samples.series) == SERIES[0]


def test_a_mistake_of_our_own_is_not_blamed_on_the_target(monkeypatch) -> None:
    def judge(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(measuring, "judge", judge)
    with pytest.raises(ZeroDivisionError):
        measure(load_target(TORCH), FIRST, budget=0.01)
