"""Cases are read back from their code bit for bit, and nothing else is."""

import pytest

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.cases.large import LargeRecipe
from bn_reference.cases.reading import UnreadableCase, case_read, recipe_read
from bn_reference.cases.sizes import large_recipes
from bn_reference.cases.strategies import cases, lattice_cases
from bn_reference.verification.draw import search


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_case_and_its_recipe_are_read_as_they_were_written(pair: Pair) -> None:
    met: list[Case] = []
    for strategy in (cases(pair), lattice_cases(pair)):
        search(strategy, "any", met.append, 30)

    assert len(met) == 60
    assert {repr(case_read(repr(case))) for case in met} == {repr(case) for case in met}
    assert [recipe_read(repr(case.recipe)) for case in met] == [case.recipe for case in met]


def test_a_large_case_too() -> None:
    recipe: LargeRecipe = next(iter(large_recipes(PAIRS[0])))

    assert recipe_read(repr(recipe)) == recipe
    assert repr(case_read(repr(recipe.realize()))) == repr(recipe.realize())


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("__import__('os').system('true')", "calls __import__('os').system, which no case does"),
        ("Case(pair=open('x'))", "calls open, which no case does"),
        ("np.load('x')", "calls np.load, which no case does"),
        ("np.array([1.0]).tofile('x')", "calls np.array([1.0]).tofile, which no case does"),
        ("print(1)", "calls print, which no case does"),
        ("[x for x in (1,)]", "has '[x for x in (1,)]' in it, which no case has"),
        ("Pair('float32', 'float32')", "is no Case"),
        ("Case(", "cannot be read (SyntaxError: "),
        ("Case(pair=Pair('float32', 'float64'), x=np.zeros((2, 1)), grad_y=np.zeros((2, 1)))", "has a pair of dtypes"),
    ],
)
def test_anything_else_is_refused(code: str, said: str) -> None:
    with pytest.raises(UnreadableCase) as refused:
        case_read(code)

    assert str(refused.value).startswith(said)
