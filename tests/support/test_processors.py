"""The processors that count are those that this process may run on, wherever they are counted."""

import os

import click
import pytest

from bn_reference.benchmarks.machine import machine
from bn_reference.cli.verify import verify
from bn_reference.support.threads import processors, shared_by


@pytest.fixture(autouse=True)
def three_of_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1, 4, 5}, raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def test_it_counts_those_that_it_may_use() -> None:
    assert processors() == 3


def test_there_is_one_job_for_each() -> None:
    (jobs,) = (option for option in verify.params if option.name == "jobs")

    assert jobs.get_default(click.Context(verify)) == 3


def test_a_single_worker_has_a_thread_for_each() -> None:
    with shared_by(1):
        assert os.environ["OMP_NUM_THREADS"] == "3"


def test_a_benchmark_says_how_many_there_are() -> None:
    assert machine("cpu")["cores"] == "3"
