"""The line that says what a target takes: once, at the top of a report."""

from typing import Any

import pytest

from bn_reference.reports.abilities import say_capabilities

SAID = [
    ({}, []),
    ({"gradients": False, "counter": False}, ["it cannot be asked for: gradients in training, the number of batches"]),
    (
        {"domain": {"dimensions": (2,), "pairs": ("float32/float32",), "eps": 1e-5}, "evaluation_gradients": False},
        ["takes (N, C) float32, eps fixed at 1e-05, no gradients in eval"],
    ),
    (
        {"domain": {"pairs": ("float16/float32", "float64/float64"), "momentum": (0.25, None)}, "counter": False},
        [
            "takes (N, C) and (N, C, L) float16 with float32 parameters and float64, momentum among 0.25, None, "
            "no number of batches"
        ],
    ),
    (
        {"domain": {"channels": 8, "layouts": False, "affine": (True,)}, "not_affine": False},
        ["takes (N, C) and (N, C, L), always weight and bias, channels in multiples of 8, contiguous inputs alone"],
    ),
    (
        {"domain": {"tracks": (False,), "starts": False}, "statistics": False, "counter": False, "held": False},
        ["takes (N, C) and (N, C, L), no running statistics, parameters and state as a new layer has them"],
    ),
    ({"domain": {"channels": 16, "most_channels": 16}}, ["takes (N, C) and (N, C, L), 16 channels"]),
    ({"form": "plain class", "notes": ("a note",)}, ["called as: plain class", "a note"]),
]


@pytest.mark.parametrize(("capabilities", "lines"), SAID)
def test_what_it_takes_is_one_line(capabilities: dict[str, Any], lines: list[str]) -> None:
    assert say_capabilities("somewhere:Layer", capabilities) == lines
