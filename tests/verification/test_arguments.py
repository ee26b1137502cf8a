"""What ``verify`` cannot use is refused in one sentence, before anything is loaded."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bn_reference import BatchNorm1d, verify
from bn_reference.targets.protocol import UnusableTarget
from bn_reference.verification.selection import UnusableArguments

A_LIST = "but must be a list of names, or None for all; pass"
NAMES = "in it, but must be a list of names, which are strings; pass"
ONE_AT_LEAST = "but must be a list of one name at least, or None for all; pass"
HUNDRED = "but must be a whole number between 1 and 10,000,000; pass 100, for example"
SEED = "but must be a whole number between 0 and 2^64 - 1; pass 0, for example"
JOBS = "but must be a whole number between 1 and 1,024; pass 1, or one for each core"
SECONDS = "but must be a number of seconds between 0.001 and 1,000,000; pass 10, for example"
A_PATH = "but must be a path; pass that of a recording, or '' for drawn cases"


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("dtypes", "float32", "is 'float32', but must be a list of names; pass ['float32']"),
        ("dtypes", 3, f"is 3, {A_LIST} ['float32'], for example"),
        ("dtypes", b"float32", f"is b'float32', {A_LIST} ['float32'], for example"),
        ("dtypes", [3], f"has 3 {NAMES} ['float32'], for example"),
        ("dtypes", [np.float32], f"has <class 'numpy.float32'> {NAMES} ['float32'], for example"),
        ("dtypes", [], f"is [], {ONE_AT_LEAST} ['float32'], for example"),
        ("properties", "running", "is 'running', but must be a list of names; pass ['running']"),
        ("properties", (), f"is (), {ONE_AT_LEAST} ['running'], for example"),
        ("properties", [None], f"has None {NAMES} ['running'], for example"),
        ("examples", "10", f"is '10', {HUNDRED}"),
        ("examples", 2.5, f"is 2.5, {HUNDRED}"),
        ("examples", 10**30, f"is {10**30}, {HUNDRED}"),
        ("seed", 1.5, f"is 1.5, {SEED}"),
        ("seed", None, f"is None, {SEED}"),
        ("jobs", True, f"is True, {JOBS}"),
        ("jobs", 0, f"is 0, {JOBS}"),
        ("timeout", "x", f"is 'x', {SECONDS}"),
        ("timeout", float("inf"), f"is inf, {SECONDS}"),
        ("timeout", float("nan"), f"is nan, {SECONDS}"),
        ("timeout", 1e-9, f"is 1e-09, {SECONDS}"),
        ("device", None, "is None, but must be a string; pass 'cpu' or 'cuda', for example"),
        ("fail_fast", "no", "is 'no', but must be True or False; pass one of them"),
        ("isolated", 1, "is 1, but must be True or False; pass one of them"),
        ("recording", 3, f"is 3, {A_PATH}"),
        ("recording", b"x.npz", f"is b'x.npz', {A_PATH}"),
        ("listener", 3, "is 3, but must be a function that takes an event; pass one, or None"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(argument: str, value: Any, said: str) -> None:
    with pytest.raises(UnusableArguments) as refused:
        verify("no_such_module:Layer", **{argument: value})

    assert str(refused.value) == f"{argument} {said}"


def test_a_value_that_is_long_is_cut() -> None:
    with pytest.raises(UnusableArguments, match=r"^device is \['aaaaa.*aaa\.\.\., but must be a string"):
        verify(device=["a" * 1000])  # type: ignore[arg-type]


MUST = "but must be module:attribute or path/to/file.py:attribute, or what that names; pass 'torch.nn:BatchNorm1d', say"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (None, f"the target is None, {MUST}"),
        (3, f"the target is 3, {MUST}"),
        (Path("layer.py"), f"the target is PosixPath('layer.py'), {MUST}"),
        (
            torch.nn.BatchNorm1d(3),
            "the target is a layer already, but must be what builds layers; pass its class",
        ),
        (
            BatchNorm1d(3),
            "the target is a layer already, but must be what builds layers; pass its class",
        ),
    ],
    ids=["None", "a number", "a path", "torch's layer", "a NumPy layer"],
)
def test_a_target_that_builds_nothing_is_refused(target: object, said: str) -> None:
    with pytest.raises(UnusableTarget) as refused:
        verify(target)

    assert str(refused.value) == said


def test_numbers_of_numpy_and_iterators_are_welcome() -> None:
    report = verify(
        dtypes=iter(["float32"]), properties={"evaluation_moves_nothing"}, examples=np.int64(2), timeout=np.float32(5), seed=0
    )

    assert report.conforms
