"""How far a run came whose time was given, and not its number of examples."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from bn_reference.reports.results import Result, pair_of

__all__ = ["say_reached"]

KEPT = ("passed", "accepted", "known deviation")  # what is violated ends early, and what is unsupported never began


def say_reached(results: Sequence[Result], minutes: float) -> str:
    """How many examples a rule and pair of dtypes had: the fewest, and of which, half of them, and the most."""
    reached = sorted((result for result in results if result.status in KEPT), key=lambda result: result.examples)
    within = f"in {minutes:g} {'minute' if minutes == 1 else 'minutes'}"
    if not reached:
        return f"{within} no rule was tried to the end"
    fewest, most = reached[0], reached[-1]
    half = median(result.examples for result in reached)
    of = f"{fewest.property.replace('_', ' ')} in {pair_of(fewest)}"
    had = f"{fewest.examples:,} to {most.examples:,} examples in each pair of dtypes, {half:,.0f} in the middle"
    return f"{within} the rules had {had}; fewest had {of}"
