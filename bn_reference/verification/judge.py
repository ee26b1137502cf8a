"""Verification: properties tried on an implementation.

For each pair of dtypes Hypothesis draws cases from a seed, and several properties are tried on each; a violation is then
sought again among small cases on a lattice, so that what people read is short. The verdict depends on target, property, pair,
seed and number of examples alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis.strategies import SearchStrategy

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.recorded import recorded_cases
from bn_reference.cases.strategies import cases, lattice_cases
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import NotApplicable, Property
from bn_reference.properties.deviations import as_torch_does, deviations_of
from bn_reference.properties.trial import Laboratory, Trial
from bn_reference.reproduction.reproducer import script
from bn_reference.targets.protocol import Implementation, Misbehaviour, Unsupported
from bn_reference.targets.watched import Observed
from bn_reference.verification.draw import Broken, Drawings, Enough, search
from bn_reference.verification.explanation import explain
from bn_reference.verification.results import Result, Violation
from bn_reference.verification.rivals import Rival
from bn_reference.verification.selection import Budget
from bn_reference.verification.tally import Tally
from bn_reference.verification.time_limit import TimedOut, TimeLimit

__all__ = ["Judge"]

ROUND = 100  # examples that are drawn at once: a worker that tries nothing for long is taken to hang
FURTHER = 5  # times the examples that are asked for, drawn for properties that say nothing of some
LATTICE_EXAMPLES = 300  # among which a smaller counterexample is sought
SHRINK_CALLS = 400  # once it is found; a person waits for the verdict
GIVE_UP_AFTER = 3  # time-outs; what is left is then reported without being tried


class Judge:
    """An implementation and what it gave so far, asked for its verdict on properties."""

    def __init__(
        self,
        implementation: Implementation,
        budget: Budget,
        *,
        spec: str = "",
        on_example: Callable[[Property, Case], None] | None = None,
    ) -> None:
        self.implementation = Observed(implementation)
        self.budget = budget
        self.spec = spec or implementation.name
        self._on_example = on_example
        self._laboratory = Laboratory(self.implementation)
        self._drawings = Drawings()
        self._limit = TimeLimit(budget.timeout)
        self._time_outs = 0

    def check(self, property: Property, pair: Pair) -> Result:
        """The verdict on one property in one pair of dtypes."""
        return self.check_together([property], pair)[0]

    def check_together(self, properties: Sequence[Property], pair: Pair, *, fail_fast: bool = False) -> list[Result]:
        """The verdicts on several properties, which share the cases that are drawn and what the oracle says of them.

        With ``fail_fast`` the first violation ends it, and is the only verdict. Raises nothing that the target does: an
        exception of its own, a wrong form, a time-out are violations.
        """
        with np.errstate(all="ignore"), self._limit.in_force():
            tallies = self._tried(properties, pair, fail_fast)
            broken = [tally for tally in tallies if tally.failing is not None]
            return [self._result(tally, pair) for tally in (broken[:1] if fail_fast and broken else tallies)]

    def broken(self, properties: Sequence[Property], pair: Pair) -> dict[str, str]:
        """For each property how it was seen broken, empty where it was not; without looking for the smallest case."""
        with np.errstate(all="ignore"), self._limit.in_force():
            return {tally.property.name: str(tally.failure) for tally in self._tried(properties, pair, fail_fast=False)}

    def _tried(self, properties: Sequence[Property], pair: Pair, fail_fast: bool) -> list[Tally]:
        tallies = [Tally(property) for property in properties]
        if self.implementation.supports(pair):
            for tally in tallies:
                self._replay_witnesses(tally, pair)
            self._search(pair, tallies, fail_fast=fail_fast)
        else:
            for tally in tallies:
                tally.unsupported = f"{self.implementation.name} has no layers of {pair}"
        return tallies

    def _search(self, pair: Pair, tallies: list[Tally], *, fail_fast: bool) -> None:
        """Try cases on all properties until each has had its number of examples or was broken."""

        def wanting() -> list[Tally]:
            return [tally for tally in tallies if tally.examples < self.budget.examples and tally.failing is None]

        strategy = self._cases(pair)
        for key, examples in self._rounds(pair):
            if not wanting():
                return
            for case in self._drawings.cases(strategy, key, examples):
                for tally in wanting():
                    self._note(tally, case)
                    if fail_fast and tally.failing is not None:
                        return

    def _cases(self, pair: Pair) -> SearchStrategy[Case]:
        """The cases of one pair of dtypes: drawn, or made of what was recorded."""
        return recorded_cases(self.budget.recording, pair) if self.budget.recording else cases(pair)

    def _rounds(self, pair: Pair) -> list[tuple[str, int]]:
        """Keys and numbers of examples: other keys in each pair, so that together they try more.

        A property says nothing of some cases. In further rounds, short ones as few need many, those that it does speak of
        become as many as was asked for.
        """
        key, examples = f"{self.budget.seed}/{pair}", self.budget.examples
        first = [(f"{key}/{start}", min(ROUND, examples - start)) for start in range(0, examples, ROUND)]
        short = max(first[0][1] // 2, 5)
        return first + [(f"{key}/more/{start}", short) for start in range(0, FURTHER * examples, short)]

    def _smallest(self, tally: Tally) -> tuple[Case, Comparison | str]:
        """The broken property's smallest case: sought among few numbers on a lattice, else shrunk from what was found."""
        assert tally.failing is not None
        if tally.final:
            return tally.failing, tally.failure
        pair = tally.failing.pair
        lattice, all_cases = lattice_cases(pair), self._cases(pair)
        for strategy, key, examples in (
            (lattice, f"{self.budget.seed}/{pair}/small", LATTICE_EXAMPLES),
            *((all_cases, key, examples) for key, examples in self._rounds(pair)),
        ):
            sought = Tally(tally.property)
            calls_left = SHRINK_CALLS

            def shrinks(case: Case, sought: Tally = sought) -> None:
                nonlocal calls_left
                calls_left -= sought.failing is not None
                if calls_left < 0 or sought.final:
                    raise Enough
                smallest = sought.failing, sought.failure
                sought.failing = None
                self._note(sought, case)
                if sought.failing is not None:
                    raise Broken
                sought.failing, sought.failure = smallest

            search(strategy, key, shrinks, examples, shrink=True)
            if sought.failing is not None:
                return sought.failing, sought.failure
        return tally.failing, tally.failure

    def _note(self, tally: Tally, case: Case) -> None:
        """One example of one property, entered in its tally."""
        if self._time_outs >= GIVE_UP_AFTER:
            tally.failing, tally.final = case, True
            tally.failure = f"not tried: the target had exceeded the time limit {self._time_outs} times before"
            return
        started = time.perf_counter()
        if self._on_example is not None:
            self._on_example(tally.property, case)
        try:
            with self._limit:
                comparison = self._judge(tally, case)
        except NotApplicable:
            tally.unsupported = tally.unsupported or "no case was drawn of which the property speaks"
        except Unsupported as why:
            tally.unsupported = str(why)
        except TimedOut as late:
            self._time_outs += 1
            tally.failing, tally.failure, tally.final = case, str(late), True
        except Misbehaviour as misbehaviour:
            tally.failing, tally.failure = case, str(misbehaviour)
        else:
            tally.note(comparison)
            if not comparison.holds:
                tally.failing, tally.failure = case, comparison
        tally.seconds += time.perf_counter() - started

    def _judge(self, tally: Tally, case: Case) -> Comparison:
        """The property's comparison, or that with what torch does where torch is known to deviate and it deviates so."""
        property, trial = tally.property, Trial(self._laboratory, case)
        comparison = property.body(trial)
        if comparison.holds:
            return comparison
        known = as_torch_does(property, trial)
        if known is not None:
            tally.deviating += 1
            tally.deviations |= {deviation.name: deviation for deviation in known[1]}
            return known[0]
        return comparison

    def _replay_witnesses(self, tally: Tally, pair: Pair) -> None:
        """Whether the known deviations still show is seen on their witnesses before anything is drawn."""
        for deviation in deviations_of(tally.property, pair):
            if tally.failing is None:
                self._note(tally, deviation.witness(pair))

    def _result(self, tally: Tally, pair: Pair) -> Result:
        started = time.perf_counter()
        violation = self._violation(tally, pair)
        if violation is not None:
            status, message = "violated", violation.message
        elif tally.examples == 0:
            status, message = "unsupported", tally.unsupported
        elif tally.deviating:
            reasons = "; ".join(f"{d.reason} ({d.link})" for d in tally.deviations.values())
            status, message = "known deviation", f"{tally.deviating} of {tally.examples} examples: {reasons}"
        else:
            status, message = "passed", ""
        return Result(
            property=tally.property.name,
            family=tally.property.family,
            input_dtype=pair.input,
            parameter_dtype=pair.parameters,
            device=self.implementation.device,
            status=status,  # type: ignore[arg-type]
            examples=tally.examples,
            worst_ratio=tally.worst_ratio,
            without_power=tally.powerless / max(tally.examples, 1),
            seconds=tally.seconds + time.perf_counter() - started,
            message=message,
            violation=violation,
        )

    def _violation(self, tally: Tally, pair: Pair) -> Violation | None:
        if tally.failing is None:
            return None
        case, failure = self._smallest(tally)
        comparison = failure if isinstance(failure, Comparison) else None
        trace = [] if tally.final else self._traced(tally.property, case)
        reproducer = script(self.spec, trace, comparison, tally.property, pair) if trace else ""
        explained = self.explained(tally, case, failure)
        # the smallest case may be a drawn one; what it was met on says where it happens in real training
        where = tally.failing.kinds[:1] if self.budget.recording and not tally.final else ()  # a witness has none
        met = "".join(f"; met on {channel}" for channel in where)
        return Violation(f"{failure}{met}", case, comparison, explained.sentence if explained else "", reproducer)

    def explained(self, tally: Tally, smallest: Case, failure: Comparison | str) -> Rival | None:
        """The known slip that explains a violation, within the time that one example may take."""
        if tally.failing is None or tally.final:
            return None
        with contextlib.suppress(TimedOut), self._limit:
            return explain(self.implementation, tally.property, failure, tally.failing, smallest)
        return None

    def _traced(self, property: Property, case: Case) -> list[Any]:
        """What the property asks of the implementation for this case, from the beginning."""
        self.implementation.trace.clear()
        with contextlib.suppress(Misbehaviour, Unsupported, NotApplicable, TimedOut), self._limit:
            property.body(Trial(Laboratory(self.implementation), case))
        return list(self.implementation.trace)
