"""Plans: cases are frozen before the target is imported, and whoever makes other ones beside it is noticed."""

import json
from pathlib import Path

import numpy as np
import pytest

from bn_reference import UnusableTarget, verify
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases import recipe
from bn_reference.cases.domain import UNRESTRICTED, Domain
from bn_reference.cases.plan import UnusablePlan, read_plan
from bn_reference.cases.strategies import cases
from bn_reference.verification.arguments import UnusableArguments
from bn_reference.verification.draw import Drawings, rounds
from bn_reference.verification.planned import planned, recipes_of

FLOAT32 = PAIRS[:1]
ROUNDS = rounds(cases(FLOAT32[0]), f"3/{FLOAT32[0]}", 5)
RULE = "one_step_moves_the_running_mean"
NUMPY = "bn_reference:BatchNorm1d"


def test_a_plan_has_the_cases_that_would_be_drawn_and_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    made, read, drawn = planned(path, 3, 5, FLOAT32), read_plan(path), Drawings()

    assert (read.seed, read.examples, read.pairs) == (3, 5, FLOAT32)
    for round in ROUNDS:
        wanted = drawn.recipes(round)
        assert recipes_of(made, round, UNRESTRICTED) == recipes_of(read, round, UNRESTRICTED) == wanted


def test_a_target_of_a_narrower_domain_gets_the_nearest_cases_as_objects_that_stay(tmp_path: Path) -> None:
    domain = Domain(eps=0.25, dimensions=(2,))
    recipes = recipes_of(
        planned(tmp_path / "plan.json", 3, 20, FLOAT32), rounds(cases(FLOAT32[0]), f"3/{FLOAT32[0]}", 20)[0], domain
    )

    assert recipes
    assert all(domain.takes(recipe.realize()) for recipe in recipes)
    assert all(recipe.realize() is recipe.realize() and recipe.realize().recipe == recipe for recipe in recipes)


def test_a_run_by_a_plan_is_the_run_that_made_it_whatever_else_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    first = verify(NUMPY, plan=path, seed=3, examples=5, dtypes=["float32"], properties=[RULE])
    before = path.read_bytes()
    second = verify(NUMPY, plan=path, examples=50, dtypes=["float32"], properties=[RULE])

    assert (second.seed, second.options["examples"], second.options["plan"]) == (3, 5, str(path))
    assert [result.worst_ratio for result in first.results] == [result.worst_ratio for result in second.results]
    assert path.read_bytes() == before


def test_a_plan_is_written_before_the_target_is_imported(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    (tmp_path / "looks.py").write_text(
        f"import pathlib\nassert pathlib.Path({str(path)!r}).exists()\nfrom bn_reference import BatchNorm1d\n"
    )

    assert verify(f"{tmp_path}/looks.py:BatchNorm1d", plan=path, examples=1, dtypes=["float32"], properties=[RULE]).results


def test_who_makes_other_cases_beside_the_plan_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(tmp_path / "plan.json", 4, 5, FLOAT32)
    monkeypatch.setattr(
        "bn_reference.cases.recipe.begun", lambda beginning, seed: beginning.but(weight=np.ones_like(beginning.weight))
    )
    monkeypatch.setattr("bn_reference.cases.recipe._realize", recipe._realize.__wrapped__)

    with pytest.raises(UnusableTarget, match="other cases than those that were frozen"):
        recipes_of(plan, rounds(cases(FLOAT32[0]), f"4/{FLOAT32[0]}", 5)[0], UNRESTRICTED)


def test_a_file_that_is_no_plan_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"plan": 7}))

    with pytest.raises(UnusablePlan, match=r"cannot be read .*format 7"):
        verify(NUMPY, plan=path, dtypes=["float32"])
    assert json.loads(path.read_text()) == {"plan": 7}


def test_a_plan_has_the_pairs_that_it_was_made_for(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    planned(path, 0, 1, FLOAT32)

    with pytest.raises(UnusableArguments, match="has no cases in float64/float64; choose from float32/float32"):
        verify(NUMPY, plan=path, dtypes=["float64"])
