"""The score of one layer: whether the suite kills it, by which rules, how soon, and what it says of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.power.explanations import Listening, true_words
from bn_reference.power.subjects import Subject
from bn_reference.power.tiers import Tier
from bn_reference.properties import PROPERTIES
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.verification.demand import Demand
from bn_reference.verification.explanation import STEPS
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget, units
from bn_reference.verification.tally import Tally

__all__ = ["CONVENTIONS", "Score", "score"]

CONVENTIONS = "conventions"  # where the one that is claimed is not kept, which a report tells beside the rules

Truth = Literal["right", "silent", "wrong"]


@dataclass(frozen=True)
class Score:
    """What became of a layer.

    Attributes:
        name, kind, correct: of the layer.
        by: the rules that it breaks in the first pair of dtypes in which it breaks any; of a correct layer in every pair, with
            the pair in brackets.
        pair: that pair; empty where it breaks none.
        example: how many examples the rule that broke first had until it broke.
        seconds: of a processor until then, from the first example on; of a correct layer, or one that survives, all that it
            took.
        explanation: of a layer that is killed.
        conventions: that it is found to keep instead of those that it claims, "momentum_weights=old".
    """

    name: str
    kind: str
    correct: bool
    by: tuple[str, ...] = ()
    pair: str = ""
    example: int | None = None
    seconds: float = 0.0
    explanation: Truth | None = None
    conventions: tuple[str, ...] = ()

    @property
    def killed(self) -> bool:
        """Whether anything was said against it."""
        return bool(self.by)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object: of a correct layer what it is flagged by, of another what kills it."""
        named = {"name": self.name, "kind": self.kind}
        if self.correct:
            return {**named, "flagged": list(self.by), "seconds": round(self.seconds, 3)}
        return {
            **named,
            "killed": self.killed,
            "by": list(self.by),
            "pair": self.pair,
            "example": self.example,
            "seconds": round(self.seconds, 3),
            "explanation": self.explanation,
            "conventions": list(self.conventions),
        }

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Score:
        """The score that an object says."""
        correct = "flagged" in found
        others = {} if correct else {name: found[name] for name in ("pair", "example", "explanation")}
        return cls(
            found["name"],
            found["kind"],
            correct,
            tuple(found["flagged" if correct else "by"]),
            seconds=found["seconds"],
            conventions=tuple(found.get("conventions", ())),
            **others,
        )


def score(subject: Subject, tier: Tier, seed: int = 0, pairs: Sequence[Pair] = PAIRS) -> Score:
    """The score of a layer, whose pairs of dtypes are tried in their order: of a mutant until one shows it, else all."""
    demand = Demand(subject.conventions)
    implementation = TorchImplementation(subject.factory, subject.name)
    judge = Listening(implementation, Budget(tier.examples, seed=seed, demand=demand, pairs=tuple(pairs)))
    started = time.process_time()
    judge.settle()
    unkept = tuple(f"{name}={value}" for name, value in demand.conventions.differences(judge.conventions).items())
    by = [CONVENTIONS] if unkept else []
    for pair in pairs:
        broken = _broken(judge, pair, tier)
        by += [f"{tally.property.name} ({pair})" if subject.correct else tally.property.name for tally in broken]
        if by and not subject.correct:
            return replace(_killed(judge, subject, by, pair, broken, started), conventions=unkept)
    seconds = time.process_time() - started
    return Score(subject.name, subject.kind, subject.correct, tuple(by), seconds=seconds, conventions=unkept)


def _broken(judge: Judge, pair: Pair, tier: Tier) -> list[Tally]:
    """What is seen broken in one pair, family by family as in a run."""
    broken: list[Tally] = []
    for unit in units(PROPERTIES, [pair]):
        tallies = judge.tallied(unit.properties, pair, fail_fast=tier.fail_fast)
        broken += [tally for tally in tallies if tally.failure is not None]
        if broken and tier.fail_fast:
            break
    return broken


def _killed(judge: Listening, subject: Subject, by: list[str], pair: Pair, broken: list[Tally], started: float) -> Score:
    first = min(broken, key=lambda tally: tally.broken_at or 0.0, default=None)
    at = None if first is None else first.broken_at
    return Score(
        subject.name,
        subject.kind,
        False,
        tuple(by),
        str(pair),
        None if first is None else max(first.met(), 1),
        0.0 if at is None else at - started,
        _explanation(judge, subject, pair, broken),
    )


def _explanation(judge: Listening, subject: Subject, pair: Pair, broken: list[Tally]) -> Truth:
    """What is said of the first broken rule that speaks of one step, against what is so."""
    telling = next((tally.property for tally in broken if tally.property.name in STEPS), None)
    if telling is None:
        return "silent"
    judge.check(telling, pair)
    said = {rival.name for rival in judge.said if rival is not None}
    return "silent" if not said else "right" if said <= true_words(subject.name) else "wrong"
