"""A block that takes too long is ended, and whoever had set an alarm keeps it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bn_reference.support import alarms
from bn_reference.support.alarms import TooLate, within_seconds
from bn_reference.support.scheduling import waited


def _swallow_whatever_comes() -> None:
    while True:
        try:
            time.sleep(1)
        except Exception:  # as broad as a careless target's, which must not swallow the alarm
            continue


def test_a_block_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TooLate), within_seconds(0.05):
        _swallow_whatever_comes()


def test_a_block_that_is_soon_done_is_not() -> None:
    before = signal.getsignal(signal.SIGALRM)

    with within_seconds(0.2):
        pass
    time.sleep(0.3)

    assert signal.getsignal(signal.SIGALRM) is before


def test_an_alarm_of_somebody_elses_stays() -> None:
    with within_seconds(60):
        with within_seconds(0.01):
            time.sleep(0.05)

        assert signal.getitimer(signal.ITIMER_REAL)[0] > 1


def test_what_a_block_waits_for_a_processor_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([0.0, 60.0, 60.0])  # before the block; and when the alarm rings
    monkeypatch.setattr(alarms, "waited", lambda: next(told, 60.0))

    with within_seconds(0.05):
        time.sleep(0.1)
    with pytest.raises(TooLate), within_seconds(0.05):
        time.sleep(60)


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").is_file(), reason="the system does not tell how long one waits")
def test_a_process_beside_others_on_one_processor_waits() -> None:
    [processor, *_] = os.sched_getaffinity(0)
    spins = f"import os\nos.sched_setaffinity(0, [{processor}])\nprint(flush=True)\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", spins], stdout=subprocess.PIPE) for _ in range(3)]
    allowed, before = os.sched_getaffinity(0), waited()
    try:
        for other in others:
            assert other.stdout is not None
            other.stdout.readline()  # it is under way
        os.sched_setaffinity(0, [processor])
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            pass
        assert waited() - before > 0.1  # some three quarters of the second
    finally:
        os.sched_setaffinity(0, allowed)
        for other in others:
            other.kill()
            other.communicate()


def test_of_no_process_nothing_is_known() -> None:
    assert waited(2**22 + 1) == 0.0
