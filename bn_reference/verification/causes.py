"""Causes: violations that come from one fault are one entry, its root first.

What belongs together is told by what was found, never by the family of a rule: the same fact at the border, the same quantity
in the same mode, the same explanation. Nothing is said to cause another: what reads something wrong is put below it, no more.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.facts import Fact, Kind, Raised
from bn_reference.properties import ALL, Property
from bn_reference.reports.results import Cause, Result, Violation, pair_of

__all__ = ["causes_of", "finest_causes_of", "placed"]

RULES = {property.name: property for property in ALL}
ORDER = {property.name: number for number, property in enumerate(ALL)}
POSITION = {str(pair): number for number, pair in enumerate(PAIRS)}
# facts are deeper than numbers, but for a number where there is none, which is wrong as any number is
DEPTH = {kind: number for number, kind in enumerate(Kind)} | {Kind.NO_VALUE: len(Kind)}
MODES = ("training", "eval")  # the first that is broken takes the rules that look at both
GRADIENTS = ("grad_x", "grad_weight", "grad_bias")

Key = tuple[Hashable, ...]


@dataclass
class _Entry:
    """Results that were put together so far, and those that read what is wrong in them."""

    members: list[Result] = field(default_factory=list)
    below: list[Result] = field(default_factory=list)

    @property
    def root(self) -> Result:
        return min(self.members, key=_rank)

    @property
    def diagnosis(self) -> str:
        return _violation(self.root).diagnosis

    @property
    def pairs(self) -> set[str]:
        return {pair_of(result) for result in self.members}

    def take(self, other: _Entry) -> None:
        self.members += other.members
        other.members = []

    def put_below(self, other: _Entry) -> None:
        self.below += other.members
        other.members = []

    def cause(self) -> Cause:
        return Cause(self.root, (*sorted(self.members, key=_rank), *sorted(self.below, key=_rank)))


def causes_of(results: Sequence[Result]) -> tuple[Cause, ...]:
    """The violations among the results, one entry a cause, the deepest first and what was not tried last."""
    violated = [result for result in results if result.status == "violated" and result.violation is not None]
    entries = _by_key(violated)
    _merge_what_is_explained_alike(entries.values())
    for mode in MODES:
        _put_gradients_below_the_output(entries, mode)
    return tuple(entry.cause() for entry in sorted((e for e in entries.values() if e.members), key=lambda e: _rank(e.root)))


def placed(result: Result) -> tuple[int, int]:
    """Where a result stands in a report: pair by pair, rule by rule."""
    return POSITION[pair_of(result)], ORDER[result.property]


def finest_causes_of(results: Sequence[Result]) -> list[Cause]:
    """What belongs together whatever else is found, the deepest first: each lies in one cause, and may lead it."""
    entries: dict[Key, _Entry] = {}
    for result in results:
        if result.status == "violated" and result.violation is not None:
            fact = result.violation.found.fact
            key = (_modes(result), _quantity(result)) if fact is None else _key_of_fact(fact)
            entries.setdefault(key, _Entry()).members.append(result)
    return [entry.cause() for entry in sorted(entries.values(), key=lambda entry: _rank(entry.root))]


def _by_key(violated: list[Result]) -> dict[Key, _Entry]:
    """One entry for each fact, and for each quantity in each mode."""
    broken = {(modes[0], _quantity(result)) for result in violated if _is_numeric(result) and len(modes := _modes(result)) == 1}
    entries: dict[Key, _Entry] = {}
    for result in violated:
        fact = _violation(result).found.fact
        key = _key_of_number(result, broken) if fact is None else _key_of_fact(fact)
        entries.setdefault(key, _Entry()).members.append(result)
    return entries


def _key_of_fact(fact: Fact) -> Key:
    """What stays the same from case to case: no shape, no number, no text of an exception."""
    if fact.kind is Kind.NOT_TRIED:
        return (fact.kind,)
    if isinstance(fact.found, Raised):
        return fact.kind, fact.what, fact.found.type, fact.found.file, fact.found.line
    if fact.kind in (Kind.CRASHED, Kind.LOST, Kind.SAID):
        return fact.kind, fact.what, str(fact.found)
    return fact.kind, fact.what


def _key_of_number(result: Result, broken: set[tuple[str, str]]) -> Key:
    """Mode and quantity; a rule that looks at both modes goes with the one that others have found broken."""
    modes, quantity = _modes(result), _quantity(result)
    return next((mode for mode in modes if (mode, quantity) in broken), modes[0]), quantity


def _merge_what_is_explained_alike(entries: Iterable[_Entry]) -> None:
    explained: dict[str, _Entry] = {}
    for entry in sorted(entries, key=lambda entry: _rank(entry.root)):
        diagnosis = entry.diagnosis
        if not diagnosis:
            continue
        if diagnosis in explained:
            explained[diagnosis].take(entry)
        else:
            explained[diagnosis] = entry


def _put_gradients_below_the_output(entries: dict[Key, _Entry], mode: str) -> None:
    """Where the mode's own output is wrong, gradients that nothing explains read what is wrong already.

    In the pairs of dtypes in which it is wrong: elsewhere they are broken by themselves.
    """
    wrong = [entry for entry in entries.values() for result in entry.members if _shows_output(result, mode)]
    if not wrong:
        return
    output = wrong[0]
    pairs = {pair_of(result) for result in output.members if _shows_output(result, mode)}
    for quantity in GRADIENTS:
        entry = entries.get((mode, quantity))
        if entry is not None and entry.members and entry is not output and not entry.diagnosis and entry.pairs <= pairs:
            output.put_below(entry)


def _shows_output(result: Result, mode: str) -> bool:
    """Whether the output of the mode was held against the oracle's and found wrong."""
    rule = _rule(result)
    direct = rule is not None and rule.direct and rule.modes == (mode,)
    return direct and _is_numeric(result) and _quantity(result) == "y"


def _rank(result: Result) -> tuple[bool, int, bool, int, int]:
    """The depth of what was found, then rules that look at it directly, then the order of rules and of pairs."""
    rule, fact = _rule(result), _violation(result).found.fact
    return (
        fact is not None and fact.kind is Kind.NOT_TRIED,
        len(DEPTH) if fact is None else DEPTH[fact.kind],
        rule is None or not rule.direct,
        ORDER.get(result.property, len(ORDER)),
        POSITION.get(pair_of(result), len(POSITION)),
    )


def _rule(result: Result) -> Property | None:
    return RULES.get(result.property)


def _modes(result: Result) -> tuple[str, ...]:
    rule = _rule(result)
    return MODES if rule is None else rule.modes


def _quantity(result: Result) -> str:
    return _violation(result).found.what


def _is_numeric(result: Result) -> bool:
    return _violation(result).found.fact is None


def _violation(result: Result) -> Violation:
    assert result.violation is not None
    return result.violation
