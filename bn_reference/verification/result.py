"""The result on one property, as its tally says."""

from __future__ import annotations

from bn_reference.arithmetic.precision import Pair
from bn_reference.reports.results import Result, Violation
from bn_reference.verification.tally import Tally

__all__ = ["result_of"]

SILENT = "no case was drawn of which the property speaks"


def result_of(tally: Tally, pair: Pair, device: str, violation: Violation | None, seconds: float) -> Result:
    """The verdict on the property in a pair of dtypes, after so many seconds; ``violation`` where it was broken."""
    deviations = tuple(deviation.sentence for deviation in tally.deviations.values())
    if violation is not None:
        status, message = "violated", violation.message
    elif tally.accepted:
        status, message = "accepted", f"{tally.accepted.total()} of {tally.examples} examples, as is accepted"
    elif tally.examples == 0:
        status, message = "unsupported", "; ".join(tally.refused) or SILENT
    elif tally.deviating:
        met = f"{tally.deviating} of {tally.examples} examples"
        status, message = "known deviation", f"{met}: {'; '.join(deviations)}"
    else:
        status, message = "passed", ""
    return Result(
        property=tally.property.name,
        family=tally.property.family,
        input_dtype=pair.input,
        parameter_dtype=pair.parameters,
        device=device,
        status=status,  # type: ignore[arg-type]
        examples=tally.examples,
        refused=dict(tally.refused),
        worst_ratio=tally.worst_ratio,
        without_power=tally.powerless / max(tally.examples, 1),
        resolution=tally.resolution(),
        resolution_by_rows=tally.resolution_by_rows() if tally.property.direct else {},
        ratio_by_rows=dict(sorted(tally.ratios_by_rows.items())) if tally.property.direct else {},
        largest=tally.largest,
        lived=(tally.lived, tally.unsettled),
        saw_y=tally.saw_y,
        deviations=deviations,
        accepted=dict(tally.accepted),
        survey=tally.survey,
        gone=tuple(deviation.sentence for deviation in tally.gone),
        seconds=seconds,
        message=message,
        violation=violation,
    )
