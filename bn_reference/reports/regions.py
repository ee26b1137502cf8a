"""Regions of deviations in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bn_reference.cases.domain import AXES
from bn_reference.cases.region import Region
from bn_reference.reports.lives import WORDS

__all__ = ["say_region"]


def say_region(region: Region) -> str:
    """Where it holds: "x (N, C, L), sliced or transposed; without weight and bias"; "every case" where nothing is said."""
    return "; ".join(_phrases(region)) or "every case"


def _phrases(region: Region) -> Iterator[str]:
    of_x = [" or ".join(AXES[each] for each in region.dimensions)] if region.dimensions else []
    of_x += [_said(region.rows, "rows"), _said(region.channels, "channels")]
    of_x += [_any_of(region.layouts)] if region.layouts else []
    if any(of_x):
        yield f"x {', '.join(filter(None, of_x))}"
    if region.grad_layouts:
        yield f"dy {_any_of(region.grad_layouts)}"
    flags = ((region.affine, "weight and bias"), (region.tracks, "running statistics"))
    yield from (f"{'with' if flag else 'without'} {what}" for flag, what in flags if flag is not None)
    if region.cumulative is not None:
        yield "momentum None" if region.cumulative else "momentum a number"
    if region.circumstances is not None:
        words = [WORDS[word] for word in region.circumstances]
        met = words[0] if len(words) == 1 else f"one of: {', '.join(words)}"
        yield f"circumstances: {met}" if words else "a fresh layer, called as usual"


def _said(ends: tuple[int | None, int | None] | None, what: str) -> str:
    least, most = ends or (None, None)
    if least is None:
        return "" if most is None else f"{most:,} {what} at most"
    return f"{least:,} {what} or more" if most is None else f"{least:,} to {most:,} {what}"


def _any_of(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
