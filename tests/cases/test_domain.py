"""Cases within a domain: what is drawn lies inside, and stays inside while it shrinks; the default draws what it always did."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis import strategies as st

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.domain import UNRESTRICTED, Domain
from bn_reference.cases.strategies import cases, lattice_cases, parts_of

FLOAT32 = PAIRS[0]
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of cases of a thousand channels
SEARCH = settings(max_examples=400, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
DOMAINS = {
    "eps": Domain(eps=1e-3),
    "momentum": Domain(momentum=(0.25, 0.5)),
    "no cumulative average": Domain(cumulative=False),
    "cumulative average alone": Domain(momentum=(None,)),
    "affine": Domain(affine=(True,)),
    "not affine": Domain(affine=(False,)),
    "not tracking": Domain(tracks=(False,)),
    "tracking": Domain(tracks=(True,)),
    "(N, C)": Domain(dimensions=(2,)),
    "(N, C, L)": Domain(dimensions=(3,)),
    "eights": Domain(channels=8),
    "sevens": Domain(channels=7),
    "thousands": Domain(channels=1000),
    "sixteen": Domain(channels=16, most_channels=16),
    "at most five": Domain(most_channels=5),
    "contiguous": Domain(layouts=False),
    "contiguous gradients": Domain(grad_layouts=False),
    "neutral": Domain(starts=False),
    "all at once": Domain(1e-3, (0.1,), False, (True,), (True,), (2,), 8, False, ("float32/float32",), False, False),
}


def drawn(strategy: st.SearchStrategy[Case], examples: int = 80) -> list[Case]:
    met: list[Case] = []

    @seed(0)
    @settings(SEARCH, max_examples=examples, derandomize=False, phases=[Phase.generate])
    @given(strategy)
    def note(case: Case) -> None:
        met.append(case)

    with np.errstate(all="ignore"):
        note()
    return met


@pytest.mark.parametrize("strategy", [cases, lattice_cases])
@pytest.mark.parametrize("name", DOMAINS)
def test_every_case_lies_inside(name: str, strategy: Callable[..., st.SearchStrategy[Case]]) -> None:
    met = drawn(strategy(FLOAT32, DOMAINS[name]))

    assert len(met) > 60
    assert all(DOMAINS[name].takes(case) for case in met)


@pytest.mark.parametrize("name", DOMAINS)
def test_without_the_domain_some_case_lies_outside(name: str) -> None:
    assert not all(DOMAINS[name].takes(case) for case in drawn(cases(FLOAT32)))


@pytest.mark.parametrize("name", DOMAINS)
def test_what_shrinks_stays_inside_and_becomes_small(name: str) -> None:
    domain, met = DOMAINS[name], []

    def is_varied(case: Case) -> bool:
        met.append(case)
        return case.rows > 1 and bool(case.x.std() > 0)

    case = find(lattice_cases(FLOAT32, domain), is_varied, settings=SEARCH)

    assert all(domain.takes(each) for each in met)
    assert (case.channels, case.rows) == (domain.channels, 2)
    assert set(np.abs(case.x.ravel()).tolist()) <= {0.0, 1.0}


def test_several_multiples_of_channels_are_drawn() -> None:
    # many examples, as older versions of Hypothesis repeat a shape more often: with some seeds 80 have but three multiples
    assert len({case.channels for case in drawn(cases(FLOAT32, Domain(channels=8)), 400)}) > 4


def test_the_unrestricted_domain_is_the_default() -> None:
    plain, named = drawn(cases(FLOAT32)), drawn(cases(FLOAT32, UNRESTRICTED))

    assert [case.recipe for case in plain] == [case.recipe for case in named]
    assert parts_of(UNRESTRICTED) is parts_of(Domain())


@pytest.mark.parametrize("name", DOMAINS)
def test_the_nearest_case_lies_inside_where_it_is_of_the_same_kind(name: str) -> None:
    domain = DOMAINS[name]
    for case in drawn(cases(FLOAT32), 60):
        kind = (case.affine in domain.affine, case.tracks in domain.tracks, case.x.ndim in domain.dimensions)
        average = domain.cumulative or domain.momentum or case.momentum is not None or not case.tracks
        if all(kind) and average:
            assert domain.takes(domain.nearest(case))


def test_the_nearest_case_of_one_inside_is_itself() -> None:
    for case in drawn(cases(FLOAT32), 30):
        assert UNRESTRICTED.nearest(case) is case


def test_a_case_repeated_to_a_multiple_holds_the_same_channels() -> None:
    case = next(case for case in drawn(cases(FLOAT32), 400) if case.channels == 3 and case.affine)
    wide = replace(UNRESTRICTED, channels=2).nearest(case)

    assert wide.channels == 6
    for name in ("x", "grad_y"):
        assert np.array_equal(getattr(wide, name)[:, 3:], getattr(case, name), equal_nan=True)
    assert wide.weight is not None
    assert wide.weight.tolist() == [*np.resize(case.weight, 6)]
