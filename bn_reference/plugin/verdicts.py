"""Verdicts on one target: rules of a family share their cases, and are tried together when one of them is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bn_reference.properties import Property
from bn_reference.properties.accepted import Acceptance
from bn_reference.reports.accepted import in_the_way, say_accepted, say_advice, say_in_the_way
from bn_reference.reports.lawful import RULES, accepting, facts_of
from bn_reference.reports.results import Result, pair_of
from bn_reference.reports.sentences import say_fact
from bn_reference.support.threads import on_one_thread
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.verification.demand import Description
from bn_reference.verification.events import Done, Event
from bn_reference.verification.selection import Budget, Unit
from bn_reference.verification.standing import standing_of
from bn_reference.verification.workers import Pool

if TYPE_CHECKING:
    from bn_reference.verification.judge import Judge

__all__ = ["Asked", "InThisProcess", "InWorkers", "Told", "recorded", "told"]


Key = tuple[str, str, int | None]  # the names of a pair of dtypes and of a rule, and the seed


@dataclass(frozen=True)
class Asked:
    """One rule that is to be kept, with those that it is tried with."""

    rule: Property
    unit: Unit

    @property
    def key(self) -> Key:
        """What it is known by."""
        return str(self.unit.pair), self.rule.name, self.unit.seed


@dataclass(frozen=True)
class Told:
    """The verdict on a rule, and what else is to be told with it.

    Attributes:
        result: the verdict.
        contrary: why the test fails though the rule is not violated; empty where it does not.
        accepted: the reasons for which what was found is accepted; empty where nothing was.
    """

    result: Result
    contrary: str = ""
    accepted: str = ""


class InWorkers:
    """Verdicts given by worker processes, of which a target that crashes or hangs takes one along."""

    def __init__(self, target: str, device: str, budget: Budget, jobs: int) -> None:
        self.accepted = budget.accepted
        self._pool = Pool((target, device, budget, False), jobs, self._hear)
        self._results: dict[Key, Result] = {}
        self._asked: set[Key] = set()
        self._described: tuple[Description | None] | None = None

    def load(self) -> None:
        """Raises UnusableTarget where the target cannot be loaded."""
        self._pool.load()

    def ask(self, units: Sequence[Unit]) -> None:
        """Let these be tried meanwhile."""
        self.described()  # first, while there is a worker that has nothing else to do
        self._asked |= {Asked(rule, unit).key for unit in units for rule in unit.properties}
        self._pool.ask(units)

    @property
    def asked(self) -> bool:
        """Whether anything was asked so far."""
        return bool(self._asked)

    def of(self, asked: Asked) -> Result:
        """The verdict on a rule."""
        if asked.key not in self._asked:
            self.ask([asked.unit])
        while asked.key not in self._results and self._pool.busy():
            self._pool.attend()
        return self._results[asked.key]

    def _hear(self, event: Event) -> None:
        if isinstance(event, Done):
            result = event.result
            self._results[pair_of(result), result.property, event.seed] = result

    def described(self) -> Description | None:
        """What the target is; None where it ends the process that is asked."""
        if self._described is None:
            self._pool.load()
            self._described = (self._pool.described(),)
        return self._described[0]

    def end(self) -> None:
        """No more is asked."""
        self._pool.end()


class InThisProcess:
    """Verdicts given where the tests run, which a debugger can follow."""

    def __init__(self, target: object, device: str, budget: Budget) -> None:
        self.accepted = budget.accepted
        self._target, self._device, self._budget = target, device, budget
        self._judge: Judge | None = None
        self._results: dict[Key, Result] = {}

    def of(self, asked: Asked) -> Result:
        """The verdict on a rule; with it come those on the others of its unit."""
        if asked.key not in self._results:
            with on_one_thread():
                for result in self._settled().check_together(asked.unit.properties, asked.unit.pair):
                    self._results[pair_of(result), result.property, None] = result
        return self._results[asked.key]

    def described(self) -> Description:
        """What the target is."""
        return self._settled().described()

    def _settled(self) -> Judge:
        if self._judge is None:
            from bn_reference.targets.recognition import load_target, name_of
            from bn_reference.verification.judge import Judge

            implementation = load_target(self._target, self._device, self._budget.imports)
            spec = self._target if isinstance(self._target, str) else name_of(self._target)
            self._judge = Judge(implementation, self._budget, spec=spec)
            self._judge.settle()
        return self._judge


def told(result: Result, description: Description | None, rule: Property, accepted: Sequence[Acceptance]) -> Told:
    """The verdict with the conventions that the target keeps, and the deviations that are accepted."""
    named = [each for each in accepted if rule.name in each.rules and pair_of(result) in each.pairs]
    standing = [standing_of(each, [result]) for each in named]
    contrary = [f"{say_in_the_way(each)}; {say_advice(each)}" for each in in_the_way(standing)]
    other = _other_convention(description, rule)
    reasons = [say_accepted(each.acceptance) for each in standing if each.met]
    return Told(result, "\n".join([*([other] if other else []), *contrary]), "; ".join(reasons))


def _other_convention(description: Description | None, property: Property) -> str:
    """By which other convention than those demanded the target breaks the rule; empty where by none."""
    if description is None or description.accepted:
        return ""
    facts = facts_of(description.demanded, description.found)
    said = "; ".join(say_fact(fact) for fact in facts if RULES[fact.what] == property.name)
    return f"{said}; --bn-convention '{accepting(description.found)}' accepts it" if said else ""


def recorded(cases: str, directory: Callable[[], Path]) -> str:
    """The recording that ``--bn-cases`` asks for; empty for drawn cases.

    Raises:
        UnusableTarget: there is no MNIST to record.
    """
    if cases != "mnist":
        return "" if cases == "drawn" else cases
    from bn_reference.mnist.activations import record
    from bn_reference.mnist.sources import UnusableData, load

    path = directory() / "mnist.npz"
    try:
        record(load(), path)
    except UnusableData as unusable:
        raise UnusableTarget(str(unusable)) from None
    return str(path)
