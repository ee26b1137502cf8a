"""A run by a plan: made of a seed before the target is imported, and kept to by whoever tries the target."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.domain import Domain
from bn_reference.cases.plan import Changed, Frozen, Plan, digest, read_plan, write_plan
from bn_reference.cases.strategies import cases
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.verification.draw import AnyRecipe, Drawings, Round, rounds

__all__ = ["planned", "recipes_of"]


def planned(path: Path, seed: int, examples: int, pairs: Sequence[Pair]) -> Plan:
    """The plan of a file; where there is no file, one that is made of the seed and written.

    Raises:
        UnusablePlan: the file is none.
        OSError: it cannot be written.
    """
    if path.exists():
        return read_plan(path)
    drawn = Drawings()
    found = {
        round[1:]: tuple(Frozen(recipe, digest(recipe.realize())) for recipe in drawn.recipes(round))  # type: ignore[arg-type]
        for pair in pairs
        for round in rounds(cases(pair), f"{seed}/{pair}", examples)
    }
    plan = Plan(seed, examples, tuple(pairs), found)
    write_plan(path, plan)
    return plan


def recipes_of(plan: Plan, round: Round, domain: Domain) -> list[AnyRecipe]:
    """The recipes of a round for a target of the domain: of what it does not take, that of the nearest case, or none.

    Raises:
        UnusableTarget: beside the target other cases are made than were frozen.
    """
    try:
        found = [frozen.recipe_within(domain) for frozen in plan.rounds.get(round[1:], ())]
    except Changed:
        rule = "make the plan anew with these versions, or look what the target does to NumPy or to bn_reference"
        raise UnusableTarget(
            f"beside the target, the plan's recipes make other cases than those that were frozen; {rule}"
        ) from None
    return [recipe for recipe in found if recipe is not None]
