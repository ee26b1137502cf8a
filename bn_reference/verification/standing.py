"""Whether accepted deviations still show: told by the results of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bn_reference.properties.accepted import Acceptance
from bn_reference.reports.accepted import Standing
from bn_reference.reports.results import Result, pair_of

__all__ = ["standing_of"]


def standing_of(acceptance: Acceptance, results: Iterable[Result], *, whole: bool = True) -> Standing:
    """How one of them stands.

    Args:
        acceptance: the entry.
        results: of the run; what the run did not try is not said to be gone.
        whole: False where the run was cut short, so that nothing is said to be gone.
    """
    concerned = [result for result in results if acceptance.concerns(result.property, pair_of(result))]
    met = tuple(result for result in concerned if acceptance.number in result.accepted)
    gone = tuple((result.property, pair_of(result)) for result in _without(acceptance, concerned)) if whole else ()
    return Standing(acceptance, met, gone)


def _without(acceptance: Acceptance, results: Sequence[Result]) -> Iterable[Result]:
    """Those in which it did not show; a rule that is violated otherwise may not have been tried where it would."""
    return (result for result in results if acceptance.number not in result.accepted and result.status != "violated")
