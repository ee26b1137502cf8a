"""Weights of the new batch for libraries whose momentum weights the old statistics, which are handed one minus it."""

from __future__ import annotations

__all__ = ["EXACT", "OLD"]

EXACT = (0.125, 1.0, 0.0, 0.5, 0.875, 0.25)  # these and one less them are exact in every format
OLD = (1 - 0.9, *EXACT, 1 - 0.99)  # one less one less them is each of them again, in float64
