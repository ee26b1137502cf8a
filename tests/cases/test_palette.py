"""A palette: cases of few shapes, of which the rules make few others, and numbers as varied as ever."""

from dataclasses import replace

import pytest

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.domain import UNRESTRICTED, Domain
from bn_reference.cases.palette import BRIEF, PROFILED, palette
from bn_reference.cases.strategies import cases, lattice_cases
from bn_reference.verification.draw import search

FEW = replace(UNRESTRICTED, palette=True)


def drawn(domain: Domain, examples: int = 60) -> list[Case]:
    found: list[Case] = []
    search(cases(PAIRS[0], domain), "palette", found.append, examples)
    return found


def test_every_case_has_a_shape_of_the_palette_and_all_are_drawn() -> None:
    assert {case.x.shape for case in drawn(FEW)} == {*BRIEF, *PROFILED}


def test_what_is_read_by_people_has_a_brief_shape() -> None:
    found: list[Case] = []
    search(lattice_cases(PAIRS[0], FEW), "palette", found.append, 20)

    assert {case.x.shape for case in found} == {*BRIEF}


def test_hyperparameters_and_layouts_are_as_varied_as_ever() -> None:
    few, many = drawn(FEW, 200), drawn(UNRESTRICTED, 200)

    for name in ("eps", "momentum", "layout", "kinds"):
        assert len({getattr(case, name) for case in few}) > len({getattr(case, name) for case in many}) // 2


def test_layers_without_parameters_or_statistics_have_one_shape() -> None:
    assert len({case.x.shape for case in drawn(FEW, 200) if not (case.affine and case.tracks)}) == 1


@pytest.mark.parametrize("domain", [Domain(channels=8), Domain(channels=8, most_channels=8), Domain(dimensions=(3,))])
def test_it_stays_within_the_domain(domain: Domain) -> None:
    shapes = palette((*BRIEF, *PROFILED), domain)

    assert shapes
    assert all(shape[1] % domain.channels == 0 and len(shape) in domain.dimensions for shape in shapes)
    assert all(domain.most_channels is None or shape[1] <= domain.most_channels for shape in shapes)
