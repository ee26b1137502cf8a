"""Progress on a terminal, and nothing of it in a file or a pipe, whatever FORCE_COLOR says."""

import re
import sys
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from bn_reference import verify
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cli import main
from bn_reference.cli.display import StepsDisplay
from bn_reference.cli.progress import ProgressDisplay
from bn_reference.mnist.download import _Bar
from bn_reference.reports.results import Result
from bn_reference.verification.events import Done, Event, Started, Tried, Trying

QUICK: Any = {"dtypes": ["float64"], "properties": ["contract"], "examples": 20}


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def verdict(status: Any = "passed") -> Done:
    return Done(Result("a_rule", "running", PAIRS[0].input, PAIRS[0].parameters, "cpu", status))


def shown(events: list[Event], *, seconds: float, width: int = 120) -> str:
    """The line after these events, of which the first comes at 0 and all others ``seconds`` later."""
    stream, times = Terminal(), iter([0.0])
    display = ProgressDisplay(Console(file=stream, width=width, force_terminal=True), lambda: next(times, seconds))
    with display:
        for event in events:
            display(event)
        display._progress.refresh()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    return [line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip()][-1]


def test_verdicts_examples_and_the_time_left_are_shown() -> None:
    line = shown([Started(4, 1000), Trying("running, float32/float32"), Tried(1400), verdict()], seconds=7.0)

    assert "running, float32/float32" in line
    assert "1/4 verdicts  1,400 examples" in line
    assert line.endswith("0:00:13 left")


def test_where_verdicts_are_ahead_of_the_examples_they_say_what_is_left() -> None:
    line = shown([Started(4, 1000), Tried(10), verdict("violated"), verdict("violated")], seconds=7.0)

    assert line.endswith("2/4 verdicts  10 examples 2 violated 0:00:07 left")


def test_a_narrow_terminal_shows_all_but_the_bar() -> None:
    line = shown([Started(294, 100), Trying("evaluation, float32/float32"), Tried(1470), verdict()], seconds=7.0, width=80)

    assert "evaluation, float32/float32 1/294 verdicts  1,470 examples" in line
    assert line.endswith("0:02:13 left")


@pytest.mark.parametrize("isolated", [False, True])
def test_the_examples_are_counted_as_they_are_tried(isolated: bool) -> None:
    heard: list[Event] = []

    verify("bn_reference:BatchNorm1d", listener=heard.append, isolated=isolated, **QUICK)

    (started,) = (event for event in heard if isinstance(event, Started))
    counts = [event.examples for event in heard if isinstance(event, Tried)]
    assert started.examples == 20
    assert counts == sorted(counts)
    assert counts[0] >= 1
    assert not isolated or counts[-1] >= started.total * started.examples


def test_a_file_gets_no_animation_where_colours_are_forced(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    with ProgressDisplay(Console(stderr=True)) as progress, StepsDisplay(Console(stderr=True), "timing", 3) as steps:
        progress(Started(4, 10))
        steps.advance()
    with _Bar("images") as bar:
        bar.update(10)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("command", [["list"], ["verify", "bn_reference:BatchNorm1d", "--dtype=float64", "--examples=2"]])
def test_forced_colours_change_nothing_else_in_a_file(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "")
    plain = printed(command, monkeypatch, capfd)
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = printed(command, monkeypatch, capfd)

    assert plain.err == coloured.err == ""
    assert "\x1b" not in plain.out
    assert set(re.findall(r"\x1b\[[0-9;?]*([A-Za-z])", coloured.out)) == {"m"}
    assert without_times(re.sub(r"\x1b\[[0-9;]*m", "", coloured.out)) == without_times(plain.out)


def test_an_empty_no_color_forbids_no_colour(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = printed(["list"], monkeypatch, capfd).out
    monkeypatch.setenv("NO_COLOR", "")

    assert "\x1b[36m" in coloured
    assert printed(["list"], monkeypatch, capfd).out == coloured


def printed(command: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """What a command writes to standard output and error."""
    monkeypatch.setattr(sys, "argv", ["bn-reference", *command])
    capfd.readouterr()
    with pytest.raises(SystemExit):
        main()
    return capfd.readouterr()


def without_times(text: str) -> list[str]:
    return [re.sub(r"\d+\.\d s", "", line).rstrip() for line in text.splitlines()]
