"""The report as people see it: on a terminal, without colours, and in a pipe."""

import pytest
from made import IMPLIED, OTHER, RULE, SCRIPT, cause, printed, report, result, violated

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.properties import PROPERTIES
from bn_reference.reports.report import Report


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

    broken = cause(*(found for found in everything if found.status == "violated"))
    lines = printed(report(*everything, causes=(broken,)), width=width, terminal=True).splitlines()

    assert [line for line in lines if len(line) > width] == [SCRIPT.splitlines()[2]]


def test_the_heading_says_how_to_do_it_again() -> None:
    lines = printed(report(result())).splitlines()

    assert lines[:3] == [
        "somewhere:Layer on cpu",
        "torch 2.13.0, numpy 2.4.6, python 3.11.7",
        "seed 7, up to 100 examples a property and pair of dtypes",
    ]


def test_the_heading_says_how_large_the_largest_cases_were() -> None:
    tall, wide = result(largest=(1_048_577, 3)), result(OTHER, largest=(8193, 65_537))

    assert printed(report(tall, wide)).splitlines()[2].endswith(" and large ones: to 1,048,577 rows, 65,537 channels")


def test_a_known_deviation_is_said_once_with_its_reason() -> None:
    met = ("torch rounds twice (https://example.org/1)", "it forgets (https://example.org/2)")
    known = [result(name, status="known deviation", deviations=met) for name in (RULE, OTHER)]

    text = printed(report(*known))

    assert text.count("dev. known deviation: torch rounds twice (https://example.org/1)\n") == 1
    assert text.count("  2 results: one step moves the running mean, output is the normalized batch\n") == 2


def test_a_known_deviation_that_is_gone_is_said() -> None:
    text = printed(report(result(gone=("torch rounds twice (https://example.org/1)",)))).replace("\n", " ")

    said = "known deviation, not seen with these versions on the case that shows it: torch rounds twice (https://example.org/1)"
    assert f" dev. {said}   1 result: one step moves the running mean " in text


def test_what_is_unsupported_is_counted_and_shown() -> None:
    text = printed(report(result(), result(OTHER, status="unsupported", examples=0, message="it has no backward pass")))

    assert "n/a unsupported: it has no backward pass\n  1 result: output is the normalized batch\n" in text


def test_a_reason_names_a_few_rules_and_all_where_all_is_asked_for() -> None:
    unasked = [result(p.name, status="unsupported", examples=0, message="it has no backward pass") for p in PROPERTIES[:9]]

    short, whole = (" ".join(printed(report(*unasked), everything=everything).split()) for everything in (False, True))

    assert "9 results: output is the normalized batch, output mean is the bias, output variance" in short
    assert "momentum one shows the batch statistics and 5 more FAIL" in short
    assert "permuting channels permutes the output" in whole


def test_what_was_refused_beside_passes_is_said_by_reason() -> None:
    refused = [
        result(examples=24, refused={"momentum=None": 6}),
        result(OTHER, examples=20, refused={"momentum=None": 8, "no affine=False": 2}),
        result(RULE, PAIRS[1], "unsupported", examples=0, refused={"float64": 30}, message="float64"),
    ]
    text = printed(report(*refused))

    where = "2 results: one step moves the running mean, output is the normalized batch"
    assert f"n/a 44 of 60 examples; 14 refused: momentum=None\n  {where}\n" in text
    assert "n/a 20 of 30 examples; 2 refused: no affine=False\n  1 result: output is the normalized batch\n" in text
    assert "refused: float64" not in text


def test_what_a_reader_must_know_stands_in_the_heading() -> None:
    lines = printed(
        report(
            result(),
            notes=("there is no limit on the time of an example",),
            options={"examples": 30},
            capabilities={"gradients": False, "counter": False, "training": True, "kernels": ["torch"]},
        )
    ).splitlines()

    assert lines[2:6] == [
        "seed 7, up to 30 examples a property and pair of dtypes",
        "it cannot be asked for: gradients in training, the number of batches",
        "it computes through the batch norm of torch itself, whose known deviations count as such here",
        "note: there is no limit on the time of an example",
    ]


NOTHING = "no rule was verified by any example"
HOLLOW = "nothing of weight was verified: the output was never held against the truth with power"


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (report(result()), "ok somewhere:Layer conforms: verified 1 of 1 rule, 1 passed, in 12.3 s"),
        (
            report(result(), result(OTHER, status="known deviation"), result(IMPLIED), result(RULE, PAIRS[1])),
            "ok somewhere:Layer conforms: verified 3 of 3 rules (1 of them follows from others), "
            "3 passed, 1 known deviation, in 12.3 s",
        ),
        (
            report(result(OTHER), result(status="unsupported", examples=0)),
            "ok somewhere:Layer conforms: verified 1 of 2 rules, 1 passed, 1 unsupported, in 12.3 s",
        ),
        (
            report(violated(), result(OTHER)),
            "FAIL somewhere:Layer violates 1 of 2 rules, 1 cause: 1 passed, 1 violated, in 12.3 s",
        ),
        (report(result(), interrupted=True), "-- interrupted after 12.3 s; so far: 1 passed"),
        (report(interrupted=True), "-- interrupted after 12.3 s, before anything was found"),
        (
            report(result(OTHER, saw_y=False), result()),
            f"FAIL somewhere:Layer does not conform, for {HOLLOW}: 2 passed",
        ),
        (
            report(result(examples=0, status="unsupported")),
            f"FAIL somewhere:Layer does not conform, for {NOTHING}: 1 unsupported",
        ),
        (report(), f"FAIL somewhere:Layer does not conform, for {NOTHING}: no results"),
    ],
)
def test_the_last_line_is_the_verdict(shown: Report, line: str) -> None:
    assert printed(shown, width=200).splitlines()[-1] == line
