"""What everything is computed with is noticed where it is another, and put back."""

import sys
import time

import numpy as np
import pytest

from bn_reference.support.originals import Originals


def test_what_is_as_it_was_is_not_named() -> None:
    assert Originals().put_back() == []


def test_what_was_replaced_is_named_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    originals, before = Originals(), time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)

    assert originals.put_back() == ["time.monotonic"]
    assert time.monotonic is before


def test_what_nothing_is_computed_with_may_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    originals = Originals()
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(np, "bool_", bool)

    assert originals.put_back() == []


def test_what_was_removed_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    originals = Originals()
    monkeypatch.delattr(time, "monotonic")

    assert originals.put_back() == ["time.monotonic"]
    assert time.monotonic() > 0


def test_a_lower_recursion_limit_is_put_back() -> None:
    originals, before = Originals(), sys.getrecursionlimit()
    sys.setrecursionlimit(before - 1)

    assert originals.put_back() == ["the recursion limit"]
    assert sys.getrecursionlimit() == before


def test_what_numbers_of_torch_come_through_is_relied_on_once_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    originals, grad = Originals(), torch.autograd.grad
    originals.know_torch()
    assert originals.put_back() == []

    monkeypatch.setattr(torch.Tensor, "numpy", lambda self: None)
    monkeypatch.setattr(torch.autograd, "grad", None)

    assert sorted(originals.put_back()) == ["torch.Tensor.numpy", "torch.autograd.grad"]
    assert torch.autograd.grad is grad
