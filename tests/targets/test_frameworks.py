"""Batch norms of other frameworks by their names, none of which has to be installed here; `tests/frameworks` verifies them."""

from pathlib import Path

import numpy as np
import pytest

from bn_reference import Functional, UnusableTarget
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.layouts import place
from bn_reference.conventions import LIBRARIES
from bn_reference.reproduction.reproducer import _target
from bn_reference.targets import frameworks
from bn_reference.targets.frameworks import known
from bn_reference.targets.frameworks.weights import EXACT, OLD
from bn_reference.targets.recognition import load_target
from bn_reference.targets.watched import Watched
from bn_reference.verification.demand import demand_of

FOLDER = Path(frameworks.__file__).parent


@pytest.mark.parametrize("name", known.KNOWN)
def test_a_framework_that_is_not_there_is_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "find_spec", lambda package: None)

    with pytest.raises(UnusableTarget, match=r"there is no module '\w+'; pip install [\w'\[\] -]+$"):
        load_target(name)


def test_a_framework_that_fails_to_import_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(known.KNOWN, "m:C", known.Known("not_there", "C", {"sys": "m"}))

    with pytest.raises(UnusableTarget, match="m:C fails to import: ModuleNotFoundError"):
        load_target("m:C")


@pytest.mark.parametrize("file", sorted(FOLDER.glob("of_*.py")), ids=lambda file: file.stem)
def test_each_adapter_is_short(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if line.strip()]

    assert len(lines) <= 47


@pytest.mark.parametrize("name", known.KNOWN)
def test_each_adapter_is_where_it_is_said_to_be(name: str) -> None:
    text = (FOLDER / f"{known.KNOWN[name].module}.py").read_text()

    assert f"class {known.KNOWN[name].attribute}(" in text or f"\n{known.KNOWN[name].attribute} = " in text


def test_one_less_a_weight_of_the_old_is_the_weight_of_the_new() -> None:
    assert all(1 - (1 - momentum) == momentum for momentum in (*OLD, *EXACT))


def test_a_script_names_the_target_as_it_was_named() -> None:
    assert (
        _target("onnxruntime:BatchNormalization(inputs, Y)").strip() == "Target = 'onnxruntime:BatchNormalization(inputs, Y)'"
    )


class Declared(Functional):
    name = "declared"
    conventions = LIBRARIES["keras"]

    def forward(self, *arguments):  # type: ignore[no-untyped-def]
        return arguments[0]


def test_what_an_adapter_declares_is_demanded() -> None:
    assert demand_of(None).of(Watched(load_target(Declared))).conventions == LIBRARIES["keras"]


class Counting(Functional):
    name = "counting"

    def forward(self, x, weight, bias, mean, var, training, eps, momentum):  # type: ignore[no-untyped-def]
        return x + self.batches, mean, var


def test_forward_knows_how_many_batches_the_statistics_have_seen() -> None:
    x, vector = np.zeros((2, 3), np.float32), np.ones(3, np.float32)
    case = Case(PAIRS[0], x, x, vector, vector, vector, vector, batches=7)
    session = Counting().open(case)

    seen = [session.forward(place(x, "contiguous"), training=training).y[0, 0] for training in (False, True, True, False)]

    assert seen == [7, 7, 8, 9]
