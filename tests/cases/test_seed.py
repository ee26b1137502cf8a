"""The seed alone determines the cases: what else is loaded, a target whose source is full of numbers say, changes none."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bn_reference.cases.recording import Batch, Recording, write_recording

DRAW = """
import sys
sys.path.insert(0, {folder!r})
{first}
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.recorded import recorded_cases
from bn_reference.cases.strategies import cases
from bn_reference.verification.draw import search

search({strategy}, "key", lambda case: print(case.recipe), 200)
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """One batch of more channels than Hypothesis has small numbers for."""
    rng, channels = np.random.default_rng(0), 400
    x, grad_y = rng.standard_normal((2, 8, channels)).astype(np.float32)
    vectors = rng.random((4, channels)).astype(np.float32)
    write_recording(tmp_path / "wide.npz", Recording("wide", (Batch("one", x, grad_y, *vectors, 1, 1e-5, 0.1),)))
    return tmp_path / "wide.npz"


def drawn(folder: Path, strategy: str, first: str = "") -> list[str]:
    """The recipes that another process draws after it has run ``first``."""
    code = DRAW.format(folder=str(folder), first=first, strategy=strategy)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("source", ["cases(PAIRS[0])", "recorded_cases({recording!r}, PAIRS[0])"], ids=["drawn", "recorded"])
def test_numbers_in_the_source_of_loaded_modules_change_no_case(source: str, recording: Path, tmp_path: Path) -> None:
    numbers = [*range(1, 700), *(10**digits for digits in range(3, 10))]
    (tmp_path / "full_of_numbers.py").write_text(f"NUMBERS = {numbers}\n")
    strategy = source.format(recording=str(recording))

    alone = drawn(tmp_path, strategy)

    assert len(alone) == 200
    assert drawn(tmp_path, strategy, "import full_of_numbers") == alone
