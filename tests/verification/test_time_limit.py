"""One alarm limits many examples, each by itself, and leaves the alarms of others as they were."""

import contextlib
import signal
import sys
import time
from types import ModuleType

import pytest

from bn_reference.reports.sentences import say_fact
from bn_reference.verification.time_limit import TimedOut, TimeLimit

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no alarms")
SECONDS = 0.1


@pytest.fixture
def limit() -> TimeLimit:
    return TimeLimit(SECONDS)


def spend(seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        pass


def test_what_takes_longer_is_ended(limit: TimeLimit) -> None:
    began = time.monotonic()
    with limit.in_force(), pytest.raises(TimedOut) as late, limit:
        time.sleep(60)

    assert SECONDS <= time.monotonic() - began < 60
    assert say_fact(late.value.fact) == "an example did not come to an end within 0.1 s (--timeout sets another limit)"


def test_what_swallows_it_is_ended_the_next_time(limit: TimeLimit) -> None:
    def swallow_and_go_on() -> None:
        with contextlib.suppress(BaseException):
            time.sleep(60)
        time.sleep(60)

    began = time.monotonic()
    with limit.in_force(), pytest.raises(TimedOut), limit:
        swallow_and_go_on()

    assert time.monotonic() - began < 60


def test_what_is_imported_for_the_first_time_does_not_count(limit: TimeLimit, monkeypatch: pytest.MonkeyPatch) -> None:
    extended: list[float] = []
    limit.on_extended = lambda: extended.append(time.monotonic())
    with limit.in_force(), limit:
        monkeypatch.setitem(sys.modules, "bn_a_module_that_takes_long_to_load", ModuleType("a"))
        spend(1.5 * SECONDS)

    assert len(extended) == 1


def test_an_import_that_never_ends_is_ended(limit: TimeLimit, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_for_ever() -> None:
        monkeypatch.setitem(sys.modules, "bn_a_module_that_takes_long_to_load", ModuleType("a"))
        time.sleep(60)

    with limit.in_force(), pytest.raises(TimedOut), limit:
        load_for_ever()


def test_each_block_has_the_whole_time(limit: TimeLimit) -> None:
    with limit.in_force():
        for _ in range(4):
            with limit:
                spend(0.6 * SECONDS)
        with pytest.raises(TimedOut), limit:
            time.sleep(60)


def test_a_block_is_limited_after_another_was_ended(limit: TimeLimit) -> None:
    with limit.in_force():
        for _ in range(2):
            with pytest.raises(TimedOut), limit:
                time.sleep(60)


def test_nothing_rings_between_blocks_or_afterwards(limit: TimeLimit) -> None:
    with limit.in_force():
        with limit:
            pass
        spend(1.5 * SECONDS)
        with limit:
            pass
    spend(1.5 * SECONDS)


def test_an_alarm_that_was_set_before_rings_afterwards(limit: TimeLimit) -> None:
    class Rang(Exception):
        pass

    def ring(number: int, frame: object) -> None:
        raise Rang

    handler = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 2 * SECONDS)
        with limit.in_force(), limit:
            spend(0.5 * SECONDS)
        with pytest.raises(Rang):
            time.sleep(60)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
