"""A cause of a report is run again on its very case, and says whether it still fails."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from bn_reference import verify
from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.sizes import large_recipes
from bn_reference.conventions import TORCH
from bn_reference.reports.difference import UnusableReport
from bn_reference.reports.schema import schema
from bn_reference.verification.demand import Demand, demand_of
from bn_reference.verification.replay import replay, replayable

LAYERS = """
import os

import torch


class Right(torch.nn.BatchNorm1d):
    pass


class Scaled(torch.nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x) * 1.01


class AfterTraining(torch.nn.BatchNorm1d):
    def forward(self, x):
        y = super().forward(x) * (1.01 if hasattr(self, "trained") and self.training else 1.0)
        self.trained = self.training or hasattr(self, "trained")
        return y


class Tall(torch.nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x) * (1.01 if x.numel() // x.shape[1] > 8000 else 1.0)


class Exits(torch.nn.BatchNorm1d):
    def forward(self, x):
        os._exit(3)
"""
RULE = "output_is_the_normalized_batch"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layers.py").write_text(LAYERS)
    return tmp_path


def reported(layer: str, **options: Any) -> Path:
    """The path of a report on a layer."""
    given = {"dtypes": ["float32"], "properties": [RULE], "examples": 10, "jobs": 2, "timeout": 5}
    report = verify(f"layers.py:{layer}", **{**given, **options})
    path = Path(f"{layer}.json")
    path.write_text(json.dumps(report.to_json()))
    validate(report.to_json(), schema())
    return path


@pytest.mark.parametrize("layer", ["Scaled", "AfterTraining", "Tall", "Exits"])
def test_what_fails_fails_again_on_its_case_and_no_more_once_it_is_mended(folder: Path, layer: str) -> None:
    path = reported(layer)
    [cause] = json.loads(path.read_text())["causes"]
    chosen = replayable(path, 1)
    again = replay(chosen)

    assert repr(chosen.budget.case) == cause["case"]
    assert again.cause is not None
    assert cause["cause"].startswith(again.cause.violation.message)  # of a large case the report knows more
    assert again.cause.violation.diagnosis == cause["explanation"]
    mended_layer = f"\n\nclass {layer}(Right):\n    pass\n"
    (folder / "layers.py").write_text(LAYERS.replace(f"class {layer}", "class Wrong") + mended_layer)
    mended = replay(replayable(path, 1))
    assert (mended.cause, mended.result.status, mended.result.examples) == (None, "passed", 1)


REPORT = {"schema": 2, "target": "layers.py:Right", "results": [], "options": {}}
CAUSE = {"cause": "it is so", "properties": [RULE], "pairs": ["float32/float32"], "case": None}
LARGE = next(iter(large_recipes(PAIRS[0])))


@pytest.mark.parametrize(
    ("asked", "demand"),
    [
        ("auto", demand_of("auto")),
        (TORCH.to_json(), Demand()),  # where the target may declare others
        (TORCH.but(running_variance="biased").to_json(), demand_of("running_variance=biased")),
    ],
)
def test_it_is_held_to_what_it_was_held_to_on_a_case_that_has_what_it_was_made_of(
    folder: Path, asked: Any, demand: Demand
) -> None:
    cause = {**CAUSE, "case": repr(LARGE.realize()), "recipe": repr(LARGE)}
    Path("found.json").write_text(json.dumps({**REPORT, "options": {"conventions": asked}, "causes": [cause]}))
    budget = replayable(Path("found.json"), 1).budget

    assert budget.demand == demand
    assert budget.case is not None
    assert (budget.case.recipe, repr(budget.case)) == (LARGE, repr(LARGE.realize()))


@pytest.mark.parametrize(
    ("causes", "number", "said"),
    [
        ([], 1, "the report found.json has 0 causes, and 1 is none of them; there is nothing to run again"),
        ([CAUSE], 2, "the report found.json has 1 cause, and 2 is none of them; give one from 1 to 1"),
        ([CAUSE], 0, "the report found.json has 1 cause, and 0 is none of them; give one from 1 to 1"),
        ([CAUSE], 1, "found.json#1 has no case that could be run again (it is so); give the number of a cause that has one"),
        (
            [{**CAUSE, "case": "open(1)"}],
            1,
            "the case of found.json#1 calls open, which no case does, but it must be one that this version of bn-reference "
            "writes; verify the target anew",
        ),
    ],
)
def test_a_report_without_such_a_cause_is_refused(folder: Path, causes: list[Any], number: int, said: str) -> None:
    Path("found.json").write_text(json.dumps({**REPORT, "causes": causes}))

    with pytest.raises(UnusableReport) as refused:
        replayable(Path("found.json"), number)

    assert str(refused.value) == said
