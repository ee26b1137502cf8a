"""What is timed, and how many bytes it is charged with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn_reference.benchmarks.operations import OPERATIONS, Setting
from bn_reference.benchmarks.plan import default_plan, full_plan, selected

SETTINGS = st.builds(
    Setting,
    st.sampled_from(OPERATIONS),
    st.tuples(st.integers(1, 50), st.integers(1, 50)) | st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from(["float16", "bfloat16", "float32", "float64"]),
)


@pytest.mark.parametrize(
    ("operation", "dtype", "expected"),
    [
        ("train forward", "float32", 2 * 30 * 4 + 6 * 3 * 4),  # x, y; gamma, beta, both statistics in and out
        ("train forward+backward", "float32", 5 * 30 * 4 + 8 * 3 * 4),  # and x, dy, dx; dgamma, dbeta
        ("eval forward", "float64", 2 * 30 * 8 + 4 * 3 * 8),
        ("eval forward", "bfloat16", 2 * 30 * 2 + 4 * 3 * 4),  # parameters are float32
    ],
)
def test_bytes_are_those_that_cannot_be_avoided(operation: str, dtype: str, expected: int) -> None:
    assert Setting(operation, (10, 3), dtype).bytes == expected
    assert Setting(operation, (2, 3, 5), dtype).bytes == expected


@given(SETTINGS)
def test_a_backward_pass_moves_more_than_a_forward_pass_and_eval_less(setting: Setting) -> None:
    train, backward, evaluation = (setting.but(operation=operation).bytes for operation in OPERATIONS)
    assert evaluation < train < backward


def test_a_plan_has_every_operation_in_every_setting_once() -> None:
    for plan in (default_plan(), full_plan()):
        assert len(plan) == len(set(plan))
        by_operation = [{setting.but(operation="") for setting in plan if setting.operation == name} for name in OPERATIONS]
        assert by_operation[0] == by_operation[1] == by_operation[2]


def test_the_default_plan_varies_all_there_is() -> None:
    plan = default_plan()
    assert {setting.dtype for setting in plan} == {"float16", "bfloat16", "float32", "float64"}
    assert {setting.layout for setting in plan} == {"contiguous", "transposed"}
    assert {setting.cache for setting in plan} == {"warm", "cold"}
    assert {setting.threads for setting in plan} == {1, 2}
    assert {len(setting.shape) for setting in plan} == {2, 3}


def test_the_full_plan_reaches_256_megabytes() -> None:
    assert max(setting.bytes for setting in full_plan() if setting.operation == "eval forward") > 2 * 256 * 2**20


def test_a_selection_is_every_combination_of_what_was_asked_for() -> None:
    chosen = selected(["eval forward"], [(8, 2), (4, 2)], ["float64", "float32"], [], [], [])
    assert chosen == [Setting("eval forward", shape, dtype) for shape in ((8, 2), (4, 2)) for dtype in ("float64", "float32")]
    assert len(selected([], [(8, 2)], [], [], [], [])) == len(OPERATIONS)
