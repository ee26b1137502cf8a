"""A result read back from a report's JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bn_reference.reports.results import Result

__all__ = ["real", "result_read"]


def result_read(said: Mapping[str, Any]) -> Result:
    """The result that a report of schema 2 has, as far as every report has it: without its violation."""
    resolution, lived, largest = said["resolution"], said["lived"], said["largest"]
    return Result(
        property=said["property"],
        family=said["family"],
        input_dtype=said["input_dtype"],
        parameter_dtype=said["parameter_dtype"],
        device=said["device"],
        status=said["status"],
        examples=int(said["examples"]),
        refused={str(reason): int(count) for reason, count in said["refused"]["reasons"].items()},
        worst_ratio=real(said["worst_ratio"]),
        without_power=float(said["without_power"]),
        resolution=None if resolution is None else (float(resolution["median"]), float(resolution["worst"])),
        resolution_by_rows=_by_rows(said["resolution_by_rows"]),
        ratio_by_rows=_by_rows(said.get("ratio_by_rows", {})),
        largest=(int(largest["rows"]), int(largest["channels"])),
        lived=(int(lived["settled"]), int(lived["unsettled"])),
        deviations=tuple(map(str, said["deviations"])),
        gone=tuple(map(str, said["gone"])),
        seconds=float(said["seconds"]),
        message=str(said["message"]),
    )


def _by_rows(said: Mapping[str, Any]) -> dict[int, float]:
    return {int(rows): float(value) for rows, value in said.items()}


def real(said: Any) -> float | None:
    """A number of JSON, where infinities and NaN are strings."""
    return None if said is None else float(said)
