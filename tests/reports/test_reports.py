"""The report as people see it: on a wide and on a narrow terminal, without colours, and in a pipe."""

import math
from io import StringIO
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.oracle.compare import Comparison
from bn_reference.reports.results import Report, Result, Violation
from bn_reference.reports.table import ratio
from bn_reference.reports.text import print_report
from bn_reference.reports.violations import violation_text

RULE = "one_step_moves_the_running_mean"
OTHER = "output_is_the_normalized_batch"
SCRIPT = "import torch\n\n# a line that is longer than any terminal" + 30 * " and longer" + "\nassert False\n"
CASE = Case(PAIRS[0], np.array([[1.0], [2.5]], np.float32), np.ones((2, 1), np.float32), kinds=("plain",))
WORST = Comparison(
    "running_mean", False, 250.0, index=(0,), actual=0.30000001192092896, expected=0.175, error=0.125, bound=0.0005
)
SHOWN = Violation(str(WORST), CASE, WORST, "momentum is the weight of the old value", SCRIPT)


def result(name: str = RULE, pair: Pair = PAIRS[0], status: Any = "passed", **changes: Any) -> Result:
    family = "running" if name == RULE else "normalization"
    given: dict[str, Any] = {"examples": 100, "worst_ratio": 0.25, "without_power": 0.02, "seconds": 1.25} | changes
    return Result(name, family, pair.input, pair.parameters, "cpu", status, **given)


def violated(pair: Pair = PAIRS[0], violation: Violation = SHOWN) -> Result:
    return result(RULE, pair, "violated", worst_ratio=250.0, examples=3, message=violation.message, violation=violation)


def report(*results: Result, **changes: Any) -> Report:
    return Report("somewhere:Layer", {"python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6"}, 7, 12.34, results, **changes)


def printed(shown: Report, *, width: int = 120, terminal: bool = False) -> str:
    stream = StringIO()
    print_report(
        shown, Console(file=stream, width=width, force_terminal=terminal, legacy_windows=False, color_system="standard")
    )
    return stream.getvalue()


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE", "TERM"):
        monkeypatch.delenv(name, raising=False)


def test_a_pipe_gets_a_line_for_each_property_and_pair() -> None:
    lines = printed(report(result(), result(pair=PAIRS[1], worst_ratio=None, examples=0, status="unsupported"))).splitlines()

    rows = [line.split() for line in lines if RULE in line]
    assert rows[0] == ["ok", RULE, "float32/float32", "100", "0.25", "2", "%", "1.2", "s"]
    assert rows[1] == ["none", RULE, "float64/float64", "1.2", "s"]


def test_a_pipe_gets_neither_colours_nor_boxes() -> None:
    text = printed(report(result(), violated(PAIRS[1])))

    assert "\x1b" not in text
    assert text.isascii()
    assert all(line == line.rstrip() for line in text.splitlines())


def test_no_color_leaves_no_escape_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b" not in printed(report(result(), violated(PAIRS[1])), terminal=True)


def test_a_terminal_has_colours() -> None:
    assert "\x1b[32m" in printed(report(result()), terminal=True)


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_nothing_but_a_script_is_wider_than_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    everything = [violated(pair) if name == RULE else result(name, pair) for name in (RULE, OTHER) for pair in PAIRS]

    lines = printed(report(*everything), width=width, terminal=True).splitlines()

    assert [line for line in lines if len(line) > width] == [SCRIPT.splitlines()[2]]


def test_a_wide_terminal_shows_a_column_for_each_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    results = [result(OTHER, pair, worst_ratio=0.1 * (i + 1)) for i, pair in enumerate(PAIRS)]

    lines = printed(report(*results), width=120, terminal=True).splitlines()

    assert ["f32", "f64", "f16/f32", "bf16/f32", "f16", "bf16", "examples", "no", "power", "time"] in [x.split() for x in lines]
    row = next(line for line in lines if "output is the normalized batch" in line)
    assert row.split()[6:] == ["0.10", "0.20", "0.30", "0.40", "0.50", "0.60", "600", "2", "%", "7.5", "s"]


def test_a_narrow_terminal_puts_together_what_came_out_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    results = [*(result(pair=pair) for pair in PAIRS[:5]), violated(PAIRS[5])]

    rows = [" ".join(line.split()) for line in printed(report(*results), width=80, terminal=True).splitlines()]

    assert "✓ one step moves the running mean 5 of 6 500 0.25 2 % 6.2 s" in rows
    assert "✗ one step moves the running mean bf16 3 250 2 % 1.2 s" in rows


