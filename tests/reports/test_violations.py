"""What is said of the cause of a violation, and its script."""

import numpy as np
import pytest
from made import CASE, OTHER, SCRIPT, SHOWN, WORST, cause, printed, report, result, violated

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.facts import Fact, Kind, Raised
from bn_reference.oracle.compare import Comparison, fact
from bn_reference.properties import PROPERTIES
from bn_reference.reports.results import Violation
from bn_reference.reports.sentences import say
from bn_reference.reports.violations import violation_text

RAISED = fact(False, Fact(Kind.RAISED, "forward", Raised("ValueError", "[red]no[/red] [/]")))
NOT_TRIED = fact(False, Fact(Kind.NOT_TRIED, "", 3))


def silent(found: Comparison) -> Violation:
    """One in which nothing was compared."""
    return Violation(say(found), found, CASE, found)


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
        "This script was not run, or ended otherwise than by its assertion:",
        "",
        *SCRIPT.splitlines(),
    ]


def test_other_pairs_and_other_rules_take_a_line_each() -> None:
    members = (violated(), violated(PAIRS[1]), violated(PAIRS[2], silent(RAISED)), violated(PAIRS[3], name=OTHER))
    text = printed(report(*members, causes=(cause(*members),)))

    assert "also in    float64/float64 (250 times the bound), float16/float32\n" in text
    assert "others     also broken, where the same is read (in bfloat16/float32 too): output is the normalized batch\n" in text


def test_the_ratio_of_the_first_case_is_told_from_that_of_the_smallest() -> None:
    first = Comparison("running_mean", False, ratio=3400.0, index=(4,), actual=2.0, expected=1.0, error=1.0, bound=0.1)
    text = printed(report(violated(violation=Violation(SHOWN.message, WORST, CASE, first, "slip"))))

    assert "bound      0.0005, exceeded 250 times, 3400 times on the case that first broke it\n" in text


@pytest.mark.parametrize(
    ("failed", "said"),
    [
        (True, "This script was run, and failed:"),
        (False, "This script was run and did not fail here: it is no proof:"),
        (None, "This script was not run, or ended otherwise than by its assertion:"),
    ],
)
def test_a_script_comes_with_what_it_did(failed: bool | None, said: str) -> None:
    assert f"\n\n{said}\n\n{SCRIPT}" in printed(report(violated(), causes=(cause(violated(), reproducer_fails=failed),)))


def test_a_script_of_another_member_says_whose_it_is() -> None:
    root, other = violated(violation=silent(RAISED)), violated(PAIRS[1], name=OTHER)
    text = printed(report(root, other, causes=(cause(root, other, reproducer_fails=True, shown_by=other),)))

    assert "This script, of output is the normalized batch in float64/float64, was run, and failed:\n" in text
    assert SCRIPT in text


@pytest.mark.parametrize("terminal", [True, False])
def test_one_script_is_shown_and_all_where_all_is_asked_for(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    names = ["one_step_moves_the_running_mean", "bessel_counts_every_position", "evaluation_moves_nothing", OTHER]
    shown = report(*(violated(name=name) for name in names))

    assert printed(shown, terminal=terminal).count(SCRIPT) == 1
    assert (
        "\nbn-reference verify somewhere:Layer --all shows every cause as a whole, with its script, and --scripts DIR"
        in printed(shown)
    )
    assert printed(shown, terminal=terminal, everything=True).count(SCRIPT) == 4


def test_a_few_causes_are_shown_the_later_ones_in_a_line_and_all_where_all_is_asked_for() -> None:
    shown = report(*(violated(violation=silent(WORST), name=property.name) for property in PROPERTIES[:11]))
    lines = printed(shown).splitlines()

    assert printed(shown).count("found  ") == 3
    assert [sum(line.startswith(f"FAIL {p.name.replace('_', ' ')}  ") for line in lines) for p in PROPERTIES[:11]] == [
        1
    ] * 8 + [0] * 3
    assert "FAIL and 3 more causes, which --all shows\n" in printed(shown)
    assert printed(shown, everything=True).count("found  ") == 11


def test_what_was_given_up_takes_one_line() -> None:
    left = [violated(pair, silent(NOT_TRIED)) for pair in PAIRS[1:]]
    text = printed(report(violated(), *left, causes=(cause(violated()), cause(*left))))

    assert "FAIL 5 verdicts not tried: the target had crashed or hung 3 times before\n" in text


def test_markup_in_what_a_target_says_is_text() -> None:
    assert "[red]no[/red] [/]" in printed(report(violated(PAIRS[0], silent(RAISED))), terminal=True)


def test_one_slip_in_one_pair_takes_a_screen_or_two_in_a_pipe() -> None:
    tall = CASE.but(x=np.arange(24, dtype=np.float32).reshape(24, 1) / 3, grad_y=np.ones((24, 1), np.float32))
    wordy = Violation(20 * SHOWN.message, WORST, tall.but(kinds=tuple(map(str, range(24)))), WORST, 40 * "slip ", SCRIPT)
    members = [violated(name=property.name, violation=wordy) for property in PROPERTIES]
    passed = [result(property.name, pair) for property in PROPERTIES for pair in PAIRS[1:4]]
    met = ("torch rounds twice (https://example.org/1)", "it forgets (https://example.org/2)")
    known = [result(property.name, PAIRS[4], "known deviation", deviations=met) for property in PROPERTIES]
    unasked = [result(p.name, PAIRS[5], "unsupported", examples=0, message="no such layers") for p in PROPERTIES]
    shown = report(*members, *passed, *known, *unasked, causes=(cause(*members, reproducer_fails=True),))

    text = printed(shown).replace(SCRIPT.rstrip(), "")

    assert len(text.splitlines()) <= 60
    entry = text[text.index("\nFAIL output is the normalized batch  ") : text.index("This script")]
    assert len(entry.strip().splitlines()) <= 25
