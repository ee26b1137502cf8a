"""What was drawn once is replayed: the same cases, in the same order, and never drawn again."""

from dataclasses import replace

import pytest

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.strategies import cases
from bn_reference.properties import PROPERTIES
from bn_reference.reports.results import Result
from bn_reference.targets.recognition import load_target
from bn_reference.verification import draw as search_module
from bn_reference.verification.draw import Drawings, drawings_within, search
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

STRATEGY, KEY = cases(PAIRS[0]), "0/float32/float32"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """Every case that Hypothesis is asked for."""
    handed_out: list[Case] = []

    def watched(strategy, key, body, examples):  # type: ignore[no-untyped-def]
        def noted(case: Case) -> None:
            handed_out.append(case)
            body(case)

        search(strategy, key, noted, examples)

    monkeypatch.setattr(search_module, "search", watched)
    return handed_out


def test_a_replay_gives_the_cases_of_a_search() -> None:
    found: list[Case] = []
    search(STRATEGY, KEY, found.append, 20)
    drawings = Drawings()

    assert len(found) == 20
    assert list(drawings.cases((STRATEGY, KEY, 20))) == list(drawings.cases((STRATEGY, KEY, 20))) == found


def test_what_was_drawn_is_never_drawn_again(drawn: list[Case]) -> None:
    drawings = Drawings()
    next(drawings.cases((STRATEGY, KEY, 20)))  # who stops early leaves the others to the next
    first = list(drawings.cases((STRATEGY, KEY, 20)))

    assert first == drawn
    assert len(drawn) == 20


def test_what_one_judge_has_drawn_no_other_draws(drawn: list[Case]) -> None:
    drawings_within.cache_clear()
    for target in ("bn_reference:BatchNorm1d", "torch.nn:BatchNorm1d"):
        assert Judge(load_target(target, "cpu"), Budget(examples=5)).check(PROPERTIES[0], PAIRS[0]).examples >= 5

    assert len(drawn) == 5


def test_a_judge_that_turns_to_another_seed_says_what_one_of_that_seed_says() -> None:
    def verdict(judge: Judge) -> Result:
        return replace(judge.check(PROPERTIES[0], PAIRS[0]), seconds=0.0)

    turned, other, first = (Judge(load_target("bn_reference:BatchNorm1d"), Budget(5, seed)) for seed in (0, 7, 0))
    turned.check(PROPERTIES[0], PAIRS[0])
    turned.turn_to(7)

    assert vars(verdict(turned)) == vars(verdict(other)) != vars(verdict(first))


def test_another_key_or_number_gives_other_cases() -> None:
    drawings = Drawings()
    one, other, fewer = (list(drawings.cases((STRATEGY, *asked))) for asked in (("a", 20), ("b", 20), ("a", 10)))

    assert one != other
    assert len(fewer) == 10


def test_only_the_latest_keys_are_kept(drawn: list[Case]) -> None:
    drawings = Drawings()
    for key in ("first", *map(str, range(Drawings.KEPT)), "first"):
        list(drawings.cases((STRATEGY, key, 1)))

    assert len(drawn) == Drawings.KEPT + 2
