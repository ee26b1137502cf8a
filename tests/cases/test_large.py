"""Large cases: the sizes that every run has, and data in which one row shows."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from bn_reference.arithmetic.precision import PAIRS, Pair, usual_compute
from bn_reference.cases.case import Case
from bn_reference.cases.domain import Domain
from bn_reference.cases.large import INTEGERS, ROWS, SHIFTED, LargeRecipe
from bn_reference.cases.layouts import to_matrix
from bn_reference.cases.sizes import SIZES, large_recipes

FLOAT32 = PAIRS[0]
each_pair = pytest.mark.parametrize("pair", PAIRS, ids=str)


def made(pair: Pair, values: str, seed: int = 0) -> list[Case]:
    """The cases with such values, but for the million rows."""
    recipes = large_recipes(pair, seed=seed, everything=False)
    return [recipe.realize() for recipe in recipes if recipe.values == values]


@pytest.mark.parametrize("seed", range(40))
def test_every_run_goes_past_the_edges(seed: int) -> None:
    recipes = list(large_recipes(FLOAT32, seed=seed))
    flat = [recipe.rows for recipe in recipes if recipe.values == ROWS]
    lengths = [recipe.shape[2] for recipe in recipes if recipe.samples]

    assert all(any(edge < rows <= edge + 40 for rows in flat) for edge in (2**13, 2**15, 2**16, 2**20))
    assert any(2**12 < length <= 2**12 + 40 for length in lengths)
    assert all(any(edge < recipe.channels <= edge + 10 for recipe in recipes) for edge in (300, 1024, 65535))


@each_pair
def test_a_channel_is_zero_but_for_one_row_another_in_each(pair: Pair) -> None:
    for case in made(pair, ROWS):
        rows = [np.flatnonzero(channel).tolist() for channel in to_matrix(case.x).T]
        upstream = [np.flatnonzero(channel).tolist() for channel in to_matrix(case.grad_y).T]

        assert sorted(rows) == sorted(upstream) == [[0], [case.rows // 2], [case.rows - 1]]
        assert all(x != dy for x, dy in zip(rows, upstream, strict=True))


@pytest.mark.parametrize("channels", [1, 2])
def test_the_rows_share_the_channels_where_there_are_fewer(channels: int) -> None:
    recipe = next(recipe for recipe in large_recipes(FLOAT32) if recipe.values == ROWS)
    matrix = to_matrix(recipe.of_size(channels=channels).realize().x)

    assert np.flatnonzero(matrix.any(axis=1)).tolist() == [0, recipe.rows // 2, recipe.rows - 1]


@each_pair
@pytest.mark.parametrize("values", [INTEGERS, SHIFTED])
def test_the_sums_of_integers_are_exact(pair: Pair, values: str) -> None:
    digits = -np.log2(usual_compute(pair.input).unit_roundoff)
    for case in made(pair, values):
        x = case.x.astype(np.float64)

        assert np.array_equal(x, np.round(x))
        assert np.abs(to_matrix(x)).sum(axis=0).max() < 2**digits


@each_pair
@pytest.mark.parametrize("seed", range(4))
def test_all_numbers_are_finite(pair: Pair, seed: int) -> None:
    for values in (ROWS, INTEGERS, SHIFTED):
        for case in made(pair, values, seed):
            arrays = (case.x, case.grad_y, case.weight, case.bias, case.running_mean, case.running_var)

            assert all(np.isfinite(array.astype(np.float64)).all() for array in arrays if array is not None)


@pytest.mark.parametrize(
    "domain",
    [
        Domain(dimensions=(2,), layouts=False, grad_layouts=False),
        Domain(dimensions=(3,), channels=8),
        Domain(channels=64, most_channels=64, eps=1e-3, momentum=(0.1,), cumulative=False),
        Domain(affine=(False,), tracks=(False,), starts=False),
        Domain(most_channels=1, starts=False, momentum=(0.0,)),
    ],
    ids=["two axes", "eights", "64 channels", "bare", "one channel"],
)
@pytest.mark.parametrize("seed", range(4))
def test_a_target_takes_the_cases_of_its_domain(domain: Domain, seed: int) -> None:
    recipes = list(large_recipes(FLOAT32, domain, seed=seed))

    assert recipes
    assert all(domain.takes(recipe.realize()) for recipe in recipes)


def test_a_short_run_has_none_and_a_longer_one_the_cheaper_ones() -> None:
    numbers = {examples: len(list(large_recipes(FLOAT32, examples=examples))) for examples in (4, 10, 100)}

    assert numbers[4] == 0
    assert 0 < numbers[10] < numbers[100] == len(SIZES)


def test_equal_recipes_make_equal_cases_that_fit_into_a_note() -> None:
    recipe = next(large_recipes(FLOAT32, seed=3))
    first, other = recipe.realize(), replace(recipe, seed=recipe.seed + 1).realize()
    again: LargeRecipe = pickle.loads(pickle.dumps(recipe))

    assert repr(again.realize()) == repr(first) != repr(other)
    assert len(pickle.dumps(recipe)) < 1000


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_of_samples_with_positions_there_is_one_position_at_least(rows: int) -> None:
    recipe = LargeRecipe(PAIRS[0], 6, 1026, 2, INTEGERS, 1, 1e-5, 0.1)

    assert recipe.of_size(rows=rows).realize().x.shape == (2, 1026, max(rows // 2, 1))
