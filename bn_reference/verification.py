"""Verification: properties tried on an implementation. The only place that runs Hypothesis.

For each pair of dtypes Hypothesis draws cases from a seed, and several properties are tried on each; a violation is then
sought again among small cases on a lattice, so that what people read is short. The verdict depends on target, property, pair,
seed and number of examples alone.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky, HypothesisWarning
from hypothesis.strategies import SearchStrategy

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.strategies import cases, lattice_cases
from bn_reference.compare import Comparison
from bn_reference.diagnosis import diagnose
from bn_reference.implementations.observed import Observed
from bn_reference.implementations.protocol import Implementation, Misbehaviour, Unsupported
from bn_reference.properties import NotApplicable, Property
from bn_reference.properties.deviations import Deviation, as_torch_does, deviations_of
from bn_reference.properties.trial import Laboratory, Trial
from bn_reference.reports.reproducer import script
from bn_reference.results import Result, Violation
from bn_reference.time_limit import TimedOut, time_limit

__all__ = ["Budget", "Judge"]

LATTICE_EXAMPLES = 300  # among which a smaller counterexample is sought
SHRINK_CALLS = 400  # once it is found; a person waits for the verdict
GIVE_UP_AFTER = 3  # time-outs; what is left is then reported without being tried


@dataclass(frozen=True)
class Budget:
    """How much to try: examples a property and pair, the seed, and the seconds that one example may take."""

    examples: int = 100
    seed: int = 0
    timeout: float = 10.0


class _Broken(Exception):
    """A property does not hold for a case; raised so that Hypothesis shrinks it."""


class _Enough(BaseException):
    """Stop the search at once; not an Exception, so that Hypothesis lets it through."""


@dataclass
class _Tally:
    """What was seen while one property was tried.

    Attributes:
        failing, failure: the case that broke it, and how.
        final: whether nothing smaller is to be sought, as a case may take as long as the time limit.
    """

    property: Property
    examples: int = 0
    powerless: int = 0
    worst_ratio: float | None = None
    seconds: float = 0.0
    deviating: int = 0
    deviations: dict[str, Deviation] = field(default_factory=dict)
    unsupported: str = ""
    failing: Case | None = None
    failure: Comparison | str = ""
    final: bool = False

    def note(self, comparison: Comparison) -> None:
        self.examples += 1
        self.powerless += comparison.powerless
        if comparison.ratio is not None:
            self.worst_ratio = max(comparison.ratio, self.worst_ratio or 0.0)


class Judge:
    """An implementation and what it gave so far, asked for its verdict on properties."""

    def __init__(
        self,
        implementation: Implementation,
        budget: Budget,
        *,
        spec: str = "",
        on_example: Callable[[Property, Pair, Case], None] | None = None,
    ) -> None:
        self.implementation = Observed(implementation)
        self.budget = budget
        self.spec = spec or implementation.name
        self._on_example = on_example
        self._laboratory = Laboratory(self.implementation)
        self._time_outs = 0

    def check(self, property: Property, pair: Pair) -> Result:
        """The verdict on one property in one pair of dtypes."""
        return self.check_together([property], pair)[0]

    def check_together(self, properties: Sequence[Property], pair: Pair, *, fail_fast: bool = False) -> list[Result]:
        """The verdicts on several properties, which share the cases that are drawn and what the oracle says of them.

        With ``fail_fast`` the first violation ends it, and is the only verdict. Raises nothing that the target does: an
        exception of its own, a wrong form, a time-out are violations.
        """
        with np.errstate(all="ignore"):
            tallies = self._tried(properties, pair, fail_fast)
            broken = [tally for tally in tallies if tally.failing is not None]
            return [self._result(tally, pair) for tally in (broken[:1] if fail_fast and broken else tallies)]

    def broken(self, properties: Sequence[Property], pair: Pair) -> dict[str, str]:
        """For each property how it was seen broken, empty where it was not; without looking for the smallest case."""
        with np.errstate(all="ignore"):
            return {tally.property.name: str(tally.failure) for tally in self._tried(properties, pair, fail_fast=False)}

    def _tried(self, properties: Sequence[Property], pair: Pair, fail_fast: bool) -> list[_Tally]:
        tallies = [_Tally(property) for property in properties]
        if self.implementation.supports(pair):
            for tally in tallies:
                self._replay_witnesses(tally, pair)
            self._search(cases(pair), pair, tallies, fail_fast=fail_fast)
        else:
            for tally in tallies:
                tally.unsupported = f"{self.implementation.name} has no layers of {pair}"
        return tallies

    def _search(self, strategy: SearchStrategy[Case], pair: Pair, tallies: list[_Tally], *, fail_fast: bool) -> None:
        """Try cases on all properties until each has had its number of examples or was broken."""

        def try_all(case: Case) -> None:
            for tally in tallies:
                if tally.examples < self.budget.examples and tally.failing is None:
                    self._note(tally, case)
                    if fail_fast and tally.failing is not None:
                        raise _Enough
            if all(tally.examples >= self.budget.examples or tally.failing is not None for tally in tallies):
                raise _Enough

        # a property says nothing of some cases; those it does speak of are to be as many as was asked for
        self._run(strategy, pair, try_all, examples=4 * self.budget.examples, phases=[Phase.generate])

    def _run(
        self, strategy: SearchStrategy[Case], pair: Pair, body: Callable[[Case], None], examples: int, phases: list[Phase]
    ) -> None:
        """Have Hypothesis draw cases, from the seed, until it or the body has had enough."""

        @seed(f"{self.budget.seed}/{pair}")  # another in each pair, so that together they try more
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=False,
            phases=phases,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
        )
        @given(strategy)
        def example(case: Case) -> None:
            body(case)

        with contextlib.suppress(_Broken, Flaky, _Enough), warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)  # of the length of a case's repr, which nobody sees
            example()

    def _smallest(self, tally: _Tally) -> tuple[Case, Comparison | str]:
        """The broken property's smallest case: sought among few numbers on a lattice, else shrunk from what was found."""
        assert tally.failing is not None
        if tally.final:
            return tally.failing, tally.failure
        for strategy, examples in (
            (lattice_cases(tally.failing.pair), LATTICE_EXAMPLES),
            (cases(tally.failing.pair), 4 * self.budget.examples),
        ):
            sought = _Tally(tally.property)
            calls_left = SHRINK_CALLS

            def shrinks(case: Case, sought: _Tally = sought) -> None:
                nonlocal calls_left
                calls_left -= sought.failing is not None
                if calls_left < 0 or sought.final:
                    raise _Enough
                smallest = sought.failing, sought.failure
                sought.failing = None
                self._note(sought, case)
                if sought.failing is not None:
                    raise _Broken
                sought.failing, sought.failure = smallest

            self._run(strategy, tally.failing.pair, shrinks, examples, [Phase.generate, Phase.shrink])
            if sought.failing is not None:
                return sought.failing, sought.failure
        return tally.failing, tally.failure

    def _note(self, tally: _Tally, case: Case) -> None:
        """One example of one property, entered in its tally."""
        if self._time_outs >= GIVE_UP_AFTER:
            tally.failing, tally.final = case, True
            tally.failure = f"not tried: the target had exceeded the time limit {self._time_outs} times before"
            return
        started = time.perf_counter()
        if self._on_example is not None:
            self._on_example(tally.property, case.pair, case)
        try:
            with time_limit(self.budget.timeout):
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

    def _judge(self, tally: _Tally, case: Case) -> Comparison:
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

    def _replay_witnesses(self, tally: _Tally, pair: Pair) -> None:
        """Whether the known deviations still show is seen on their witnesses before anything is drawn."""
        for deviation in deviations_of(tally.property, pair):
            if tally.failing is None:
                self._note(tally, deviation.witness(pair))

    def _result(self, tally: _Tally, pair: Pair) -> Result:
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

    def _violation(self, tally: _Tally, pair: Pair) -> Violation | None:
        if tally.failing is None:
            return None
        case, failure = self._smallest(tally)
        comparison = failure if isinstance(failure, Comparison) else None
        trace = [] if tally.final else self._traced(tally.property, case)
        reproducer = script(self.spec, trace, comparison, tally.property, pair) if trace else ""
        diagnosis = "" if tally.final else diagnose(self.implementation, case)
        return Violation(str(failure), case, comparison, diagnosis, reproducer)

    def _traced(self, property: Property, case: Case) -> list[Any]:
        """What the property asks of the implementation for this case, from the beginning."""
        self.implementation.trace.clear()
        with contextlib.suppress(Misbehaviour, Unsupported, NotApplicable, TimedOut), time_limit(self.budget.timeout):
            property.body(Trial(Laboratory(self.implementation), case))
        return list(self.implementation.trace)
