"""Diagnosis: which known slip explains what an implementation gave, if one does.

A rival is named only where all of this is so, for the quantity that a rule compared: on every case that is looked at (the one
that broke the rule, the smallest one, and generic ones) the implementation lies within the rival's finite bound; and the rival
excludes the truth there, on a generic case and on one of the first two. An element whose bound is infinite supports nothing.
Where the slip shows in one mode only, or with one option only, the sentence says so. Two rivals of different meaning that
explain equally much explain nothing: a false explanation is worse than none.

Of a rule that is broken in circumstances alone, all cases are looked at in circumstances, and a fresh layer must be right on
the generic ones; what is then named holds in these circumstances, and the sentence says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from bn_reference.cases.case import Case
from bn_reference.properties.trial import is_unrecorded
from bn_reference.targets.protocol import Implementation
from bn_reference.verification.earlier import EARLIER, is_of_an_earlier_batch
from bn_reference.verification.evidence import Verdict, may_be_cut_off
from bn_reference.verification.generic import generic_cases, variants
from bn_reference.verification.rivals import (
    OF_A_LIFE,
    OF_THE_PRECISION,
    QUANTITIES,
    RIVALS,
    STATE,
    Inexact,
    Rival,
    fitted,
    truth,
    zero,
)
from bn_reference.verification.scenes import Scene

__all__ = ["diagnose", "diagnose_life"]

ONLY = "seen only "
IN_CIRCUMSTANCES = "in these circumstances alone"
LATE = Rival(
    "updated_in_the_backward_pass", "the running statistics are updated in the backward pass, not in the forward pass", truth
)


def diagnose(implementation: Implementation, quantity: str, training: bool, cases: Sequence[Case]) -> Rival | None:
    """The one known slip that explains what the implementation gives for a quantity of a step; None where none does.

    Args:
        implementation: the one under test.
        quantity: one of QUANTITIES.
        training: the mode of the step that broke the rule.
        cases: the one that broke it, and the smallest one that does; they may be the same.
    """
    with np.errstate(all="ignore"):
        return _Inquiry(implementation, quantity, training, cases[0].but(circumstances=()), cases).outcome()


def diagnose_life(implementation: Implementation, quantity: str, training: bool, cases: Sequence[Case]) -> Rival | None:
    """The same, where the cases break the rule in their circumstances alone."""
    smallest = cases[-1]
    with np.errstate(all="ignore"):
        fresh = _Inquiry(implementation, quantity, training, smallest.but(circumstances=()), ())
        if not all(scene.is_right(quantity) for scene in fresh.generic):
            return None
        named = _Inquiry(implementation, quantity, training, smallest, cases).outcome_of_a_life()
    return named and replace(named, sentence=f"{named.sentence} ({IN_CIRCUMSTANCES})")


class _Inquiry:
    """All that is looked at for one diagnosis.

    Attributes:
        original: the case whose options and circumstances the generic ones have.
        met: the cases that the rule was broken on.
        generic: those that are made to tell slips apart.
    """

    def __init__(
        self, implementation: Implementation, quantity: str, training: bool, original: Case, cases: Sequence[Case]
    ) -> None:
        self.implementation, self.quantity, self.training = implementation, quantity, training
        self.original = original
        self.met = self.scenes(dict.fromkeys(cases))
        self.generic = self.scenes(generic_cases(self.original))

    def scenes(self, cases: Iterable[Case], *, training: bool | None = None) -> list[Scene]:
        """The cases on the implementation, with the eps, momentum and channels that it has."""
        mode = self.training if training is None else training
        return [Scene(self.implementation, self.implementation.domain.nearest(case), mode) for case in cases]

    def outcome(self) -> Rival | None:
        survivors = self._survivors((*RIVALS, zero(self.quantity, mute=True)))
        if survivors:
            return self._named(survivors)
        if self.quantity == "y" and is_of_an_earlier_batch(self.implementation, self.original, self.training):
            return EARLIER
        return next((rival for rival in OF_THE_PRECISION if self._explains_inexactly(rival)), None)

    def outcome_of_a_life(self) -> Rival | None:
        survivors = self._survivors((*RIVALS, *OF_A_LIFE, zero(self.quantity, mute=False)))
        return self._named(survivors) if survivors else None

    def _survivors(self, rivals: Iterable[Rival]) -> list[Rival]:
        return [rival for rival in (*rivals, *self._fitted()) if self._explains(rival)]

    def _named(self, survivors: list[Rival]) -> Rival | None:
        if any(rival.mute for rival in survivors):
            return None
        placed = [self._in_its_place(rival) for rival in survivors]
        named = self._most([rival for rival in placed if rival is not None])
        return self._sooner_or_later(named) if named else None

    def _fitted(self) -> Iterable[Rival]:
        scene = self.generic[-1]
        seen, right = scene.seen(self.quantity), truth(scene.case, self.training, self.quantity)
        return () if seen is None or right is None else fitted(seen, right, self.quantity)

    def _explains(self, rival: Rival) -> bool:
        if not self._supported(rival, self.met):
            return False
        if rival.shows is None:
            return self._supported(rival, self.generic)
        shown = self._supported(rival, self.scenes(rival.shows(self.original)))
        return shown and not any(scene.verdict(rival, self.quantity) is Verdict.CONTRADICTS for scene in self.generic)

    def _supported(self, rival: Rival, scenes: Sequence[Scene]) -> bool:
        """Whether no scene contradicts it and some support it."""
        supported = False
        for scene in scenes:
            verdict = scene.verdict(rival, self.quantity)
            if verdict is Verdict.CONTRADICTS:
                return False
            supported |= verdict is Verdict.SUPPORTS
        return supported

    def _explains_inexactly(self, rival: Inexact) -> bool:
        return (
            rival.concerns(self.original.pair, self.quantity)
            and self._explains(rival)
            and not (rival.beyond_cutting_off and self._may_be_cut_off())
            and all(scene.is_right(self.quantity) for scene in self.scenes(rival.controls(self.original)))
        )

    def _may_be_cut_off(self) -> bool:
        """Whether no number of the input's format is further off than cutting it off makes it."""
        if self.quantity not in ("y", "grad_x"):
            return False
        scenes = (*self.met, *self.generic)
        compared = ((s.seen(self.quantity), truth(s.case, self.training, self.quantity), s.case) for s in scenes)
        known = [(seen, right, case) for seen, right, case in compared if seen is not None and right is not None]
        return all(may_be_cut_off(seen, right, case.precision.output_format) for seen, right, case in known)

    def _in_its_place(self, rival: Rival) -> Rival | None:
        """The rival with the mode or option without which it does not hold; None where something else goes on without it."""
        words, cases = zip(*variants(self.original), strict=True)
        others = list(zip(words, self.scenes(cases), strict=True))
        if self.quantity not in STATE:
            mode = "in training" if self.training else "in eval"
            others += [(mode, scene) for scene in self.scenes(generic_cases(self.original)[1:], training=not self.training)]
        places = []
        for place, scene in others:
            if scene.verdict(rival, self.quantity) is Verdict.CONTRADICTS:
                if not scene.is_right(self.quantity):
                    return None
                places.append(place)
        return replace(rival, sentence=f"{rival.sentence} ({_only(places)})") if places else rival

    def _most(self, rivals: list[Rival]) -> Rival | None:
        """The one that explains most of what was seen in the steps, anywhere rather than somewhere, if that is one."""

        def explained(rival: Rival) -> tuple[int, bool]:
            consistent = [
                what
                for what in QUANTITIES
                if all(scene.verdict(rival, what) is not Verdict.CONTRADICTS for scene in (*self.met, *self.generic))
            ]
            return len(consistent), ONLY not in rival.sentence

        ranks = {rival: explained(rival) for rival in rivals}
        best = [rival for rival in rivals if ranks[rival] == max(ranks.values())]
        return best[0] if len({rival.name for rival in best}) == 1 else None

    def _sooner_or_later(self, rival: Rival) -> Rival | None:
        """Statistics that the forward pass does not update may be updated by the backward pass."""
        if rival.name != "running_statistics_not_updated" or is_unrecorded(self.original, self.training):
            return rival
        late = [scene.is_right_after_backward(self.quantity) for scene in self.generic]
        return LATE if all(late) else rival if not any(late) else None


def _only(places: list[str]) -> str:
    return f"{ONLY}{', '.join(places[:-1])}{' and ' if places[:-1] else ''}{places[-1]}"
