"""A block that takes too long is ended, and whoever had set an alarm keeps it."""

import signal
import time

import pytest

from bn_reference.support.alarms import TooLate, within_seconds


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
