"""Witnesses: whether deviations still show is seen on the cases that show them, before anything is drawn."""

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
            attempts.note(tally, witness)
    for acceptance in budget.accepted:
        concerned = acceptance.concerns(tally.property.name, str(pair))
        for witness in acceptance.witnesses.get(str(pair), ()) if concerned else ():
            if tally.is_wanting() and implementation.domain.takes(witness):
                attempts.note(tally, witness)
