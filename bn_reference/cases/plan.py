"""Plans: the cases of a run, frozen to a file before the target is imported, so that none can know them.

A plan is JSON. Each round of cases has its key, and of each case the recipe, from which the case is made again, and the SHA-256
of the numbers that it made: whoever changes how they are made, from then on or in another version, is noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.cases.domain import Domain
from bn_reference.cases.recipe import Lattice, Recipe
from bn_reference.support.files import write_whole

__all__ = ["Changed", "Frozen", "Plan", "UnusablePlan", "digest", "read_plan", "write_plan"]

FORMAT = 1
Key = tuple[str, int]  # of a round: what it was drawn by, and how many cases


class UnusablePlan(ValueError):
    """A file that is no plan; one sentence says why and what to do."""


class Changed(Exception):
    """A case that is made of its recipe is not the one that was frozen."""


@dataclass(frozen=True)
class Frozen:
    """A case of a plan.

    Attributes:
        recipe: what makes it.
        sha256: of its numbers.
    """

    recipe: Recipe
    sha256: str

    def recipe_within(self, domain: Domain) -> Recipe | Nearest | None:
        """What makes the nearest case that a target of the domain takes; None where none is near.

        Raises:
            Changed: the recipe does not make what was frozen.
        """
        case = self.recipe.realize()
        if digest(case) != self.sha256:
            raise Changed
        near = domain.nearest(case)
        if not domain.takes(near):
            return None
        return self.recipe if near is case else Nearest(self.recipe, domain)


@dataclass(frozen=True)
class Nearest:
    """The recipe of the case of a domain that is nearest to one that was frozen."""

    recipe: Recipe
    domain: Domain

    def realize(self) -> Case:
        """The case; equal recipes give one and the same object."""
        return _nearest(self)


@lru_cache(maxsize=512)
def _nearest(chosen: Nearest) -> Case:
    return chosen.domain.nearest(chosen.recipe.realize()).but(recipe=chosen)


@dataclass(frozen=True, eq=False)
class Plan:
    """The cases of a run.

    Attributes:
        seed, examples, pairs: what it was made of.
        rounds: the cases by the key of their round.
    """

    seed: int
    examples: int
    pairs: tuple[Pair, ...]
    rounds: dict[Key, tuple[Frozen, ...]]


def digest(case: Case) -> str:
    """SHA-256 of all that a case consists of."""
    found = hashlib.sha256()
    for entry in fields(Case):
        value = getattr(case, entry.name)
        if entry.repr:
            said = (value.dtype.name, value.shape) if isinstance(value, np.ndarray) else value
            found.update(f"{entry.name}={said!r};".encode())
            found.update(value.tobytes() if isinstance(value, np.ndarray) else b"")
    return found.hexdigest()


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan, all of it or nothing."""
    written = {
        "plan": FORMAT,
        "seed": plan.seed,
        "examples": plan.examples,
        "pairs": [str(pair) for pair in plan.pairs],
        "rounds": [{"key": key, "of": of, "cases": [_written(f) for f in cases]} for (key, of), cases in plan.rounds.items()],
    }
    write_whole(path, lambda file: file.write(json.dumps(written).encode()))


def _written(frozen: Frozen) -> dict[str, Any]:
    recipe = frozen.recipe
    values = {"lattice": asdict(recipe.values)} if isinstance(recipe.values, Lattice) else {"profiles": recipe.values}
    plain = {entry.name: getattr(recipe, entry.name) for entry in fields(Recipe) if entry.name not in ("pair", "values")}
    return {"pair": str(recipe.pair), **values, **plain, "sha256": frozen.sha256}


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        UnusablePlan: it is none.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if read["plan"] != FORMAT:
            raise ValueError(f"it has format {read['plan']}, and this version reads {FORMAT}")
        rounds = {(entry["key"], entry["of"]): tuple(map(_read, entry["cases"])) for entry in read["rounds"]}
        return Plan(int(read["seed"]), int(read["examples"]), tuple(PAIR[name] for name in read["pairs"]), rounds)
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        raise UnusablePlan(f"the plan is {path}, which cannot be read ({why}); remove it, and another one is made") from None


PAIR = {str(pair): pair for pair in PAIRS}


def _read(entry: dict[str, Any]) -> Frozen:
    given = dict(entry)
    sha256, lattice, profiles = given.pop("sha256"), given.pop("lattice", None), given.pop("profiles", None)
    values = tuple(profiles) if lattice is None else Lattice(tuple(lattice["numbers"]), lattice["fineness"], lattice["offset"])
    tuples: Iterable[str] = ("shape", "circumstances")
    given |= {name: tuple(given[name]) for name in tuples}
    return Frozen(Recipe(**{**given, "pair": PAIR[given["pair"]], "values": values}), sha256)
