"""Violations of targets in a folder, which is the working directory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.properties import PROPERTIES
from bn_reference.reports.results import Violation
from bn_reference.targets.recognition import load_target
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

BY_NAME = {property.name: property for property in PROPERTIES}

Violated = Callable[..., Violation]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def violated(folder: Path) -> Violated:
    """How a target, whose source is written to its file, breaks a property."""

    def violation_of(target: str, source: str, property: str, pair: Pair = PAIRS[0], *, examples: int = 10) -> Violation:
        (folder / target.partition(":")[0]).write_text(source)
        judge = Judge(load_target(target), Budget(examples=examples, timeout=60.0), spec=target)
        violation = judge.check(BY_NAME[property], pair).violation
        assert violation is not None
        return violation

    return violation_of
