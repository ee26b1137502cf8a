"""How the suite is run on the layers that it is measured on."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TIERS", "Tier"]


@dataclass(frozen=True)
class Tier:
    """Examples a property and pair of dtypes, and whether a run stops at the first violation."""

    examples: int
    fail_fast: bool = False


TIERS = {"default": Tier(100), "ci": Tier(30), "fail-fast": Tier(100, fail_fast=True)}
