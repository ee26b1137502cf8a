"""What a rule presupposes of an implementation's conventions: where it is not so, the rule cannot be asked."""

from __future__ import annotations

from bn_reference.properties.trial import Trial
from bn_reference.targets.protocol import Unsupported

__all__ = ["require_batch_statistics"]


def require_batch_statistics(trial: Trial) -> None:
    """The batch's own statistics normalize it: of others, neither the moments of y nor what leaves it as it is are known.

    Raises:
        Unsupported: training normalizes with the running statistics, of which there are some.
    """
    if trial.case.tracks and trial.case.conventions.training == "running":
        raise Unsupported("its training normalizes with the running statistics")
