"""Each batch norm of the group breaks what `docs/findings.md` says of it, in these versions, and nothing else."""

import json
import os
from pathlib import Path

import pytest

from bn_reference import verify
from bn_reference.targets.frameworks.known import GROUPS

GROUP = os.environ["BN_FRAMEWORKS"]
BACKEND = os.environ.get("KERAS_BACKEND", "")
REPORTS = os.environ.get("BN_FRAMEWORKS_REPORTS")
EMPTY = {"empty_batch": "undefined"}  # statistics that a batch of no rows leaves as NaN

# What is found otherwise than the library declares, and the rules that are broken, in float32 and float64.
CONVENTIONS = {
    "paddle.nn:BatchNorm1D": {},
    "onnx.reference:BatchNormalization": EMPTY,
}
VIOLATED: dict[str, set[str]] = {}


@pytest.mark.parametrize("target", GROUPS[GROUP])
def test_it_breaks_what_is_known_and_nothing_else(target: str) -> None:
    report = verify(target, dtypes=["float32", "float64"], examples=5)
    if REPORTS:
        name = "".join(letter if letter.isalnum() else "_" for letter in f"{target} {BACKEND}").strip("_")
        Path(REPORTS, f"{name}.json").write_text(json.dumps(report.to_json()), encoding="utf-8")

    broken = {result.property for result in report.results if result.status == "violated"}
    found = report.to_json()["conventions"]["differences"]
    assert broken - {"bad_input_is_refused"} == VIOLATED.get(target, set())
    assert found == CONVENTIONS.get(target, EMPTY)
