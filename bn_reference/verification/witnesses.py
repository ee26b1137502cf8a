"""Witnesses: the cases that show deviations, and those that broke a rule before, are tried before anything is drawn."""

from __future__ import annotations

from bn_reference.arithmetic.precision import Pair
from bn_reference.properties.deviation import TORCH
from bn_reference.properties.deviations import deviations_of
from bn_reference.targets.watched import Watched
from bn_reference.verification.attempts import Attempts
from bn_reference.verification.selection import Budget
from bn_reference.verification.tally import Tally

__all__ = ["replay_witnesses"]


def replay_witnesses(tally: Tally, pair: Pair, implementation: Watched, attempts: Attempts, budget: Budget) -> None:
    """Those of the known and of the accepted deviations that the property may meet; or the one case that is asked for."""
    if budget.case is not None:
        attempts.note(tally, budget.case)
        return
    for deviation in deviations_of(tally.property, pair, implementation.device):
        witness = deviation.witness(pair)
        if tally.failing is not None or not implementation.domain.takes(witness):
            continue
        if TORCH in deviation.libraries or attempts.runs_through(deviation, witness):
            before = tally.examples, tally.deviating
            attempts.note(tally, witness)
            kept = tally.failing is None and (tally.examples, tally.deviating) == (before[0] + 1, before[1])
            itself = implementation.library in deviation.libraries  # what is built upon it may well mend it
            if kept and itself and deviation.shows_for_certain(tally.property, pair):
                tally.gone.append(deviation)
    for acceptance in budget.accepted:
        concerned = acceptance.concerns(tally.property.name, str(pair))
        for witness in acceptance.witnesses.get(str(pair), ()) if concerned else ():
            if tally.is_wanting() and implementation.domain.takes(witness):
                attempts.note(tally, witness)
    _replay_found(tally, pair, implementation, attempts, budget)


def _replay_found(tally: Tally, pair: Pair, implementation: Watched, attempts: Attempts, budget: Budget) -> None:
    """What broke the rule in another run; what does so no longer is forgotten."""
    rule = tally.property.name
    for case in budget.found.cases(rule, pair):
        if tally.failing is not None or not implementation.domain.takes(case):
            continue
        kept, met = tally.kept(), tally.met()
        attempts.note(tally, case)
        tally.replayed += tally.met() - met
        tally.known = tally.failing is not None
        if not tally.known and tally.kept() > kept:
            budget.found.forget(rule, case)
