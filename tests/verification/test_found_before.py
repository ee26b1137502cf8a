"""Databases of Hypothesis: what broke a rule in one run is tried first by the next, which says so."""

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from hypothesis.database import DirectoryBasedExampleDatabase

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.facts import Fact, Kind
from bn_reference.cases.recipe import Lattice, Recipe
from bn_reference.oracle.compare import fact
from bn_reference.reports.results import Violation
from bn_reference.verification.api import verify
from bn_reference.verification.arguments import UnusableArguments
from bn_reference.verification.found_before import FOUND, FoundBefore, found_before

RULE = "one_step_moves_the_running_mean"
FEW: dict[str, Any] = {"dtypes": ["float32"], "properties": [RULE], "timeout": 60.0}
CASE = Recipe(PAIRS[0], (2, 1, 1), Lattice((1, 2), 0, 0), 0, 1e-5, 0.1, True, True, False, "contiguous", "contiguous").realize()
BROKEN = Violation("broken", fact(False, Fact(Kind.WRITTEN, "x")), CASE)


class WrongForThreeChannels(torch.nn.BatchNorm1d):
    mended = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)
        if not self.mended and self.training and self.running_mean is not None and x.shape[1] == 3:
            self.running_mean.add_(1)
        return y


@pytest.fixture(autouse=True)
def scripts_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would take a process."""
    monkeypatch.setattr("bn_reference.reproduction.run.fails", lambda script, seconds, kind: True)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which a run of many examples has left what it found."""
    place = tmp_path_factory.mktemp("found")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("bn_reference.reproduction.run.fails", lambda script, seconds, kind: True)
        report = verify(WrongForThreeChannels, examples=60, database=[str(place)], **FEW)
    assert [FOUND in each.message for each in report.results if each.status == "violated"] == [False]
    return place


@pytest.fixture
def place(found: Path, tmp_path: Path) -> str:
    """One for each test."""
    return str(copytree(found, tmp_path / "found"))


def test_what_one_run_found_is_what_the_next_one_tries_first_and_it_says_so(place: str) -> None:
    alone = verify(WrongForThreeChannels, examples=1, seed=5, **FEW)
    after = verify(WrongForThreeChannels, examples=1, seed=5, database=[place], **FEW)

    assert alone.results[0].status == "passed"
    assert after.results[0].status == "violated"
    assert after.results[0].message.endswith(FOUND)
    assert after.causes[0].violation.case.x.shape[1] == 3
    assert after.options["database"] == [place]


def test_what_breaks_no_rule_any_more_is_forgotten(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as mended:
        mended.setattr(WrongForThreeChannels, "mended", True)
        kept = verify(WrongForThreeChannels, examples=1, seed=5, database=[place], **FEW)
    again = verify(WrongForThreeChannels, examples=1, seed=5, database=[place], **FEW)

    assert [kept.results[0].status, again.results[0].status] == ["passed", "passed"]
    assert kept.results[0].examples == again.results[0].examples + 1  # that of the database, beside the seed's


def test_a_case_comes_back_bit_for_bit_to_a_run_that_names_the_target_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found_before(["found"], str(tmp_path / "bn.py:Layer"), "cpu").keep(RULE, BROKEN)
    [read] = found_before([str(tmp_path / "found")], "bn.py:Layer", "cpu").cases(RULE, PAIRS[0])

    assert (repr(read), read.recipe) == (repr(CASE), CASE.recipe)
    assert not found_before(["found"], "bn.py:Other", "cpu").cases(RULE, PAIRS[0])


def test_what_was_not_tried_is_no_find(tmp_path: Path) -> None:
    found = FoundBefore((str(tmp_path),))
    found.keep(RULE, replace(BROKEN, found=fact(False, Fact(Kind.NOT_TRIED, "", 3))))
    found.keep(RULE, None)

    assert not found.has(RULE, CASE)


@pytest.mark.parametrize("value", [b"\xff", b"1", b'{"case": "exit()", "recipe": null}', b'{"case": "np.zeros(3)"}'])
def test_a_value_that_is_no_case_is_left_where_it_is(tmp_path: Path, value: bytes) -> None:
    found, key = FoundBefore((str(tmp_path),), "bn.py:Layer"), f"bn-reference bn.py:Layer cpu {RULE} {PAIRS[0]}".encode()
    found.keep(RULE, BROKEN)
    database = DirectoryBasedExampleDatabase(tmp_path)
    assert {json.loads(each)["case"] for each in database.fetch(key)} == {repr(CASE)}
    database.save(key, value)

    assert len(found.cases(RULE, PAIRS[0])) == 1
    assert value in set(database.fetch(key))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("github://owner", "database is github://owner, but must be github://OWNER/REPO"),
        ("sqlite://found", "database is sqlite://found, but must be a folder, redis://HOST:PORT or github://OWNER/REPO"),
        (f"{__file__}/found", r"database is .*/found, which cannot be made \(Not a directory\)"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused(place: str, said: str) -> None:
    with pytest.raises(UnusableArguments, match=said):
        verify("nowhere:Layer", database=[place])
