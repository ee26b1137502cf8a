"""Worker processes: the verdict is that of one process, and what ends a worker is a violation."""

import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.strategies import cases
from bn_reference.properties import PROPERTIES
from bn_reference.reports.report import Report
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.verification.api import verify
from bn_reference.verification.draw import Drawings
from bn_reference.verification.events import Done, Event, Started
from bn_reference.verification.note import CONTEXT, Note
from bn_reference.verification.selection import Budget, units
from bn_reference.verification.worker import Worker
from bn_reference.verification.workers import GRACE, Pool

MORE = " (--timeout sets another limit)"
TARGETS = """
import ctypes
import os
import signal
import time

import torch


class Crashes(torch.nn.BatchNorm1d):
    def forward(self, x):
        ctypes.string_at(0)


class Leaves(torch.nn.BatchNorm1d):
    def forward(self, x):
        os._exit(7)


class HangsInNativeCode(torch.nn.BatchNorm1d):
    def forward(self, x):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})  # as native code that never looks at signals
        time.sleep(3600)


class Doubles(torch.nn.BatchNorm1d):
    def forward(self, x):
        return 2 * super().forward(x)


class Chatters(torch.nn.BatchNorm1d):
    def forward(self, x):
        print("chatter", flush=True)
        return super().forward(x)


class EndsTheProgram(torch.nn.BatchNorm1d):
    def __init__(self, *arguments, **options):
        os._exit(3)
"""


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("targets") / "targets.py"
    path.write_text(TARGETS)
    return path


def report(targets: Path, name: str, **options: object) -> Report:
    settings: dict[str, object] = {"dtypes": ["float32"], "properties": ["evaluation"], "examples": 3, "isolated": True}
    return verify(f"{targets}:{name}", **{**settings, **options})  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that end a process")
def test_a_crash_is_a_violation_that_names_the_signal_and_the_case(targets: Path) -> None:
    result = report(targets, "Crashes", fail_fast=True).results[0]

    assert result.message == f"the process crashed in an example ({signal.Signals.SIGSEGV.name})"
    assert result.violation is not None
    assert result.violation.case is not None


def test_a_process_that_is_left_is_a_violation_that_names_the_status(targets: Path) -> None:
    assert report(targets, "Leaves", fail_fast=True).results[0].message == "the process crashed in an example (exit status 7)"


def test_after_three_crashes_the_rest_is_violated_without_being_tried(targets: Path) -> None:
    messages = Counter(result.message for result in report(targets, "Leaves").results)

    assert messages == {
        "the process crashed in an example (exit status 7)": 3,
        "not tried: the target had crashed or hung 3 times before": 3,
    }


def test_native_code_that_never_returns_is_ended(targets: Path) -> None:
    (result,) = report(targets, "HangsInNativeCode", timeout=0.5, fail_fast=True).results

    assert (
        result.message
        == f"an example did not come to an end within 0.5 s, and nothing interrupted it; its process was ended{MORE}"
    )


def test_a_target_that_ends_the_process_while_it_is_built_is_unusable(targets: Path) -> None:
    with pytest.raises(UnusableTarget, match=r"ends the process while it is loaded \(exit status 3\); make its import"):
        report(targets, "EndsTheProgram")


def test_the_verdict_is_the_same_whatever_the_number_of_jobs(targets: Path) -> None:
    two_units = ["evaluation", "the_counter_counts_training_batches"]
    one, here, two = (
        [(r.property, r.status, r.examples, r.worst_ratio, r.message) for r in report(targets, "Doubles", **options).results]
        for options in ({"jobs": 1}, {"isolated": False}, {"jobs": 2, "properties": two_units})
    )

    assert one == here == [row for row in two if row[0] in {name for name, *_ in one}]


def test_what_a_target_prints_does_not_reach_standard_output(targets: Path, capfd: pytest.CaptureFixture[str]) -> None:
    report(targets, "Chatters", properties=["a_fresh_layer_starts_neutral", "output_has_the_form_of_the_input"])

    assert "chatter" not in capfd.readouterr().out


def test_a_listener_hears_of_every_verdict_and_the_environment_stays(targets: Path) -> None:
    heard: list[Event] = []
    before = dict(os.environ)
    report(targets, "Doubles", listener=heard.append)

    assert [event.total for event in heard if isinstance(event, Started)] == [6]
    assert sum(isinstance(event, Done) for event in heard) == 6
    assert dict(os.environ) == before


def test_a_note_tells_the_latest_example_of_its_own_unit_alone() -> None:
    note, case = Note(), next(Drawings().cases((cases(PAIRS[0]), "key", 1)))
    assert note.read() == (None, None)
    for property in PROPERTIES[:2]:
        note.write(property, case)
        assert note.read() == (property, case)
    note.begin()
    assert note.read() == (None, None)


def test_a_target_that_cannot_be_loaded_is_told_alike_however_often_it_is_asked_for() -> None:
    pool = Pool(("nowhere.py:Layer", "cpu", Budget(), False), 1)
    said = []
    for _ in range(2):
        with pytest.raises(UnusableTarget) as told:
            pool.load()
        said.append(str(told.value))

    assert said[0] == said[1]
    assert said[0].startswith("the target's file nowhere.py is not there")
    assert pool.workers == []


def test_a_worker_that_takes_too_long_to_describe_the_target_says_nothing_later() -> None:
    orders, theirs = CONTEXT.Pipe()
    worker = Worker.__new__(Worker)
    ended: list[str] = []
    process = SimpleNamespace(pid=os.getpid(), kill=lambda: ended.append("killed"), join=lambda: ended.append("joined"))
    vars(worker).update(note=Note(), unit=None, loaded=True, orders=orders, process=process, _since=0.0, _waited=0.0)
    pool = Pool(("nowhere.py:Layer", "cpu", Budget(timeout=-GRACE), False), 1)
    pool.workers = [worker]

    assert pool.described() is None
    assert theirs.recv() == "describe"
    assert (ended, pool.workers) == (["killed", "joined"], [])


def test_workers_that_end_together_while_conventions_are_found_out_blame_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(("nowhere.py:Layer", "cpu", Budget(), False), 2)
    started: list[int] = []
    monkeypatch.setattr(pool, "start", started.append)
    given = units(PROPERTIES, PAIRS[:1])[:2]
    process = SimpleNamespace(exitcode=3, join=lambda: None)
    pool.workers = [
        SimpleNamespace(note=Note(), settles=True, loaded=True, unit=unit, process=process, end=lambda: None) for unit in given
    ]
    for worker in list(pool.workers):
        pool._replace(worker, hung=False)

    assert (pool.results, pool.crashes, pool.settles) == ([], 0, False)
    assert pool.waiting == given[::-1]
    assert started == [1, 1]
