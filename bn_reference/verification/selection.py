"""What a user asks for: properties and pairs of dtypes by name, what of them belongs together, and how much is to be tried."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.cases.plan import Plan
from bn_reference.properties import ALL, PROPERTIES, Property
from bn_reference.properties.accepted import Acceptance
from bn_reference.verification.arguments import UnusableArguments
from bn_reference.verification.demand import Demand
from bn_reference.verification.found_before import FoundBefore

__all__ = ["Budget", "Unit", "UnusableArguments", "select_pairs", "select_properties", "units"]


FAMILIES = tuple(dict.fromkeys(property.family for property in ALL))


@dataclass(frozen=True)
class Budget:
    """What to try, and how much.

    Attributes:
        examples: cases a property and pair.
        minutes: in which as many cases are tried as fit, and not that number; None for the number.
        seed: of the cases.
        timeout: seconds that one example may take.
        recording: path of the recording that cases are made of; empty where they are drawn.
        demand: whose conventions the target is to keep.
        pairs: of dtypes, all that are tried.
        imports: modules that are imported before the target.
        plan: the cases, where they were frozen before.
        accepted: deviations of the target on its device that are accepted.
        case: the only one that is tried, as it is; None for all that are drawn.
        surveys: whether all cases that break a rule are wanted, and not the first one alone.
        found: the cases that broke a rule in another run, which are tried first, and where those of this one go.
    """

    examples: int = 100
    seed: int = 0
    timeout: float = 10.0
    recording: str = ""
    demand: Demand = field(default_factory=Demand)
    pairs: tuple[Pair, ...] = PAIRS
    imports: tuple[str, ...] = ()
    plan: Plan | None = field(default=None, repr=False)
    accepted: tuple[Acceptance, ...] = field(default=(), repr=False)
    case: Case | None = field(default=None, repr=False)
    surveys: bool = False
    minutes: float | None = None
    found: FoundBefore = field(default_factory=FoundBefore)


@dataclass(frozen=True)
class Unit:
    """Properties of one family in one pair of dtypes: they are tried together, as they share their cases.

    Attributes:
        properties, pair: what is tried.
        seed: of the cases; None for the budget's.
    """

    properties: tuple[Property, ...]
    pair: Pair
    seed: int | None = None


def select_properties(names: Iterable[str] | None) -> tuple[Property, ...]:
    """The properties of these names; the name of a family stands for all of its properties, None for those of every run.

    Raises:
        UnusableArguments: a name is neither.
    """
    if names is None:
        return PROPERTIES
    known = {property.name for property in ALL}
    wanted: set[str] = set()
    for name in names:
        if name in FAMILIES:
            wanted |= {property.name for property in ALL if property.family == name}
        elif name in known:
            wanted.add(name)
        else:
            near = difflib.get_close_matches(name, [*FAMILIES, *sorted(known)], n=1)
            hint = f"did you mean {near[0]}?" if near else "bn-reference list shows them all"
            raise UnusableArguments(f"the property is {name!r}, which is neither a property nor a family; {hint}")
    return tuple(property for property in ALL if property.name in wanted)


def select_pairs(dtypes: Iterable[str] | None) -> tuple[Pair, ...]:
    """The pairs of these names: ``float16/float32``, or ``float16`` for every pair with such inputs; None for all there are.

    Raises:
        UnusableArguments: a name is neither.
    """
    if dtypes is None:
        return PAIRS
    wanted: set[Pair] = set()
    for name in dtypes:
        matching = {pair for pair in PAIRS if name in (str(pair), pair.input)}
        if not matching:
            inputs = ", ".join(dict.fromkeys(pair.input for pair in PAIRS))
            pairs = ", ".join(map(str, PAIRS))
            raise UnusableArguments(f"the dtype is {name!r}; choose an input dtype ({inputs}) or a pair ({pairs})")
        wanted |= matching
    return tuple(pair for pair in PAIRS if pair in wanted)


def units(properties: Sequence[Property], pairs: Sequence[Pair]) -> list[Unit]:
    """Family by family in each pair: what says most of a target comes first."""
    families = [tuple(p for p in properties if p.family == family) for family in FAMILIES]
    return [Unit(members, pair) for pair in pairs for members in families if members]
