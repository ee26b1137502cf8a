"""Each batch norm of the group conforms but for what `docs/findings.md` says of it, in these versions."""

import json
import os
from pathlib import Path

import pytest

from bn_reference import verify
from bn_reference.properties.deviations import DEVIATIONS
from bn_reference.targets.frameworks.known import GROUPS

GROUP = os.environ["BN_FRAMEWORKS"]
BACKEND = os.environ.get("KERAS_BACKEND", "")
REPORTS = os.environ.get("BN_FRAMEWORKS_REPORTS")
# The known deviations that a few examples meet for certain: each has a witness, or is a convention that is measured.
NAN, ROWS = "negative variance", "rows by XLA"
MET = {
    "equinox.nn:BatchNorm": {"variance from one", ROWS},
    "equinox.nn:BatchNorm(mode=ema)": {ROWS},
    "haiku:BatchNorm": {NAN},
    "keras.layers:BatchNormalization": {NAN} if BACKEND == "torch" else set(),
    "onnxruntime:BatchNormalization(Y)": {"merged initializers"},
    "onnxruntime:BatchNormalization(inputs, Y)": {"fed statistics"},
}
HARMLESS = {  # of an empty batch, or its statistics are not seen
    "onnxruntime:BatchNormalization(Y)",
    "onnxruntime:BatchNormalization(inputs, Y)",
    "paddle.nn:BatchNorm1D",
}


@pytest.mark.parametrize("target", GROUPS[GROUP])
def test_it_conforms_but_for_known_deviations_which_are_still_there(target: str) -> None:
    report = verify(target, dtypes=["float32"], examples=3, timeout=60.0)
    if REPORTS:
        name = "".join(letter if letter.isalnum() else "_" for letter in f"{target} {BACKEND}").strip("_")
        Path(REPORTS, f"{name}.json").write_text(json.dumps(report.to_json()), encoding="utf-8")

    assert report.conforms, str(report)
    met = {name for result in report.results for name in result.deviations}
    reasons = {deviation.name for deviation in DEVIATIONS if any(deviation.reason in sentence for sentence in met)}
    assert MET.get(target, set()) <= reasons, "what was found is gone: narrow gone_in to the versions that have it"
    empty = any("no rows" in note for note in report.capabilities["notes"])
    assert empty == (target not in HARMLESS), "what an empty batch leaves is another thing now"
