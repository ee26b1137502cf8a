"""A rival: what an implementation would give that made one known slip, with the bound on any honest computation of it.

A rival is the specification with some of its functions replaced, or the specification on another case. It says of each
quantity of a step what it expects; where it says nothing else, it expects the truth. Whether it explains an implementation is
decided in ``diagnosis``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bn_reference import specification as spec
from bn_reference.cases.case import Case
from bn_reference.conventions import Rules
from bn_reference.oracle.bounded import Bounded, constant
from bn_reference.oracle.step import ExpectedStep, expect_inference, expect_training

__all__ = [
    "QUANTITIES",
    "STATE",
    "Expect",
    "Rival",
    "Rules",
    "expected",
    "of_case",
    "of_rules",
    "step_of",
    "truth",
    "with_eps",
]

STATE = ("running_mean", "running_var")
QUANTITIES = ("y", *STATE, "grad_x", "grad_weight", "grad_bias")

Expect = Callable[[Case, bool, str], Bounded | None]


@dataclass(frozen=True, eq=False)
class Rival:
    """A hypothesis.

    Attributes:
        name: stable, in snake_case; rivals of one name mean the same, where a slip has several forms.
        sentence: what it says, in words.
        expect: what it expects of a quantity, given the case and whether the step is one in training; None: nothing is to be
            said of it, or there is to be none.
        shows: further cases, made of the one that broke the rule, in which it must show; without them generic ones do.
        mute: it is never named, but keeps others from it that explain no more.
    """

    name: str
    sentence: str
    expect: Expect
    shows: Callable[[Case], tuple[Case, ...]] | None = None
    mute: bool = False


def expected(step: ExpectedStep, what: str) -> Bounded | None:
    """One quantity of a step."""
    if what in STATE:
        return step.state.mean if what == "running_mean" else step.state.var
    quantity: Bounded = getattr(step, what)
    return quantity


def step_of(case: Case, training: bool, rules: Any = spec) -> ExpectedStep:
    """The step in training or in eval, by the specification or by other rules."""
    return expect_training(case, rules) if training else expect_inference(case, rules)


def truth(case: Case, training: bool, what: str) -> Bounded | None:
    """What the specification expects."""
    return expected(step_of(case, training), what)


def of_rules(name: str, sentence: str, rules: Callable[[Case], Rules] | None = None, **functions: Any) -> Rival:
    """The specification with some of its functions replaced, by others or by those that ``rules`` makes of the case."""
    fixed = Rules(**functions)
    made = rules or (lambda case: fixed)
    return Rival(name, sentence, lambda case, training, what: expected(step_of(case, training, made(case)), what))


def of_case(name: str, sentence: str, change: Callable[[Case], Case], only: tuple[str, ...] = QUANTITIES) -> Rival:
    """The specification on another case: something was misread that these quantities depend on."""
    return Rival(
        name,
        sentence,
        lambda case, training, what: truth(change(case) if what in only else case, training, what),
    )


def with_eps(make: Callable[[Any], dict[str, Callable[..., Any]]]) -> Callable[[Case], Rules]:
    """Rules that need eps where the paper's functions are not given it."""
    return lambda case: Rules(**make(constant(case.precision, case.eps)))
