"""Each batch norm of the group breaks what `docs/findings.md` says of it, in these versions, and nothing else."""

import json
import os
from pathlib import Path

import pytest

from bn_reference import verify
from bn_reference.properties import PROPERTIES
from bn_reference.targets.frameworks.known import GROUPS

GROUP = os.environ["BN_FRAMEWORKS"]
BACKEND = os.environ.get("KERAS_BACKEND", "")
REPORTS = os.environ.get("BN_FRAMEWORKS_REPORTS")
EMPTY = {"empty_batch": "undefined"}  # statistics that a batch of no rows leaves as NaN

# What is found otherwise than the library declares.
CONVENTIONS: dict[str, dict[str, str]] = {
    "onnx.reference:BatchNormalization": {**EMPTY, "statistics": "input"},
    "onnxruntime:BatchNormalization(Y)": {},  # whose statistics are not seen
    "onnxruntime:BatchNormalization(inputs, Y)": {},
    "paddle.nn:BatchNorm1D": {},
}
# Those that compare what a training step gives, which is NaN where a variance in one pass comes out negative.
NAN = {property.name for property in PROPERTIES if property.family in ("normalization", "gradients")}
NAN |= {"every_layout_agrees_with_the_contiguous_one"}
# The rules that are broken in float32; which of them a few examples meet depends on what is drawn.
VIOLATED = {
    "equinox.nn:BatchNorm": {"a_fresh_layer_starts_neutral", "a_row_does_not_depend_on_its_companions"},
    "equinox.nn:BatchNorm(mode=ema)": {"a_row_does_not_depend_on_its_companions"},
    "haiku:BatchNorm": NAN,
    "keras.layers:BatchNormalization": NAN if BACKEND == "torch" else set(),
    "onnxruntime:BatchNormalization(Y)": {
        "a_constant_channel_gives_the_bias",
        "adding_a_constant_to_a_channel_changes_nothing",
        "negating_the_input_mirrors_the_output",
        "output_is_the_normalized_batch",
        "output_mean_is_the_bias",
        "output_variance_is_what_eps_leaves",
        "permuting_rows_permutes_the_output",
        "positions_are_rows",
        "scaling_by_powers_of_two_changes_no_bit",
        "stacking_the_batch_on_itself_changes_nothing",
    },
}


@pytest.mark.parametrize("target", GROUPS[GROUP])
def test_it_breaks_what_is_known_and_nothing_else(target: str) -> None:
    report = verify(target, dtypes=["float32"], examples=3, timeout=60.0).to_json()
    if REPORTS:
        name = "".join(letter if letter.isalnum() else "_" for letter in f"{target} {BACKEND}").strip("_")
        Path(REPORTS, f"{name}.json").write_text(json.dumps(report), encoding="utf-8")

    broken = {result["property"] for result in report["results"] if result["status"] == "violated"}
    known = VIOLATED.get(target, set())
    assert broken <= known
    assert bool(broken) == bool(known), "what was found is gone"
    assert report["conventions"]["differences"] == CONVENTIONS.get(target, EMPTY)