def test_the_heading_says_how_to_do_it_again() -> None:
    lines = printed(report(result())).splitlines()

    assert lines[:3] == [
        "somewhere:Layer on cpu",
        "torch 2.13.0, numpy 2.4.6, python 3.11.7",
        "seed 7, up to 100 examples a property and pair of dtypes",
    ]


def test_a_violation_is_told_in_full() -> None:
    said = violation_text(violated()).splitlines()

    assert said[0].startswith("FAIL one step moves the running mean  running, float32/float32 ---")
    assert [line.rstrip() for line in said[1:13]] == [
        "rule       running_mean := (1 - f) running_mean + f mean(x), f = momentum, or 1 / (number of batches, this one",
        "           included) for None.",
        "source     docs of torch.nn.BatchNorm1d",
        "found      running_mean[0] is 0.30000001192092896, expected 0.175 within 0.0005; the error is 0.125, 250 times",
        "           the bound",
        "explained  momentum is the weight of the old value",
        "element    running_mean[0]",
        "actual     0.30000001192092896",
        "expected   0.175",
        "error      0.125",
        "bound      0.0005, exceeded 250 times",
        "case       x (2, 1) float32, contiguous; parameters float32",
    ]
    assert said[13:] == [
        "           eps=1e-05, momentum=0.1, no weight and bias, no running statistics",
        "channels   plain",
        "x          [[1. ],",
        "            [2.5]]",
        "",
        *SCRIPT.splitlines(),
    ]


def test_the_same_rule_in_other_pairs_takes_one_line() -> None:
    silent = Violation("forward raised ValueError: no", CASE)
    text = printed(report(violated(), violated(PAIRS[1]), violated(PAIRS[2], silent)))

    assert "also in    float64/float64 (250 times the bound), float16/float32\n" in text


def test_all_scripts_go_into_a_pipe_and_a_few_onto_a_terminal() -> None:
    names = ["one_step_moves_the_running_mean", "bessel_counts_every_position", "evaluation_moves_nothing", OTHER]
    shown = report(*(result(name, status="violated", message="broken", violation=SHOWN) for name in names))

    assert printed(shown).count("assert False") == 4
    assert printed(shown, terminal=True).count("assert") == 3
    assert f"bn-reference verify somewhere:Layer --property {OTHER} shows its script" in printed(shown, terminal=True)


def test_what_was_given_up_takes_one_line() -> None:
    silent = Violation("not tried: the target had crashed or hung 3 times before")
    text = printed(report(violated(), *(violated(pair, silent) for pair in PAIRS[1:])))

    assert "FAIL 5 verdicts not tried: the target had crashed or hung 3 times before\n" in text


def test_markup_in_what_a_target_says_is_text() -> None:
    silent = Violation("forward raised ValueError: [red]no[/red] [/]", CASE)

    assert "[red]no[/red] [/]" in printed(report(violated(PAIRS[0], silent)), terminal=True)


def test_a_known_deviation_is_said_once_with_its_reason() -> None:
    message = "3 of 100 examples: torch rounds twice (https://example.org/1); it forgets (https://example.org/2)"
    known = [result(name, status="known deviation", message=message) for name in (RULE, OTHER)]

    text = printed(report(*known))

    assert text.count("dev. known deviation: torch rounds twice (https://example.org/1)\n") == 1
    assert text.count("  2 results: one step moves the running mean, output is the normalized batch\n") == 2


def test_what_is_unsupported_is_counted_and_shown() -> None:
    text = printed(report(result(), result(OTHER, status="unsupported", examples=0, message="it has no backward pass")))

    assert "none unsupported: it has no backward pass\n  1 result: output is the normalized batch\n" in text


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (report(result()), "ok somewhere:Layer conforms: 1 passed, in 12.3 s"),
        (
            report(result(), result(OTHER, status="known deviation")),
            "ok somewhere:Layer conforms: 1 passed, 1 known deviation, in 12.3 s",
        ),
        (
            report(violated(), result(OTHER)),
            "FAIL somewhere:Layer violates 1 of 2 properties: 1 passed, 1 violated, in 12.3 s",
        ),
        (report(result(), interrupted=True), "-- interrupted after 12.3 s; so far: 1 passed"),
        (report(interrupted=True), "-- interrupted after 12.3 s, before anything was found"),
        (report(result(status="unsupported")), "FAIL nothing of somewhere:Layer was verified: 1 unsupported"),
        (report(), "FAIL nothing of somewhere:Layer was verified: no results"),
    ],
)
def test_the_last_line_is_the_verdict(shown: Report, line: str) -> None:
    assert printed(shown).splitlines()[-1] == line


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.5, "0.50"), (99.9, "99.90"), (250.0, "250"), (33600.0, "3e+04"), (math.inf, "inf")]
)
def test_a_ratio_is_short(value: float, text: str) -> None:
    assert ratio(value) == text
