"""A region is inferred from cases that failed and cases that held: as narrow as they show, and no narrower than that."""

from collections.abc import Callable

import pytest

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import LAYOUTS
from bn_reference.cases.region import EVERYWHERE, Features, Region, features_of
from bn_reference.cases.strategies import cases
from bn_reference.verification.draw import search
from bn_reference.verification.survey import Survey, region_of

IN_ORDER = ("contiguous", "offset")
Fails = Callable[[Features], bool]


def drawn(key: str, examples: int = 150) -> list[Features]:
    met: list[Case] = []
    search(cases(PAIRS[0]), key, met.append, examples)
    return [features_of(case) for case in met]


SEEN, OTHERS = drawn("seen"), drawn("others")
STRIDED = tuple(layout for layout in LAYOUTS if layout not in IN_ORDER)


def split(fails: Fails, seen: list[Features]) -> tuple[list[Features], list[Features]]:
    return [case for case in seen if fails(case)], [case for case in seen if not fails(case)]


@pytest.mark.parametrize(
    ("fails", "region"),
    [
        (lambda case: True, EVERYWHERE),
        (lambda case: case.dimensions == 3, Region(dimensions=(3,))),
        (lambda case: not case.affine, Region(affine=False)),
        (lambda case: case.cumulative, Region(cumulative=True)),
        (lambda case: case.layout not in IN_ORDER, Region(layouts=STRIDED)),
        (lambda case: not case.circumstances, Region(circumstances=())),
        (lambda case: "copy" in case.circumstances, Region(circumstances=("copy",))),
    ],
)
def test_the_region_is_where_it_fails(fails: Fails, region: Region) -> None:
    assert region_of(*split(fails, SEEN)) == region


def test_two_conditions_are_found_together() -> None:
    failed, held = split(lambda case: case.dimensions == 3 and not case.affine, SEEN)

    assert region_of(failed, held) == Region(dimensions=(3,), affine=False)


def test_a_size_begins_beyond_the_last_that_held() -> None:
    failed, held = split(lambda case: case.rows >= 20, SEEN)
    found = region_of(failed, held)

    assert found.rows == (max(case.rows for case in held) + 1, None)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_cases_tell_nothing(count: int) -> None:
    failed, held = split(lambda case: case.dimensions == 3 and case.affine, SEEN)

    assert region_of(failed[:count], failed[count:] + held) == EVERYWHERE


@pytest.mark.parametrize(
    "fails",
    [
        lambda case: "train" in case.circumstances or "train often" in case.circumstances,
        lambda case: case.rows > 40 and case.channels > 1,
        lambda case: case.layout == "sliced" or case.grad_layout == "sliced",
    ],
)
def test_whatever_it_is_the_region_has_all_that_failed_and_what_is_to_come_of_the_same_mostly(fails: Fails) -> None:
    found = region_of(*split(fails, SEEN))
    later = [case for case in OTHERS if fails(case)]

    assert all(map(found.has, split(fails, SEEN)[0]))
    assert sum(map(found.has, later)) >= 0.9 * len(later) > 0


def test_cases_that_broke_many_rules_are_evidence_once() -> None:
    failed, held = split(lambda case: case.dimensions == 3 and case.affine, SEEN)

    assert region_of(30 * failed[:2], failed[2:] + held) == EVERYWHERE


def test_what_is_shown_is_in_the_region_and_no_evidence_for_it() -> None:
    failed, held = split(lambda case: case.dimensions == 3, SEEN)
    flat = next(case for case in held if case.layout == "contiguous")

    assert region_of(failed, held).dimensions == (3,)
    assert region_of(failed, held, [flat]).dimensions is None
    assert region_of(failed[:2], failed[2:] + held, failed[2:]) == EVERYWHERE


def test_where_a_size_is_known_from_which_it_fails_that_is_the_region() -> None:
    large = Features(2, 5, 1026, True, True, False, "contiguous", "contiguous", ())
    survey = Survey(failed=[large._replace(channels=1025), large], held=SEEN, edge=("channels", 1025))

    assert survey.region().channels == (1025, None)
