"""What was drawn once is replayed: the same cases, in the same order, and no more drawing than is needed."""

import pytest

from bn_reference import search as search_module
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.strategies import cases
from bn_reference.search import Drawings, Enough, search

STRATEGY, KEY = cases(PAIRS[0]), "0/float32/float32"


def replayed(drawings: Drawings, examples: int, *, stop_after: int = 0) -> list[Case]:
    seen: list[Case] = []

    def body(case: Case) -> None:
        seen.append(case)
        if len(seen) == stop_after:
            raise Enough

    drawings.replay(STRATEGY, KEY, body, examples)
    return seen


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
    assert replayed(drawings, 20) == replayed(drawings, 20) == found


def test_what_was_drawn_whole_is_never_drawn_again(drawn: list[Case]) -> None:
    drawings = Drawings()
    replayed(drawings, 20)
    replayed(drawings, 20)
    replayed(drawings, 20, stop_after=5)

    assert len(drawn) == 20


def test_who_asks_for_more_gets_what_is_left_after_those_that_were_drawn() -> None:
    whole, drawings = replayed(Drawings(), 20), Drawings()

    assert replayed(drawings, 20, stop_after=5) == whole[:5]
    assert replayed(drawings, 20, stop_after=9) == whole[:9]
    assert replayed(drawings, 20) == whole


def test_only_the_latest_keys_are_kept(drawn: list[Case]) -> None:
    drawings = Drawings()
    for key in ("a", "b", "c", "a"):
        drawings.replay(STRATEGY, key, lambda case: None, 10)

    assert len(drawn) == 40
