"""The judge: properties tried on an implementation, and a verdict on each.

For each pair of dtypes Hypothesis draws cases from a seed, and several properties are tried on each; what breaks one is then
made small, explained and written as a script. The verdict depends on target, property, pair, seed and number of examples alone;
which pairs have the largest case on what pairs are tried, and whether a slow target is spared it on the machine. How many
examples count as a known deviation depends on freed memory too, where torch reads that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.facts import Fact, Kind
from bn_reference.cases.large import is_large
from bn_reference.conventions import Conventions
from bn_reference.oracle.compare import Comparison, fact
from bn_reference.properties import ON_REQUEST, Property
from bn_reference.properties.kept_otherwise import known_otherwise
from bn_reference.reports.results import Result, Violation
from bn_reference.reports.sentences import say, say_edge, say_steps
from bn_reference.reproduction.reproducer import reproduced
from bn_reference.targets.protocol import Implementation, Misbehaviour, Unsupported
from bn_reference.targets.watched import Watched
from bn_reference.verification.attempts import Attempts
from bn_reference.verification.demand import Demand, Description
from bn_reference.verification.draw import Round
from bn_reference.verification.edge import Edge
from bn_reference.verification.failure import SuiteFailed
from bn_reference.verification.found_before import FOUND
from bn_reference.verification.large import Large
from bn_reference.verification.lost import DeviceLost
from bn_reference.verification.measuring.in_time import capabilities_in_time, conventions_in_time
from bn_reference.verification.result import result_of
from bn_reference.verification.rivals import Rival
from bn_reference.verification.schedule import Clock
from bn_reference.verification.selection import Budget
from bn_reference.verification.smallest import Smallest
from bn_reference.verification.supply import Supply
from bn_reference.verification.survey import Survey
from bn_reference.verification.tally import Tally
from bn_reference.verification.time_limit import TimeLimit
from bn_reference.verification.witnesses import replay_witnesses

__all__ = ["Judge"]

AT_LEAST = 20  # cases that are tried on properties that say nothing of them, however little time there is


class Judge:
    """An implementation and what it gave so far, asked for its verdict on properties.

    Attributes:
        interrupted: whether Ctrl-C came while it tried something; what it has found by then counts.
        attempts: its examples so far, and the limit on each.
    """

    def __init__(
        self,
        implementation: Implementation,
        budget: Budget,
        *,
        spec: str = "",
        on_example: Callable[[Property, Case], None] | None = None,
    ) -> None:
        self.implementation = Watched(implementation)
        self.budget, self.interrupted = budget, False
        self.spec = spec or implementation.name
        self.attempts = Attempts(self.implementation, self.demand.conventions, budget.timeout, on_example, budget.accepted)
        self._clock, self._tried = Clock(), list[Round]()
        self.turn_to(budget.seed)

    def turn_to(self, seed: int) -> None:
        """Draw the cases of this seed from now on."""
        self.budget = budget = replace(self.budget, seed=seed)
        self._supply, self._large = Supply(self.implementation, budget), Large(self.attempts, self.implementation, budget)

    @property
    def conventions(self) -> Conventions:
        """Those that the implementation is judged by."""
        return self.attempts.conventions

    @property
    def limit(self) -> TimeLimit:
        """On the time of an example."""
        return self.attempts.limit

    @property
    def demand(self) -> Demand:
        """Whose conventions the implementation is to keep."""
        return self.budget.demand.of(self.implementation.inner)

    def settle(self) -> None:
        """Judge by the conventions that the implementation is found to keep; by those demanded where that takes too long.

        Raises:
            SuiteFailed: an error of the suite's own.
        """
        demand, accuracy = self.demand, self.demand.accepts_less_accuracy
        try:
            with np.errstate(all="ignore"), self.limit.in_force():
                kept = conventions_in_time(self.implementation, self.limit, demand.conventions, accuracy=accuracy)
        except Exception as error:
            raise SuiteFailed.of(error) from error
        self.attempts.conventions = kept or demand.conventions

    def described(self) -> Description:
        """What the implementation can be asked for, and the conventions that it keeps, in known deviations as well."""
        demand, capabilities = self.demand, self.capabilities()
        known = known_otherwise(capabilities.get("kernels", ()), demand.conventions, self.conventions)
        if known:
            capabilities["notes"] = [*capabilities["notes"], *(each.sentence for each in known)]
        demanded = demand.conventions.but(**{each.convention: each.value for each in known})
        return Description(demanded, self.conventions, demand.accepts_all, capabilities)

    def capabilities(self) -> dict[str, Any]:
        """What the implementation can be asked for; empty where finding that out takes too long."""
        with np.errstate(all="ignore"), self.limit.in_force():
            capabilities = capabilities_in_time(self.implementation, self.limit)
        return {} if capabilities is None else capabilities.to_json()

    def check(self, property: Property, pair: Pair) -> Result:
        """The verdict on one property in one pair of dtypes."""
        return self.check_together([property], pair)[0]

    def check_together(
        self, properties: Sequence[Property], pair: Pair, *, fail_fast: bool = False, seconds: float | None = None
    ) -> list[Result]:
        """The verdicts on several properties, which share the cases that are drawn and what the oracle says of them.

        With ``fail_fast`` the first violation ends it, and is the only verdict; ``seconds`` replace the budget's examples.
        Raises nothing that the target does: an exception of its own, a wrong form, a time-out are violations.

        Raises:
            SuiteFailed: an error of the suite's own.
        """
        with np.errstate(all="ignore"), self.limit.in_force():
            tallies = [self._tally(property) for property in properties]
            self._clock = Clock(seconds)
            try:
                self._try(tallies, pair, fail_fast)
                broken = [tally for tally in tallies if tally.failing is not None]
                drawn = self._tried if self._clock.runs and self._tried else [*self._supply.rounds(pair)]
                smallest = Smallest(self.attempts.note, self._supply.drawings, self._supply.lattice(pair), drawn)
                return [self._result(tally, pair, smallest) for tally in (broken[:1] if fail_fast and broken else tallies)]
            except DeviceLost:
                for tally in tallies:
                    if tally.failing is None:
                        tally.failure, tally.final = fact(False, Fact(Kind.NOT_TRIED, "", 1)), True
                return [self._result(tally, pair) for tally in tallies]
            except KeyboardInterrupt:
                self.interrupted = True
                found = [tally for tally in tallies if tally.examples or tally.failing is not None]
                return [self._result(tally, pair) for tally in found]

    def broken(self, properties: Sequence[Property], pair: Pair) -> dict[str, str]:
        """For each property how it was seen broken, empty where it was not; without looking for the smallest case."""
        tallies = self.tallied(properties, pair)
        return {tally.property.name: say(tally.failure) if tally.failure else "" for tally in tallies}

    def tallied(self, properties: Sequence[Property], pair: Pair, *, fail_fast: bool = False) -> list[Tally]:
        """What was seen of each property, without looking for the smallest case; with ``fail_fast`` until one is broken."""
        with np.errstate(all="ignore"), self.limit.in_force():
            tallies = [Tally(property) for property in properties]
            self._try(tallies, pair, fail_fast=fail_fast)
            return tallies

    def _try(self, tallies: list[Tally], pair: Pair, fail_fast: bool) -> None:
        self._tried = []
        try:
            supported = self.implementation.supports(pair)
        except Unsupported:
            supported = False
        except Misbehaviour as misbehaviour:
            for tally in tallies:
                tally.failure, tally.final = fact(False, misbehaviour.fact), True
            return
        if not supported:
            for tally in tallies:
                tally.refused[f"{self.implementation.name} has no layers of {pair}"] += 1
            return
        for tally in tallies:
            replay_witnesses(tally, pair, self.implementation, self.attempts, self.budget)
        if self.budget.case is not None:  # which was tried by now
            return
        self._search(pair, tallies, fail_fast=fail_fast)
        if not (fail_fast and any(tally.failing is not None for tally in tallies)):
            self._large.try_on(tallies, pair, fail_fast=fail_fast, over=self._clock.over)

    def _search(self, pair: Pair, tallies: list[Tally], *, fail_fast: bool) -> None:
        """Try cases on all properties until each has had its number of examples, or its time, or was broken."""
        most = math.inf if self._clock.runs else self.budget.examples

        def wanting() -> list[Tally]:
            return [tally for tally in tallies if tally.met() < most / tally.property.one_in and tally.is_wanting()]

        self._clock.begin()
        tried = 0
        for round in self._supply.rounds(pair, timed=self._clock.runs):
            if not wanting():
                return
            self._tried.append(round)
            for case in self._supply.drawings.cases(round):
                if self._clock.searched() and (tried >= AT_LEAST or all(tally.met() for tally in wanting())):
                    return
                tried += 1
                for tally in wanting():
                    self.attempts.note(tally, case)
                    if fail_fast and tally.failing is not None:
                        return

    def _tally(self, property: Property) -> Tally:
        return Tally(property, survey=Survey() if self.budget.surveys else None)

    def _result(self, tally: Tally, pair: Pair, smallest: Smallest | None = None) -> Result:
        """With the smallest case of what was broken, if one is to be sought."""
        started = time.perf_counter()
        violation = self._violation(tally, pair, smallest)
        self.budget.found.keep(tally.property.name, violation)
        seconds = tally.seconds + time.perf_counter() - started
        return result_of(tally, pair, self.implementation.device, violation, seconds)

    def _violation(self, tally: Tally, pair: Pair, smallest: Smallest | None) -> Violation | None:
        if tally.failure is None:
            return None
        first, original = tally.failure, tally.failing
        if tally.final or smallest is None or original is None:
            return Violation(f"{say(first)}{FOUND * tally.known}", first, original, first)
        least, edge = self._least(tally, pair, smallest)
        case, found = least.failing or original, least.failure or first
        if tally.survey is not None:
            tally.survey.shows(case, found)
            tally.survey.edge = (edge.axis, edge.broken) if edge else None
        self.attempts.trace(tally.property, case)
        shown = reproduced(self.spec, self.implementation, found, tally.property, pair, self.budget.imports, case)
        alone = tally.property in ON_REQUEST
        fresh_keeps = not alone and self.attempts.kept_without(tally.property, case)
        telling = None if alone or is_large(original) else original  # known slips show in small cases
        if telling is not None and self.budget.case is None:
            telling = smallest.telling(tally) or original
        rival = None if telling is None else self.explained(tally.property, found, telling, case, lived=fresh_keeps)
        # the smallest case may be a drawn one; what it was met on says where it happens in real training
        where = original.kinds[:1] if self.budget.recording else ()  # a witness has none
        met = "".join(f"; met on {channel}" for channel in where)
        met += f"; {say_steps(shown.steps)}" if shown.steps else ""
        met += "; a fresh layer, called as usual, keeps the rule here" * fresh_keeps
        met += f"; {say_edge(edge.axis, edge.holds)}" if edge else ""
        met += FOUND * tally.known
        self.attempts.release()
        return Violation(f"{say(found)}{met}", found, case, first, rival.sentence if rival else "", shown.script)

    def _least(self, tally: Tally, pair: Pair, smallest: Smallest) -> tuple[Tally, Edge | None]:
        """What was seen on the smallest case that breaks it, and where larger ones begin to; as it is, if so it is to be."""
        if tally.property in ON_REQUEST or self.budget.case is not None:  # the body of the former itself seeks what is small
            return tally, None
        large = tally.failing is not None and is_large(tally.failing)
        return self._large.smallest(tally, pair) if large else (smallest.of(tally), None)

    def explained(
        self, property: Property, found: Comparison, original: Case, case: Case, *, lived: bool = False
    ) -> Rival | None:
        """The known slip that explains a violation; ``lived`` where a fresh layer shows none."""
        return self.attempts.explained(property, found, original, case, lived=lived)
