"""Throughput under pytest-benchmark: ``pytest -n 0 --benchmark-only tests/benchmarks/test_throughput.py``.

``--bn-target TARGET`` adds an implementation, ``--bn-device`` says where it runs. A time here is no number of seconds but of
copies of the bytes that the operation must move, each round beside a copy of its own: so pytest-benchmark's own
``--benchmark-save``, ``--benchmark-compare`` and ``--benchmark-compare-fail=median:15%`` hold on another day or machine too.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bn_reference.benchmarks.clocks import clock_of
from bn_reference.benchmarks.contestants import COMPILED, LABELS, STANDARD
from bn_reference.benchmarks.heap import keep_freed_memory
from bn_reference.benchmarks.operations import OPERATIONS, Setting
from bn_reference.benchmarks.plan import BASE
from bn_reference.benchmarks.sampling import COPY, SERIES, WARM_UP, times_in_a_turn, yardsticks
from bn_reference.benchmarks.work import work_of
from bn_reference.benchmarks.workload import checked_channels, judge, workload
from bn_reference.support.threads import on_threads
from bn_reference.targets.protocol import Implementation
from bn_reference.targets.recognition import load_target

PLACES, ROUNDS = SERIES[-1], 5  # how often arrays are made anew, and the rounds on each
SETTINGS = (
    *(BASE.but(dtype=dtype) for dtype in ("float32", "float64", "bfloat16", "float16")),
    *(BASE.but(shape=shape) for shape in ((256, 64), (65536, 64), (256, 64, 64), (64, 16384))),
    BASE.but(layout="transposed"),
    BASE.but(threads=2),
)


class Copies:
    """A clock that counts copies, at the speed that the latest one had."""

    def __init__(self) -> None:
        self.seconds, self.synchronize = 1.0, lambda: None

    def copies(self) -> float:
        self.synchronize()
        return time.perf_counter() / self.seconds


class Rounds:
    """The rounds of one benchmark: before each a copy is timed, and now and then both get other arrays."""

    def __init__(self, implementation: Implementation, setting: Setting) -> None:
        self.implementation, self.setting = implementation, setting
        self.case = workload(setting.shape, setting.dtype, setting.layout, 0)
        self.clock, self.number, self.copies = clock_of(implementation.device), count(), list[float]()

    def prepare(self) -> None:
        if next(self.number) % ROUNDS == 0:
            self.work = work_of(self.implementation, self.case, self.setting.operation)
            self.copy = yardsticks(self.setting, self.implementation.device)[COPY]
            self.times = [self.turn_of(action) for action in (self.work.run, self.copy)]
        self.copies.append(self.clock.seconds(self.copy, self.times[1]))
        CLOCK.seconds = self.times[0] * self.copies[-1]

    def turn_of(self, action: Callable[[], None]) -> int:
        self.clock.seconds(action, WARM_UP)
        return times_in_a_turn(action, self.clock)

    def run(self) -> None:
        for _ in range(self.times[0]):
            self.work.run()


CLOCK = Copies()


@pytest.fixture(autouse=True)
def threads(setting: Setting) -> Iterator[None]:
    with on_threads(setting.threads):
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    targets = dict.fromkeys([*STANDARD, *(metafunc.config.getoption("bn_target") or [])])
    rows = [
        (target, setting.but(operation=operation))
        for operation in OPERATIONS
        for setting in SETTINGS
        for target in targets
        if target != COMPILED or setting == BASE  # each setting is compiled anew, for seconds
    ]
    ids = [f"{LABELS.get(target, target)}, {setting}" for target, setting in rows]
    metafunc.parametrize(("target", "setting"), rows, ids=ids)


@pytest.mark.benchmark(timer=CLOCK.copies)
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # of inductor's own modules
def test_throughput(benchmark: BenchmarkFixture, request: pytest.FixtureRequest, target: str, setting: Setting) -> None:
    implementation = load_target(target, request.config.getoption("bn_device"))
    rounds = Rounds(implementation, setting)
    CLOCK.synchronize = torch.cuda.synchronize if implementation.device.startswith("cuda") else lambda: None
    keep_freed_memory()
    benchmark.group = str(setting)

    benchmark.pedantic(rounds.run, setup=rounds.prepare, rounds=PLACES * ROUNDS)

    verdict, _ = judge(target, rounds.case, setting.operation, rounds.work.outputs(checked_channels(rounds.case)))
    assert verdict.holds, str(verdict)
    seconds = benchmark.stats.stats.median * statistics.median(rounds.copies)
    benchmark.extra_info["worst error / bound"] = verdict.ratio
    benchmark.extra_info["fraction of a copy"] = 1 / benchmark.stats.stats.median
    benchmark.extra_info["bytes"] = setting.bytes
    benchmark.extra_info["gigabytes per second"] = setting.bytes / seconds / 1e9
