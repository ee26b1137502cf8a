"""Arrays of any framework: the same numbers come back, whatever holds them."""

import ml_dtypes
import numpy as np
import pytest
import torch

from bn_reference.targets.arrays import numpy_of
from bn_reference.targets.protocol import Misbehaviour

NUMBERS = [1.5, -2.0, 0.25]


class ByMethod:
    def numpy(self) -> object:
        return np.array(NUMBERS, np.float32)


class ByDLPack:
    def __init__(self) -> None:
        self._array = np.array(NUMBERS, np.float32)

    def __dlpack__(self, **options: object) -> object:
        return self._array.__dlpack__(**options)  # type: ignore[arg-type]

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()


class Late:
    """A framework that computes when it is asked for the numbers."""

    def numpy(self) -> object:
        raise RuntimeError("out of memory")


@pytest.mark.parametrize(
    "value",
    [np.array(NUMBERS, np.float32), torch.tensor(NUMBERS), ByMethod(), ByDLPack()],
    ids=["numpy", "torch", "own", "dlpack"],
)
def test_numbers_come_back(value: object) -> None:
    array = numpy_of(value, "y")

    assert array.tolist() == NUMBERS
    assert array.dtype == np.float32


def test_bfloat16_stays_bfloat16() -> None:
    assert numpy_of(torch.tensor(NUMBERS, dtype=torch.bfloat16), "y").dtype == ml_dtypes.bfloat16
    assert numpy_of(torch.tensor(NUMBERS, dtype=torch.bfloat16), "y").tolist() == NUMBERS


def test_what_is_recorded_can_be_read() -> None:
    assert numpy_of(torch.tensor(NUMBERS, requires_grad=True), "y").tolist() == NUMBERS


def test_nothing_is_shared() -> None:
    tensor = torch.tensor(NUMBERS)
    array = numpy_of(tensor, "y")
    tensor.zero_()

    assert array.tolist() == NUMBERS


@pytest.mark.parametrize("value", [None, [1.0], "y", object()])
def test_what_is_no_array_is_said_to_be_none(value: object) -> None:
    with pytest.raises(Misbehaviour) as caught:
        numpy_of(value, "y")
    assert caught.value.fact.what == "y"


def test_what_a_framework_raises_stays_its_own() -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        numpy_of(Late(), "y")
