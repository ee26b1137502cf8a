"""The scoreboard: all scores of a run, and what is counted of them."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from statistics import median
from typing import Any

from bn_reference.power import score as scoring
from bn_reference.power.score import Score
from bn_reference.power.subjects import SUBJECTS, Subject
from bn_reference.power.tiers import TIERS
from bn_reference.properties import PROPERTIES
from bn_reference.support.alarms import Terminated
from bn_reference.support.threads import shared_by

__all__ = ["KindOf", "Scoreboard", "scores_of"]

SCHEMA = 1


@dataclass(frozen=True)
class KindOf:
    """What is counted of the mutants of one kind."""

    name: str
    killed: int
    of: int
    seconds: float | None
    explanations: Counter[str]


@dataclass(frozen=True)
class Scoreboard:
    """The scores of a run.

    Attributes:
        scores: in the order of the catalogue.
        tier, seed: of the run.
    """

    scores: tuple[Score, ...]
    tier: str
    seed: int

    @property
    def mutants(self) -> list[Score]:
        """Of wrong layers."""
        return [score for score in self.scores if not score.correct]

    @property
    def controls(self) -> list[Score]:
        """Of correct ones."""
        return [score for score in self.scores if score.correct]

    @property
    def survivors(self) -> list[Score]:
        """Wrong layers against which nothing was said."""
        return [score for score in self.mutants if not score.killed]

    @property
    def flagged(self) -> list[Score]:
        """Correct layers against which something was said."""
        return [score for score in self.controls if score.killed]

    @property
    def sound(self) -> bool:
        """Whether all mutants are killed and no control is flagged."""
        return not self.survivors and not self.flagged

    def kinds(self) -> Iterator[KindOf]:
        """Mutants by the kind of their fault."""
        for kind in dict.fromkeys(score.kind for score in self.mutants):
            scores = [score for score in self.mutants if score.kind == kind]
            killed = [score for score in scores if score.killed]
            explanations = Counter(score.explanation for score in killed if score.explanation)
            middle = median(score.seconds for score in killed) if killed else None
            yield KindOf(kind, len(killed), len(scores), middle, Counter({str(k): n for k, n in explanations.items()}))

    def kills(self) -> dict[str, int]:
        """For each rule how many mutants it kills."""
        counted = Counter(rule for score in self.mutants for rule in score.by)
        return {property.name: counted[property.name] for property in PROPERTIES}

    def only(self) -> dict[str, list[str]]:
        """For each rule the mutants that survive without it, in the pair of dtypes that is tried first of those that show them.

        Rules that follow from others are left out with those, and no others: a mutant that one of them alone kills is its own.
        """
        named = {property.name: property.implied_by for property in PROPERTIES}
        found: dict[str, list[str]] = {name: [] for name in named}
        for score in self.mutants:
            independent = [rule for rule in score.by if not named.get(rule)] or list(score.by)
            if len(independent) == 1 and independent[0] in found:
                found[independent[0]].append(score.name)
        return found

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, of schema 1."""
        kills, only = self.kills(), self.only()
        return {
            "schema": SCHEMA,
            "tier": self.tier,
            "seed": self.seed,
            "killed": len(self.mutants) - len(self.survivors),
            "of": len(self.mutants),
            "flagged": len(self.flagged),
            "of_controls": len(self.controls),
            "rules": [{"name": name, "kills": kills[name], "alone": len(only[name]), "only": only[name]} for name in kills],
            "mutants": [score.to_json() for score in self.mutants],
            "controls": [score.to_json() for score in self.controls],
        }

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Scoreboard:
        """The board that an object of this schema says."""
        scores = tuple(Score.of_json(each) for each in (*found["mutants"], *found["controls"]))
        return cls(scores, found["tier"], found["seed"])


def scores_of(
    subjects: Sequence[Subject], tier: str, seed: int, jobs: int, advance: Callable[[Score], None] = lambda score: None
) -> tuple[Score, ...]:
    """The scores of layers, in the order given, tried side by side in worker processes; ``advance`` hears of each.

    Raises:
        SuiteFailed: an error of the suite's own.
    """
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        with shared_by(jobs):
            # the dearest first, as the correct ones are tried in every pair of dtypes
            waiting = {pool.submit(_score, subject.name, tier, seed): subject for subject in reversed(subjects)}
        for done in as_completed(waiting):
            advance(done.result())
    except Terminated:  # who ends the job waits for no layer
        for child in active_children():
            child.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C, or an error of ours, nobody waits for what is left
    found = {subject.name: future.result() for future, subject in waiting.items()}
    return tuple(found[subject.name] for subject in subjects)


def _score(name: str, tier: str, seed: int) -> Score:
    warnings.simplefilter("ignore")  # of layers that are wrong on purpose
    subject = next(subject for subject in SUBJECTS if subject.name == name)
    return scoring.score(subject, TIERS[tier], seed)
