"""Targets that misbehave: their fault is told as theirs, in a sentence, and nothing passes for a verdict that is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bn_reference import Functional, UnusableTarget, verify
from bn_reference.targets.border import in_words
from bn_reference.targets.recognition import load_target

QUICK: Any = {"dtypes": ["float32"], "properties": ["evaluation_moves_nothing"], "examples": 2}


class OfItsOwn(BaseException):
    """No Exception, and unable to say itself."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def layer_that_raises(error: type[BaseException]) -> type[torch.nn.BatchNorm1d]:
    class Raises(torch.nn.BatchNorm1d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise error

    return Raises


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, OfItsOwn, StopIteration])
def test_whatever_a_layer_raises_is_a_violation(error: type[BaseException]) -> None:
    (result,) = verify(layer_that_raises(error), **QUICK).results

    assert result.message.startswith(f"forward raised {error.__name__} (")


class ReplacesAbs(torch.nn.BatchNorm1d):
    """With it every error is zero."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        np.abs = lambda x: 0 * x  # type: ignore[assignment]
        return 2 * super().forward(x)


def test_a_target_that_replaces_what_its_verdict_is_computed_with_is_unusable() -> None:
    before = np.abs

    with pytest.raises(UnusableTarget, match=r"ReplacesAbs changes numpy\.abs, on which a verdict on it would rest"):
        verify(ReplacesAbs, **QUICK)

    assert np.abs is before


@pytest.mark.parametrize("jobs", [1, 2])
def test_it_is_told_by_workers_too(jobs: int, tmp_path: Path) -> None:
    path = tmp_path / "replacing.py"
    path.write_text(
        "import builtins, torch\n"
        "class Replaces(torch.nn.BatchNorm1d):\n"
        "    def forward(self, x):\n"
        "        builtins.len = lambda x: 3\n"
        "        return super().forward(x)\n"
    )

    with pytest.raises(UnusableTarget, match=r"changes builtins\.len"):
        verify(f"{path}:Replaces", jobs=jobs, isolated=True, **QUICK)


@pytest.mark.parametrize("raised", ["SystemExit", "GeneratorExit", "Mute"])
def test_whatever_an_import_raises_is_a_sentence(raised: str, tmp_path: Path) -> None:
    path = tmp_path / "raising.py"
    path.write_text(f"class Mute(BaseException):\n    def __str__(self):\n        raise ValueError\nraise {raised}()\n")

    with pytest.raises(UnusableTarget, match=f"fails to import: {raised}; mend that first"):
        load_target(f"{path}:Layer")


def test_what_a_target_says_is_shown_on_one_line_in_letters_that_any_terminal_has() -> None:
    assert in_words(ValueError("red \x1b[31m\n\0 \ud800"), str) == r"red \x1b[31m \x00 \ud800"
    assert in_words(ValueError("much " * 99), str, 20) == "much much much mu..."


def test_conventions_that_are_none_are_a_sentence() -> None:
    class Odd(Functional):
        conventions = 5

        def forward(self, *given: Any) -> Any:
            return given

    with pytest.raises(UnusableTarget, match=r"conventions of .*Odd is 5, but must be bn_reference\.Conventions"):
        load_target(Odd)


def test_a_function_that_returns_no_array_is_told_in_words() -> None:
    def generates(x: Any, gamma: Any, beta: Any, bn_param: Any) -> Any:
        yield x

    with pytest.raises(UnusableTarget, match=r"NumPy arrays, y: not an array \(a generator, where an array of numbers"):
        load_target(generates)


def test_what_a_target_makes_of_the_errors_of_numpy_is_undone() -> None:
    class Raises(torch.nn.BatchNorm1d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            np.seterr(all="raise")
            return super().forward(x)

    before = np.geterr()

    assert verify(Raises, **QUICK).conforms
    assert np.geterr() == before


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="there are no forks here that are safe")
def test_a_child_that_goes_on_as_its_parent_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "forking.py"
    path.write_text(
        "import os, torch\n"
        "class Forks(torch.nn.BatchNorm1d):\n"
        "    def forward(self, x):\n"
        "        if not os.fork():\n"
        "            return 2 * super().forward(x)\n"
        "        return super().forward(x)\n"
    )

    report = verify(f"{path}:Forks", isolated=True, **QUICK)

    assert [result.status for result in report.results] == ["passed"]
