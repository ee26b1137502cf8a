"""What a verification of torch's layer costs beside torch: where its time goes, how it uses cores, memory, and its start.

Figures for the record, each a ratio taken in one run where a ratio can be had: nothing here fails because a machine is slow.
"""

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.benchmarks.clocks import CpuClock
from bn_reference.benchmarks.shares import sampled
from bn_reference.properties import PROPERTIES
from bn_reference.support.threads import on_threads
from bn_reference.targets import TORCH
from bn_reference.targets.recognition import load_target
from bn_reference.verification.api import verify
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget, units
from bn_reference.verification.worker import COLLECT_AFTER

CLOCK = CpuClock()
COMMAND = [sys.executable, "-m", "bn_reference", "verify"]


@contextmanager
def on_one_thread_as_a_worker() -> Iterator[None]:
    """As worker processes are set up: one thread, and what is loaded already is never collected."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    try:
        with on_threads(1):
            yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def test_where_the_time_goes(benchmark: BenchmarkFixture) -> None:
    """Shares of the processor time of all properties in all pairs of dtypes, in one process."""
    examples = 0

    def everything(sampling: bool) -> None:
        nonlocal examples
        judge, examples = Judge(load_target(TORCH), Budget(100, seed=int(sampling))), 0
        for unit in units(PROPERTIES, PAIRS):
            examples += sum(result.examples for result in judge.check_together(unit.properties, unit.pair))

    with on_one_thread_as_a_worker():
        with sampled() as samples:
            everything(sampling=True)
        benchmark.pedantic(everything, args=(False,), rounds=1)
    for work, count in samples.most_common():
        benchmark.extra_info[f"% in {work}"] = round(100 * count / samples.total(), 1)
    benchmark.extra_info["examples a second"] = examples / benchmark.stats.stats.median


def test_two_jobs_against_one(benchmark: BenchmarkFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wall time of the default verification in one worker process over that in two, by turns; both start and load torch."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one: list[float] = []
    two: list[float] = []

    def both() -> None:
        one.append(CLOCK.seconds(lambda: verify(TORCH, jobs=1, isolated=True), 1))
        two.append(CLOCK.seconds(lambda: verify(TORCH, jobs=2), 1))

    benchmark.pedantic(both, rounds=2)
    loading = CLOCK.seconds(
        lambda: verify(TORCH, jobs=1, isolated=True, examples=1, properties=["a_fresh_layer_starts_neutral"]), 1
    )
    benchmark.extra_info["seconds, one job"] = statistics.median(one)
    benchmark.extra_info["seconds, two jobs"] = statistics.median(two)
    benchmark.extra_info["of which start and loading"] = loading
    benchmark.extra_info["one over two"] = statistics.median(one) / statistics.median(two)
    benchmark.extra_info["one over two, after loading"] = (statistics.median(one) - loading) / (
        statistics.median(two) - loading
    )


@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="memory of several processes is read from Linux's /proc"
)
def test_memory(benchmark: BenchmarkFixture) -> None:
    """The most that all processes of the command hold at once, what they share counted once."""
    most = 0

    def run() -> None:
        nonlocal most
        process = subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL, start_new_session=True)
        while process.poll() is None:
            most = max(most, sum(proportional_kilobytes(number) for number in session_of(process.pid)))
            time.sleep(0.2)

    benchmark.pedantic(run, rounds=1)
    benchmark.extra_info["MB"] = most / 1024


def session_of(leader: int) -> list[int]:
    """The processes of a session."""
    numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [number for number in numbers if session(number) == leader]


def session(number: int) -> int | None:
    try:
        return os.getsid(number)
    except OSError:  # it is gone
        return None


def proportional_kilobytes(number: int) -> int:
    try:
        lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


@pytest.mark.parametrize(
    "code",
    ["import bn_reference", "import bn_reference.cli", "import bn_reference.verification.workers", "import torch"],
)
def test_start(benchmark: BenchmarkFixture, code: str) -> None:
    """A new interpreter that imports something, and the same beside one that imports NumPy, by turns."""
    beside: list[float] = []

    def start() -> None:
        beside.append(CLOCK.seconds(lambda: subprocess.run([sys.executable, "-c", "import numpy"], check=True), 1))
        subprocess.run([sys.executable, "-c", code], check=True)

    benchmark.pedantic(start, rounds=10)
    median = benchmark.stats.stats.median - statistics.median(beside)
    benchmark.extra_info["seconds"] = median
    benchmark.extra_info["times import numpy"] = median / statistics.median(beside)
