"""Power, and fairness: every property is seen to fail, every mutant is killed as claimed, and no control is ever flagged."""

import numpy as np
import pytest
import torch

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.power.controls import CONTROLS
from bn_reference.power.declaration import Control, Mutant
from bn_reference.power.mutants.catalogue import MUTANTS
from bn_reference.power.mutants.sizes import SIZES
from bn_reference.power.unusual import UNUSUAL
from bn_reference.properties import FAMILIES, PROPERTIES
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.forms.torch_tensors import SETTINGS
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

BY_NAME = {property.name: property for property in PROPERTIES}
ENOUGH, DEFAULT = Budget(examples=60), Budget()  # with the default number cases are as large as they come
SEEDS = range(10)


def killers(mutant: Mutant, names: tuple[str, ...]) -> set[str]:
    """Those of the named properties that the mutant breaks in some pair of dtypes, float32 first."""
    found: set[str] = set()
    budget = DEFAULT if mutant in SIZES.mutants else ENOUGH
    for pair in PAIRS:
        judge = Judge(TorchImplementation(mutant.factory, mutant.name), budget)
        wanted = [BY_NAME[name] for name in names if name not in found]
        found |= {name for name, broken in judge.broken(wanted, pair).items() if broken}
        if found:
            return found
    return found


@pytest.fixture(scope="session")
def killed_by() -> dict[str, set[str]]:
    """For each mutant the claiming properties that it breaks."""
    return {mutant.name: killers(mutant, mutant.claimed_by) for mutant in MUTANTS}


@pytest.mark.xdist_group("killed_by")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_killed_by_a_property_that_claims_it(mutant: Mutant, killed_by: dict[str, set[str]]) -> None:
    assert killed_by[mutant.name], f"{mutant.story} None of {', '.join(mutant.claimed_by)} sees it."


@pytest.mark.xdist_group("killed_by")
@pytest.mark.parametrize("name", BY_NAME)
def test_a_property_kills_a_mutant(name: str, killed_by: dict[str, set[str]]) -> None:
    assert any(name in killers for killers in killed_by.values()), f"no mutant is seen by {name}"


@pytest.mark.parametrize("name", ["threads_set", "deterministic_ever_after", "garbage_not_collected"])
def test_what_a_step_sets_for_good_is_seen_after_others_and_put_back(name: str) -> None:
    [mutant] = [mutant for mutant in MUTANTS if mutant.name == name]
    judge = Judge(TorchImplementation(mutant.factory, name), Budget(examples=2))
    usual, left = judge.implementation.inner.surroundings(), "a_step_leaves_its_surroundings"

    broken = judge.broken([BY_NAME["output_is_the_normalized_batch"], BY_NAME[left]], PAIRS[0])

    assert broken[left]
    assert {
        setting: judge.implementation.inner.surroundings()[setting] == usual[setting] for setting in SETTINGS
    } == dict.fromkeys(SETTINGS, True)


def flagged(control: Control, pair: Pair, seed: int, examples: int) -> dict[str, str]:
    """The properties that a control is said to break, and how."""
    judge = Judge(TorchImplementation(control.factory, control.name), Budget(examples=examples, seed=seed))
    broken: dict[str, str] = {}
    for family in FAMILIES:
        broken |= judge.broken([property for property in PROPERTIES if property.family == family], pair)
    return {name: how for name, how in broken.items() if how}


@pytest.mark.parametrize("number", range(len(CONTROLS)), ids=lambda number: CONTROLS[number].name)
def test_a_control_is_not_flagged_in_two_pairs_each_under_a_seed_of_its_own(number: int) -> None:
    pairs = PAIRS[number % 3 :: 3]  # all of them, over the controls; each in all nightly

    assert {pair: flagged(CONTROLS[number], pair, number, examples=2) for pair in pairs} == {pair: {} for pair in pairs}


@pytest.mark.parametrize("pair", PAIRS[2:4], ids=str)
def test_in_eval_too_who_makes_the_batch_again_rounds_each_way_to_x_where_there_are_no_running_statistics(pair: Pair) -> None:
    [control] = [each for each in CONTROLS if each.name == "made_again_going_back"]
    judge = Judge(TorchImplementation(control.factory, control.name), Budget(examples=25, seed=12))

    assert judge.broken([BY_NAME["second_derivatives_of_an_evaluation"]], pair) == {"second_derivatives_of_an_evaluation": ""}


@pytest.mark.nightly
@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("number", range(len(CONTROLS)), ids=lambda number: CONTROLS[number].name)
def test_a_control_is_not_flagged_in_many_examples(number: int, pair: Pair) -> None:
    seeds = [(number + PAIRS.index(pair)) % len(SEEDS), (number + PAIRS.index(pair) + 5) % len(SEEDS)]  # all of them, over all
    assert {seed: flagged(CONTROLS[number], pair, seed, examples=100) for seed in seeds} == {seed: {} for seed in seeds}


@pytest.mark.nightly
@pytest.mark.parametrize("number", range(len(UNUSUAL.controls)), ids=lambda number: UNUSUAL.controls[number].name)
def test_an_unusual_layer_is_not_flagged_under_any_of_twenty_seeds(number: int) -> None:
    control = UNUSUAL.controls[number]

    broken = {seed: flagged(control, PAIRS[(number + seed) % len(PAIRS)], seed, examples=20) for seed in range(20)}

    assert broken == {seed: {} for seed in range(20)}


def test_the_layer_of_torch_is_seen_to_conform_where_it_does() -> None:
    judge = Judge(TorchImplementation(torch.nn.BatchNorm1d, "torch"), ENOUGH)

    with np.errstate(all="ignore"):
        assert not judge.broken([BY_NAME["output_is_the_normalized_batch"]], PAIRS[0])["output_is_the_normalized_batch"]
