"""Arrays as code have the same bits, and are as short as they can be read."""

import math

import ml_dtypes
import numpy as np
import pytest
import torch

from bn_reference.cases.case import Array
from bn_reference.cases.code import array_code


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 3, 64, 65, 3000])
@pytest.mark.parametrize("library", ["torch", "numpy"])
@pytest.mark.parametrize("width", [None, 110])
def test_an_array_as_code_has_the_same_bits(dtype: type, size: int, library: str, width: int | None) -> None:
    array = np.random.default_rng(size).standard_normal(size).astype(dtype)
    array[: size // 3] = [math.inf, -0.0, -math.inf, 1e-8, math.nan][size % 5]

    value = eval(array_code(array, library, width), {"np": np, "torch": torch, "ml_dtypes": ml_dtypes})  # type: ignore[arg-type]

    assert tuple(value.shape) == array.shape
    assert bits(value) == array.tobytes()


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize("library", ["torch", "numpy"])
@pytest.mark.parametrize("kind", ["zeros but for a few numbers", "a negative zero", "a NaN", "a piece again and again"])
def test_an_array_of_a_million_numbers_that_follow_from_a_few_is_short_and_has_the_same_bits(
    dtype: type, library: str, kind: str
) -> None:
    array = np.zeros((1_000_003, 1), dtype)
    array[[0, 500_000, -1], 0] = {"a negative zero": -0.0, "a NaN": math.nan}.get(kind, 1024.0)
    if kind == "a piece again and again":
        array = np.resize(np.arange(-29, 30).astype(dtype), (3, 65_537, 1))

    code = array_code(array, library, 110)  # type: ignore[arg-type]
    value = eval(code, {"np": np, "torch": torch, "ml_dtypes": ml_dtypes})

    assert len(code) < 1000 or (library, kind) == ("numpy", "a negative zero")
    assert tuple(value.shape) == array.shape
    assert bits(value) == array.tobytes()


def bits(value: Array | torch.Tensor) -> bytes:
    if not isinstance(value, torch.Tensor):
        return value.tobytes()
    return value.view(torch.int16).numpy().tobytes() if value.dtype == torch.bfloat16 else value.numpy().tobytes()


def test_a_nan_keeps_its_payload() -> None:
    array = np.array([0x7FC00001, 0xFFC00000], np.uint32).view(np.float32)

    assert eval(array_code(array), {"np": np}).tobytes() == array.tobytes()


def test_a_single_is_written_with_the_fewest_digits() -> None:
    assert array_code(np.array([0.1], np.float32)) == "np.array([0.1], np.float32)"
    assert array_code(np.array([np.float32(0.1)], np.float64)) == "np.array([0.10000000149011612], np.float64)"
