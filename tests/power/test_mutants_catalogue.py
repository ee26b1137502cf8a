"""The catalogue of mutants is well declared, and leaves no property without a mutant that it claims."""

from __future__ import annotations

import re

import pytest

from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.controls import CONTROLS
from bn_reference.power.mutants.catalogue import MUTANTS, Mutant

ENOUGH_CONTROLS = 30

each_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


def is_one_sentence(story: str) -> bool:
    return re.fullmatch(r"[A-Z].*[^.]\.", story) is not None and re.search(r"\. [A-Z]", story) is None


def test_names_are_unique() -> None:
    names = [entry.name for entry in (*MUTANTS, *CONTROLS)]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("entry", [*MUTANTS, *CONTROLS], ids=lambda entry: entry.name)
def test_names_are_snake_case_and_stories_one_sentence(entry: Mutant) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", entry.name)
    assert is_one_sentence(entry.story), entry.story


@pytest.mark.parametrize("story", ["No full stop", "Two sentences. Here.", "small letter.", ""])
def test_what_is_not_one_sentence_is_noticed(story: str) -> None:
    assert not is_one_sentence(story)


@each_mutant
def test_the_source_is_a_link(mutant: Mutant) -> None:
    pattern = r"https://(github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+|discuss\.pytorch\.org/t/\d+)"

    assert re.fullmatch(pattern, mutant.source), mutant.source


@each_mutant
def test_claims_name_properties(mutant: Mutant) -> None:
    from bn_reference.properties import PROPERTIES

    assert mutant.claimed_by
    assert set(mutant.claimed_by) <= {prop.name for prop in PROPERTIES}


def test_every_property_claims_a_mutant() -> None:
    from bn_reference.properties import PROPERTIES

    claimed = {name for mutant in MUTANTS for name in mutant.claimed_by}

    assert {prop.name for prop in PROPERTIES} - claimed == set()


@each_mutant
def test_a_mutant_overrides_a_joint(mutant: Mutant) -> None:
    overridden = {name for name, value in vars(mutant.factory).items() if callable(value)}

    assert issubclass(mutant.factory, CleanBatchNorm1d)
    assert overridden & {*dir(mutant.factory.__base__), "__deepcopy__"}


def test_the_controls_are_many() -> None:
    assert len(CONTROLS) >= ENOUGH_CONTROLS
