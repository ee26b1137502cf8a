"""The table of results: on a wide and on a narrow terminal, and in a pipe."""

import math

import pytest
from made import IMPLIED, OTHER, RULE, cause, printed, report, result, violated

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.properties import PROPERTIES
from bn_reference.reports.marks import ratio


def test_a_pipe_gets_a_line_for_each_property_and_pair_where_all_is_asked_for() -> None:
    unasked = result(pair=PAIRS[1], worst_ratio=None, resolution=None, examples=0, status="unsupported")
    lines = printed(report(result(), unasked, result(IMPLIED)), everything=True).splitlines()

    rows = [line.split() for line in lines if RULE in line]
    assert rows[0] == ["ok", RULE, "float32/float32", "100", "0.25", "2e-07", "2", "%", "1.2", "s"]
    assert rows[1] == ["n/a", RULE, "float64/float64", "1.2", "s"]
    assert ["ok", IMPLIED, "*", "float32/float32"] in [line.split()[:4] for line in lines]
    assert "* follows from other rules, and finds nothing that they do not" in lines


def test_a_pipe_gets_a_line_for_each_family_and_a_few_for_what_did_not_pass() -> None:
    names = [property.name for property in PROPERTIES if property.family == "normalization"]
    results = [*(violated(name=name) for name in names), result(), result(RULE, PAIRS[1], "known deviation")]

    rows = [" ".join(line.split()) for line in printed(report(*results, causes=(cause(*results[:-2]),))).splitlines()[4:15]]

    assert rows[1].startswith("FAIL normalization: 13 violated 39 250 2e-07 2 % 16.2 s")
    assert rows[2].startswith("dev. running: 1 passed, 1 dev. 200 0.25 2e-07 2 % 2.5 s")
    assert [row.split()[:2] for row in rows[3:6]] == [["FAIL", name] for name in names[:3]]
    assert rows[6] == "and 11 more that did not pass; --all shows every line"


def test_a_wide_terminal_shows_a_column_for_each_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    results = [result(OTHER, pair, worst_ratio=0.1 * (i + 1)) for i, pair in enumerate(PAIRS)]

    lines = printed(report(*results), width=120, terminal=True).splitlines()

    titles = ["f32", "f64", "f16/f32", "bf16/f32", "f16", "bf16", "examples", "lution", "power", "time"]
    assert titles in [line.split() for line in lines]
    row = next(line for line in lines if "output is the normalized batch" in line)
    assert row.split()[6:] == ["0.10", "0.20", "0.30", "0.40", "0.50", "0.60", "600", "2e-07", "2", "%", "7.5", "s"]


@pytest.mark.parametrize("width", [104, 108, 112, 114, 116])
def test_every_number_of_a_whole_report_is_shown_on_a_terminal_of_common_width(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    everything = [result(property.name, pair, seconds=123.4) for property in PROPERTIES for pair in PAIRS]

    text = printed(report(*everything), width=width, terminal=True)

    assert text.count(" 600 ") == text.count("740.4 s") == text.count(" 2e-07 ") == len(PROPERTIES)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_a_narrow_terminal_puts_together_what_came_out_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    results = [*(result(pair=pair) for pair in PAIRS[:5]), violated(PAIRS[5])]

    rows = [" ".join(line.split()) for line in printed(report(*results), width=80, terminal=True).splitlines()]

    assert "✓ one step moves the running mean 5 of 6 500 0.25 2e-07 2 % 6.2 s" in rows
    assert "✗ one step moves the running mean bf16 3 250 2e-07 2 % 1.2 s" in rows


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.5, "0.50"), (99.9, "99.90"), (250.0, "250"), (33600.0, "3e+04"), (math.inf, "inf")]
)
def test_a_ratio_is_short(value: float, text: str) -> None:
    assert ratio(value) == text
