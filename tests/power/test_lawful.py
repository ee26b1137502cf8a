"""A convention is measured, kept by whoever keeps it under any seed, and hides no fault behind it."""

import pytest

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.conventions import TORCH
from bn_reference.power.lawful.catalogue import LAWFUL, UNLAWFUL, OfConvention
from bn_reference.power.mutants.normalization import UpdatedBeforeUse
from bn_reference.properties import FAMILIES, PROPERTIES
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.verification.demand import Demand
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

SEEDS = range(10)
# of pairs of dtypes, those in which a convention shows
SHOWN_IN = {"output": "float16/float32", "hyperparameters": "float64/float64"}


def judge_of(layer: OfConvention, *, examples: int = 3, seed: int = 0) -> Judge:
    demand = Demand(layer.conventions, by_default=False)
    judge = Judge(TorchImplementation(layer.factory, layer.name), Budget(examples=examples, seed=seed, demand=demand))
    judge.settle()
    return judge


def broken(judge: Judge, pair: Pair) -> dict[str, str]:
    found: dict[str, str] = {}
    for family in FAMILIES:
        found |= judge.broken([property for property in PROPERTIES if property.family == family], pair)
    return {name: how for name, how in found.items() if how}


def is_broken(judge: Judge, pair: Pair) -> bool:
    """Whether any rule is, of which the others need not be tried."""
    families = ([property for property in PROPERTIES if property.family == family] for family in FAMILIES)
    return any(tally.failure is not None for rules in families for tally in judge.tallied(rules, pair, fail_fast=True))


def pair_that_shows(layer: OfConvention) -> Pair:
    shown = [SHOWN_IN[name] for name in TORCH.differences(layer.conventions) if name in SHOWN_IN]
    return next((pair for pair in PAIRS if str(pair) in shown), PAIRS[0])


@pytest.mark.parametrize("layer", LAWFUL, ids=lambda layer: layer.name)
def test_the_convention_of_a_correct_layer_is_found(layer: OfConvention) -> None:
    for demand in (Demand(accepts_all=True, by_default=False), Demand(layer.conventions, by_default=False)):
        judge = Judge(TorchImplementation(layer.factory, layer.name), Budget(demand=demand))
        judge.settle()
        assert judge.conventions == layer.conventions


def test_who_moves_statistics_as_no_convention_has_it_is_not_said_to_keep_one() -> None:
    """Its y alone is that of biased statistics that were updated before they were used."""
    judge = Judge(TorchImplementation(UpdatedBeforeUse, "updated before use"), Budget())

    judge.settle()

    assert judge.conventions == TORCH


@pytest.mark.parametrize("number", range(len(LAWFUL)), ids=lambda number: LAWFUL[number].name)
def test_a_correct_layer_of_another_convention_is_not_flagged(number: int) -> None:
    pairs = PAIRS[number % 3 :: 3]  # all of them, over the layers; each in all nightly
    assert {pair: broken(judge_of(LAWFUL[number], seed=number), pair) for pair in pairs} == {pair: {} for pair in pairs}


@pytest.mark.parametrize("layer", UNLAWFUL, ids=lambda layer: layer.name)
def test_a_fault_behind_a_convention_is_seen(layer: OfConvention) -> None:
    judge = judge_of(layer, examples=30)

    assert judge.conventions != layer.conventions or is_broken(judge, pair_that_shows(layer)), layer.story


@pytest.mark.nightly
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("layer", LAWFUL, ids=lambda layer: layer.name)
def test_a_correct_layer_of_another_convention_is_not_flagged_under_any_seed(layer: OfConvention, seed: int) -> None:
    judge = judge_of(layer, examples=10, seed=seed)
    assert {pair: broken(judge, pair) for pair in PAIRS} == {pair: {} for pair in PAIRS}


@pytest.mark.nightly
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("layer", UNLAWFUL, ids=lambda layer: layer.name)
def test_a_fault_behind_a_convention_is_seen_under_any_seed(layer: OfConvention, seed: int) -> None:
    judge = judge_of(layer, examples=60, seed=seed)  # fewer than a default run's
    assert judge.conventions != layer.conventions or is_broken(judge, pair_that_shows(layer)), layer.story


@pytest.mark.nightly
@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("number", range(len(LAWFUL)), ids=lambda number: LAWFUL[number].name)
def test_a_correct_layer_of_another_convention_is_not_flagged_in_many_examples(number: int, pair: Pair) -> None:
    seeds = [(number + PAIRS.index(pair)) % len(SEEDS), (number + PAIRS.index(pair) + 5) % len(SEEDS)]  # all of them, over all
    judges = {seed: judge_of(LAWFUL[number], examples=100, seed=seed) for seed in seeds}
    assert {seed: broken(judge, pair) for seed, judge in judges.items()} == {seed: {} for seed in seeds}
