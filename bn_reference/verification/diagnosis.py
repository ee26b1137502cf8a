"""Diagnosis: which known slip explains what an implementation gave, if one does.

A rival is named only where all of this is so, for the quantity that a rule compared: on every case that is looked at (the one
that broke the rule, the smallest one, and generic ones) the implementation lies within the rival's finite bound; and where the
rival excludes the truth, which it does on a generic case and on one of the first two. An element whose bound is infinite
supports nothing. Where the slip shows in one mode only, or with one option only, the sentence says so. Two rivals of different
meaning that explain equally much explain nothing: a false explanation is worse than none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from bn_reference.cases.case import Array, Case
from bn_reference.properties.trial import Observation, observe
from bn_reference.targets.protocol import Implementation, Misbehaviour, Unsupported
from bn_reference.verification.evidence import Verdict, holds, weigh
from bn_reference.verification.generic import generic_cases, variants
from bn_reference.verification.rivals import QUANTITIES, RIVALS, STATE, Rival, truth

__all__ = ["diagnose"]


class Scene:
    """A case on the implementation, run once, when it is first asked of."""

    def __init__(self, implementation: Implementation, case: Case, training: bool) -> None:
        self.case, self.training = case, training
        self._implementation = implementation

    @cached_property
    def _observation(self) -> Observation | None:
        try:
            return observe(self._implementation, self.case, self.training)
        except (Misbehaviour, Unsupported):
            return None

    def seen(self, what: str) -> Array | None:
        """The quantity, if it is there and has the right shape: what is not says nothing."""
        observation = self._observation
        if observation is None:
            return None
        try:
            value: object = {
                "y": lambda: observation.y,
                "running_mean": lambda: observation.state.mean,
                "running_var": lambda: observation.state.var,
                "grad_x": lambda: observation.grads.x,
                "grad_weight": lambda: observation.grads.weight,
                "grad_bias": lambda: observation.grads.bias,
            }[what]()
        except (Misbehaviour, Unsupported):
            return None
        shape = self.case.x.shape if what in ("y", "grad_x") else (self.case.channels,)
        return value if isinstance(value, np.ndarray) and value.shape == shape else None

    def verdict(self, rival: Rival, what: str) -> Verdict:
        """What this case says of the rival, by one quantity."""
        seen = self.seen(what)
        right = truth(self.case, self.training, what)
        wrong = rival.expect(self.case, self.training, what)
        if seen is None or right is None or wrong is None:
            return Verdict.SILENT
        return weigh(seen, right, wrong)

    def is_right(self, what: str) -> bool:
        """Whether the quantity is within the truth's bounds."""
        seen, right = self.seen(what), truth(self.case, self.training, what)
        return seen is not None and right is not None and holds(seen, right)


def diagnose(implementation: Implementation, quantity: str, training: bool, cases: Sequence[Case]) -> Rival | None:
    """The one known slip that explains what the implementation gives for a quantity of a step; None where none does.

    Args:
        implementation: the one under test.
        quantity: one of QUANTITIES.
        training: the mode of the step that broke the rule.
        cases: the one that broke it, and the smallest one that does; they may be the same.
    """
    with np.errstate(all="ignore"):
        met = [Scene(implementation, case, training) for case in dict.fromkeys(cases)]
        generic = [Scene(implementation, case, training) for case in generic_cases(cases[0])]
        survivors = [rival for rival in RIVALS if _explains(rival, quantity, met) and _explains(rival, quantity, generic)]
        named = [_in_its_place(rival, quantity, implementation, cases[0], training) for rival in survivors]
        return _one_of([rival for rival in named if rival is not None], [*met, *generic])


def _explains(rival: Rival, quantity: str, scenes: list[Scene]) -> bool:
    """Whether no scene contradicts it and some support it."""
    supported = False
    for scene in scenes:
        verdict = scene.verdict(rival, quantity)
        if verdict is Verdict.CONTRADICTS:
            return False
        supported |= verdict is Verdict.SUPPORTS
    return supported


def _one_of(rivals: list[Rival], scenes: list[Scene]) -> Rival | None:
    """The one that explains most of what was seen in the steps, if that is one."""

    def explained(rival: Rival) -> tuple[int, int]:
        consistent = sum(
            all(scene.verdict(rival, what) is not Verdict.CONTRADICTS for scene in scenes) for what in QUANTITIES
        )
        return consistent, -rival.sentence.count(ONLY)

    ranks = {rival: explained(rival) for rival in rivals}
    best = [rival for rival in rivals if ranks[rival] == max(ranks.values())]
    return best[0] if len({rival.name for rival in best}) == 1 else None


ONLY = " only "


def _in_its_place(
    rival: Rival, quantity: str, implementation: Implementation, original: Case, training: bool
) -> Rival | None:
    """The rival with the mode or option without which it does not hold; None where something else goes on without it."""
    places = []
    others = [(words, Scene(implementation, case, training)) for words, case in variants(original)]
    if quantity not in STATE:
        mode = "in training" if training else "in eval"
        others.append((mode, Scene(implementation, generic_cases(original)[1], not training)))
    for words, scene in others:
        if scene.verdict(rival, quantity) is Verdict.CONTRADICTS:
            if not scene.is_right(quantity):
                return None
            places.append(words)
    return replace(rival, sentence=f"{rival.sentence} (this{ONLY}{' and '.join(places)})") if places else rival
