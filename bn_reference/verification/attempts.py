"""Attempts: one example of one property at a time, within its limit, entered in a tally; whoever errs is blamed for it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from bn_reference.cases.case import Case
from bn_reference.cases.facts import Fact, Kind, Raised
from bn_reference.cases.large import is_large
from bn_reference.conventions import Conventions
from bn_reference.oracle.compare import Comparison, fact
from bn_reference.oracle.keeping import forget_large
from bn_reference.properties import NotApplicable, Property
from bn_reference.properties.accepted import Acceptance
from bn_reference.properties.deviations import Deviation, as_torch_does, without_losing_the_device
from bn_reference.properties.trial import Laboratory, Trial, promised
from bn_reference.targets.lives import Outcome
from bn_reference.targets.protocol import Misbehaviour, Unsupported
from bn_reference.targets.watched import Watched
from bn_reference.verification.explanation import explain
from bn_reference.verification.failure import SuiteFailed
from bn_reference.verification.lost import DeviceLost
from bn_reference.verification.rivals import Rival
from bn_reference.verification.tally import Tally
from bn_reference.verification.time_limit import TimedOut, TimeLimit

__all__ = ["Attempts", "too_large"]

KNOWN = (Kind.WRITTEN, Kind.FORM)  # facts that a known deviation may be
GIVE_UP_AFTER = 3  # time-outs; what is left is then reported without being tried


def too_large(rows: int, channels: int, seconds: float | None = None) -> str:
    """Why a large case could not be asked: it takes longer than an example may, or more memory than there is."""
    size = f"{rows:,} rows of {channels:,} channel{'s' * (channels != 1)}"
    return f"{size} take {f'more than {seconds:g} s' if seconds else 'too much memory'}"


class Attempts:
    """An implementation, tried on case after case.

    Attributes:
        conventions: those that it is judged by.
        limit: on the time of an example.
        on_lost: is told where the device stopped to answer in an example; nothing more can be tried in this process.
    """

    def __init__(
        self,
        implementation: Watched,
        conventions: Conventions,
        timeout: float,
        on_example: Callable[[Property, Case], None] | None = None,
        accepted: Sequence[Acceptance] = (),
    ) -> None:
        self.conventions = conventions
        self.limit = TimeLimit(timeout)
        self.on_lost: Callable[[Fact], None] = lambda fact: None
        self._implementation, self._on_example, self._accepted = implementation, on_example, accepted
        self._laboratory = Laboratory(implementation)
        self._large = Laboratory(implementation)  # what was given for the latest large case
        self._time_outs = 0
        self._lost = False

    def note(self, tally: Tally, case: Case) -> None:
        """One example of one property, entered in its tally."""
        case = promised(case, self._implementation.device, self.conventions)
        if self._lost or self._time_outs >= GIVE_UP_AFTER:
            tally.broken_by(case, fact(False, Fact(Kind.NOT_TRIED, "", self._time_outs + self._lost)), final=True)
            return
        started = time.perf_counter()
        if self._on_example is not None:
            self._on_example(tally.property, case)
        self._implementation.forget_lives()
        try:
            with self.limit:
                comparison = self._compared(tally, case)
        except NotApplicable:
            pass
        except Unsupported as why:
            tally.refused[str(why)] += 1
        except TimedOut as late:
            self._note_late(tally, case, late.fact)
        except Misbehaviour as misbehaviour:
            self._note_broken(tally, case, fact(False, misbehaviour.fact))
        except Exception as error:
            raise SuiteFailed.during(tally.property.name, case, error) from error
        else:
            life = self._implementation.outcome(case) if case.circumstances else ""
            if comparison.holds:
                tally.note(comparison, case, life)
            else:
                self._note_broken(tally, case, comparison, life, compared=True)
        if tally.failure is not None and not self._implementation.alive():
            raise self._lose(tally, case)
        self._implementation.put_back()  # what steps have set for good
        tally.seconds += time.perf_counter() - started

    def _note_broken(self, tally: Tally, case: Case, broken: Comparison, life: Outcome = "", *, compared: bool = False) -> None:
        """A case breaks the rule, be it as is accepted; ``compared`` where something came that could be looked at."""
        for acceptance in self._accepted:
            concerned = acceptance.concerns(tally.property.name, str(case.pair))
            if concerned and acceptance.excuses(case, broken) and self._implementation.alive():
                tally.accept(acceptance.number, broken, case, life)
                return
        if compared:
            tally.note(broken, case, life)
        tally.broken_by(case, broken)

    def _note_late(self, tally: Tally, case: Case, late: Fact) -> None:
        """An example took too long, which in a large case breaks no rule."""
        if is_large(case):
            tally.refused[too_large(case.rows, case.channels, self.limit.seconds)] += 1
            return
        self._time_outs += 1
        tally.broken_by(case, fact(False, late), final=True)

    def runs_through(self, deviation: Deviation, witness: Case) -> bool:
        """Whether a training step of the witness runs through a library that has the deviation."""
        try:
            with self.limit:
                return not (self._laboratory.kernels(witness, True) or frozenset()).isdisjoint(deviation.libraries)
        except TimedOut:
            return False

    def release(self) -> None:
        """Let go of what was given and expected for the latest large case, and of the calls that were made for it."""
        self._large = Laboratory(self._implementation)
        self._implementation.trace.clear()
        self._implementation.forget_lives()
        forget_large()

    def _lose(self, tally: Tally, case: Case) -> DeviceLost:
        """The end of what this process can try: told to whoever has a process to spare for what is left."""
        assert tally.failure is not None
        lost = DeviceLost(self._implementation.device, tally.failure)
        self.on_lost(lost.fact)
        self._lost = True
        tally.broken_by(case, fact(False, lost.fact), final=True)
        return lost

    def _compared(self, tally: Tally, case: Case) -> Comparison:
        """The property's comparison, or that with what torch does where torch is known to deviate and it deviates so.

        Raises:
            Unsupported: none of what it compares could be asked for, or there was not the memory for a large case.
            NotApplicable: there was nothing to compare.
        """
        property, trial = tally.property, Trial(self._large if is_large(case) else self._laboratory, case)
        trial, spared = without_losing_the_device(property, trial)
        try:
            comparison = property.body(trial)
        except Misbehaviour as misbehaviour:
            _require_room(case, misbehaviour.fact)
            raise
        _require_room(case, comparison.fact)
        if comparison.unasked:
            raise Unsupported(comparison.unasked)
        if comparison.vacuous:
            raise NotApplicable
        told = comparison.fact is not None and comparison.fact.kind not in KNOWN  # what no deviation speaks of
        known = None if comparison.holds or told else as_torch_does(property, trial, comparison)
        comparison, met = known or (comparison, [])
        tally.deviates([*spared, *met])
        return comparison

    def kept_without(self, property: Property, case: Case) -> bool:
        """Whether the case breaks the rule in its circumstances alone."""
        if not case.circumstances:
            return False
        plain = Tally(property)
        self.note(plain, case.but(circumstances=()))
        return plain.kept() > plain.deviating and plain.failing is None

    def explained(
        self, property: Property, found: Comparison, original: Case, case: Case, *, lived: bool = False
    ) -> Rival | None:
        """The known slip that explains a violation, within the time that one example may take."""
        try:
            with self.limit:
                return explain(self._implementation, property, found, original, case, lived=lived)
        except TimedOut:
            return None
        except Exception as error:
            raise SuiteFailed.during(property.name, case, error) from error

    def trace(self, property: Property, case: Case) -> None:
        """Keep what the property asks of the implementation for this case, from the beginning."""
        self._implementation.trace.clear()
        with contextlib.suppress(Misbehaviour, Unsupported, NotApplicable, TimedOut), self.limit:
            property.body(without_losing_the_device(property, Trial(Laboratory(self._implementation), case))[0])


def _require_room(case: Case, found: Fact | None) -> None:
    """Raise Unsupported where what went wrong is that a large case does not fit into the memory, which breaks no rule."""
    raised = None if found is None else found.found
    if is_large(case) and isinstance(raised, Raised) and "memory" in f"{raised.type} {raised.text}".lower():
        raise Unsupported(too_large(case.rows, case.channels))
