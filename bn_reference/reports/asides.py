"""What is said aside of the verdict: known deviations that were met, and what could not be asked; once a reason, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bn_reference.reports.results import Result, Status, pair_of

__all__ = ["Aside", "asides_of"]

GONE = ", not seen with these versions on the case that shows it"
OTHER_PAIRS = "it has no layers of these pairs of dtypes"


@dataclass(frozen=True, eq=False)
class Aside:
    """One reason, and all results that it stands behind.

    Attributes:
        status: the one whose mark it bears.
        title: what the reason is one of.
    """

    status: Status
    title: str
    reason: str
    results: tuple[Result, ...]


def asides_of(results: Iterable[Result], capabilities: Mapping[str, Any]) -> list[Aside]:
    """Known deviations, what nothing could be asked of, and what some examples could not be asked of."""
    listed = tuple(results)
    return [*_deviations(listed), *_unsupported(listed, capabilities), *_refused(listed)]


def _deviations(results: tuple[Result, ...]) -> list[Aside]:
    """Each known deviation, with the results that met it, and those that met it no more."""
    met = [(reason, result) for result in results if result.status == "known deviation" for reason in result.deviations]
    gone = [(reason, result) for result in results for reason in result.gone]
    known = [Aside("known deviation", "known deviation", *each) for each in _together(met)]
    return known + [Aside("known deviation", f"known deviation{GONE}", *each) for each in _together(gone)]


def _unsupported(results: tuple[Result, ...], capabilities: Mapping[str, Any]) -> list[Aside]:
    """Each reason why something could not be asked, with the results."""
    pairs = capabilities.get("domain", {}).get("pairs", ())
    met = [
        (OTHER_PAIRS if pairs and pair_of(result) not in pairs else result.message, result)
        for result in results
        if result.status == "unsupported"
    ]
    return [Aside("unsupported", "unsupported", *each) for each in _together(met)]


def _refused(results: tuple[Result, ...]) -> list[Aside]:
    """Each reason why some examples could not be asked of rules that were verified by others."""
    asides = []
    met = [(reason, result) for result in results if result.status != "unsupported" for reason in result.refused]
    for reason, having in _together(met):
        examples = sum(result.examples for result in having)
        asked = examples + sum(sum(result.refused.values()) for result in having)
        refused = sum(result.refused[reason] for result in having)
        asides.append(Aside("unsupported", f"{examples} of {asked} examples; {refused} refused", reason, having))
    return asides


def _together(met: Iterable[tuple[str, Result]]) -> list[tuple[str, tuple[Result, ...]]]:
    by_reason: dict[str, list[Result]] = {}
    for reason, result in met:
        by_reason.setdefault(reason, []).append(result)
    return [(reason, tuple(results)) for reason, results in by_reason.items()]
