"""The history of faults is well declared, its witnesses are witnesses, and the page says what became of each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.history.declaration import Recent, Report, name_of
from bn_reference.power.history.earlier import EARLIER
from bn_reference.power.history.page import Fate, lines
from bn_reference.power.history.recent import RECENT
from bn_reference.power.mutants.catalogue import MUTANTS
from bn_reference.power.score import CONVENTIONS
from bn_reference.properties import PROPERTIES
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}
MEASURED_FIRST = "by the conventions that are measured first"
MOMENTUM_ONE = "momentum_one_shows_the_batch_statistics"
PAGE = Path(__file__).parents[2] / "docs" / "history.md"
LINK = re.compile(r"https://(github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+|discuss\.pytorch\.org/t/\d+)")

each_report = pytest.mark.parametrize("report", [*EARLIER, *RECENT], ids=lambda report: name_of(report.links[0]))
each_recent = pytest.mark.parametrize("recent", RECENT, ids=lambda recent: name_of(recent.links[0]))


def broken_on_the_witness(recent: Recent, layer: type[CleanBatchNorm1d]) -> str:
    [rule] = [property for property in PROPERTIES if property.name == recent.rule]
    case = recent.witness()
    judge = Judge(TorchImplementation(layer, layer.__name__), Budget(case=case))
    return judge.broken([rule], case.pair)[recent.rule]


@each_report
def test_a_report_is_a_link_and_names_a_mutant(report: Report) -> None:
    assert report.mutant in BY_NAME
    assert report.links
    assert all(LINK.fullmatch(link) for link in report.links)


def test_no_report_stands_twice() -> None:
    links = [link for report in (*EARLIER, *RECENT) for link in report.links]

    assert sorted(set(links)) == sorted(links)


@each_recent
def test_a_recent_report_says_when_and_what(recent: Recent) -> None:
    assert re.fullmatch(r"202[56]-(0[1-9]|1[0-2])", recent.month)
    assert re.fullmatch(r"[^|]*[^|.]", recent.told)


@each_recent
def test_a_witness_shows_its_layer_to_be_wrong(recent: Recent) -> None:
    assert broken_on_the_witness(recent, BY_NAME[recent.mutant].factory)


@each_recent
def test_a_witness_says_nothing_of_a_right_layer(recent: Recent) -> None:
    assert not broken_on_the_witness(recent, CleanBatchNorm1d)


def told_on_the_page(row: str) -> Fate:
    """What a row of the page says in its last two cells."""
    falls, said = (cell.strip() for cell in row.split("|")[-3:-1])
    pair, rule, example = (*falls.split(", "), "")[:3]
    sentences = () if said in ("silent", "wrong") else (said,)
    truth = "right" if sentences else said
    if rule == MEASURED_FIRST:
        return Fate(pair, CONVENTIONS, None, sentences, truth)
    return Fate(pair, rule, int(example.removeprefix("example ")), sentences, truth)


def test_the_page_is_what_is_written_of_its_rows() -> None:
    page = PAGE.read_text(encoding="utf-8").splitlines()
    rows = {report.mutant: next(row for row in page if f"| {report.mutant} |" in row) for report in (*EARLIER, *RECENT)}

    assert list(lines({mutant: told_on_the_page(row) for mutant, row in rows.items()})) == page


def test_what_survives_and_what_is_said_of_the_rest_is_told() -> None:
    found = {report.mutant: Fate("", "", None, (), "silent") for report in (*EARLIER, *RECENT)}
    found["eps_stored"] = Fate("float32/float32", MOMENTUM_ONE, 2, ("eps is stored",), "right")

    page = list(lines(found))

    assert sum("| survives | silent |" in line for line in page) == len(EARLIER) + len(RECENT) - 1
    assert any(
        line.endswith("| float32/float32, momentum_one_shows_the_batch_statistics, example 2 | eps is stored |")
        for line in page
    )
