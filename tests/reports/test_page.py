"""The page of HTML: it is well formed, loads nothing, takes nothing for markup, and has every rule and every cause."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made import CASE, OTHER, SCRIPT, WORST, cause, report, result, violated
from made import SHOWN as SLIP
from pages import LOADING, SHOWN, Page, digest, elements, hostile, many, page_of, plain

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.facts import Fact, Kind
from bn_reference.conventions import TORCH
from bn_reference.oracle.compare import fact
from bn_reference.reports.page.content import UnreadableReport
from bn_reference.reports.page.page import as_page
from bn_reference.reports.report import Report
from bn_reference.reports.results import Violation

REPORTS = {
    "conforms": plain(),
    "one slip": report(violated(), result(OTHER), causes=(cause(violated(), reproducer_fails=True),)),
    "many slips": many(9),
    "hostile": hostile(),
    "interrupted": report(result(), interrupted=True),
    "empty": report(),
}


@pytest.fixture(params=list(REPORTS))
def page(request: pytest.FixtureRequest) -> Page:
    return page_of(REPORTS[request.param])


def test_every_element_is_closed_and_every_id_is_there_once(page: Page) -> None:
    named = page.all("article") + page.all("section") + page.all("th")
    ids = [each.attributes["id"] for each in named if "id" in each.attributes]

    assert page.declarations == ["DOCTYPE html"]
    assert len(ids) == len(set(ids))
    assert {link.attributes["href"][1:] for link in page.all("a") if link.attributes["href"].startswith("#")} <= set(ids)


def test_nothing_is_loaded_and_nothing_but_its_own_script_is_run(page: Page) -> None:
    every = [each for name in names(page) for each in page.all(name)]
    style, script = page.one("style"), page.one("script")
    [policy] = [meta.attributes["content"] for meta in page.all("meta") if "http-equiv" in meta.attributes]

    assert names(page).isdisjoint(
        {"img", "link", "iframe", "object", "embed", "base", "form", "image", "use", "video", "audio"}
    )
    assert [each for each in every if LOADING & set(each.attributes)] == []
    assert [each for each in every if any(name.startswith("on") for name in each.attributes)] == []
    assert [each for each in every if "href" in each.attributes and each.name != "a"] == []
    assert all(link.attributes["href"].startswith(("#", "https://", "http://")) for link in page.all("a"))
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert policy.startswith(f"default-src 'none'; style-src {digest(style.text)}; script-src {digest(script.text)}")


def names(page: Page) -> set[str]:
    found, left = set(), [page.root]
    while left:
        each = left.pop()
        found.add(each.name)
        left += each.children
    return found - {""}


def test_what_a_target_says_is_text_wherever_it_is_said() -> None:
    page = page_of(hostile())
    [script] = [code for code in page.section("causes").all("code") if SCRIPT in code.text]

    assert SHOWN in next(page.one("head").all("title")).text
    assert page.one("h1").text.startswith(SHOWN)
    assert SHOWN in page.one("p", "note").text
    assert [each.text for each in page.all("p", "found")][-1] == SHOWN
    assert script.text == SHOWN + SCRIPT
    assert [each.attributes["title"] for each in page.all("td", "unsupported")] == [f"f64: {SHOWN}"]
    for name in ("accepted", "asides", "capabilities"):
        assert SHOWN in page.section(name).text
    assert [link for link in page.all("a") if link.attributes["href"].startswith("javascript")] == []


def test_every_rule_has_a_row_and_every_pair_a_column() -> None:
    page = page_of(plain())
    table = page.one("table", "matrix")
    rows = [[cell.text for cell in row.all("td")] for row in table.all("tr") if list(row.all("td"))]

    assert [head.text for head in table.all("th")][:3] == ["rule", "f32", "f64"]
    assert [each.text for each in table.all("summary")] == ["output is the normalized batch", "one step moves the running mean"]
    assert rows == [["✓ 0.252e-07", "✓ 0.252e-07"], ["✓ 0.252e-07", ""]]


@pytest.mark.parametrize(
    ("changes", "said", "classes"),
    [
        ({"worst_ratio": 0.25, "resolution": (1e-6, 1.0)}, "✓ 0.251e-06", ("passed ratio0", "below sees0")),
        ({"worst_ratio": 1.0, "resolution": (0.5, 1.0)}, "✓ 1.005e-01", ("passed ratio3", "below sees3")),
        ({"worst_ratio": 0.5, "resolution": (float("inf"),) * 2}, "✓ 0.50none", ("passed ratio1", "below sees4")),
        ({"worst_ratio": None, "resolution": None}, "✓", ("passed", None)),
        ({"status": "known deviation", "resolution": (0.0, 0.0)}, "~ 0.250", ("known-deviation", "below sees0")),
        ({"status": "accepted"}, "≠ 0.252e-07", ("accepted", "below sees0")),
        ({"status": "unsupported"}, "·", ("unsupported", None)),
        ({"status": "violated", "worst_ratio": 3.0}, "✗ 3.002e-07", ("violated", "below sees0")),
        ({"status": "violated", "worst_ratio": 0.5}, "✗2e-07", ("violated", "below sees0")),
    ],
    ids=str,
)
def test_a_cell_says_without_colour_what_its_colours_say(changes: dict[str, Any], said: str, classes: tuple[str, Any]) -> None:
    page = page_of(report(result(OTHER, **changes), causes=()))
    [cell] = page.all("td")
    below = [each.attributes["class"] for each in cell.all("span", "below")]

    assert cell.text == said
    assert (cell.attributes["class"], below) == (classes[0], [classes[1]] if classes[1] else [])


def test_every_cause_has_its_number_what_was_found_its_case_and_its_script() -> None:
    page = page_of(many(9))
    articles = page.all("article")

    assert [article.attributes["id"] for article in articles] == [f"cause-{number}" for number in range(1, 10)]
    assert [next(article.all("p", "found")).text for article in articles] == [f"cause {at} was found" for at in range(9)]
    assert [list(article.all("code"))[-1].text for article in articles] == [f"assert {number}\n" for number in range(9)]
    assert "x has 300 numbers" in articles[0].text
    assert [bool(list(article.children[0].all("h3"))) for article in articles] == [False] * 3 + [True] * 6


def test_the_numbers_of_what_was_compared_are_a_table_and_a_picture() -> None:
    numbers = elements((0.25, 1e-6), (0.0, 1e-6), (5e-7, 1e-6), (float("nan"), 1e-6), (1.0, 0.0))
    found = replace(WORST, what="y", index=(0, 0), elements=replace(numbers, compared=70, broken=41))
    case = CASE.but(x=CASE.x.repeat(3, 0), grad_y=CASE.grad_y.repeat(3, 0))
    page = page_of(report(violated(violation=Violation("no", found, case, found), name=OTHER)))
    [table] = [each for each in page.section("causes").all("table") if "got" in each.text]
    figure = next(page.section("causes").all("figure"))

    assert [[cell.text for cell in row.children] for row in table.all("tr")] == [
        ["element", "x", "got", "expected", "error", "bound", "error / bound"],
        ["y[0, 0]", "1.0", "1.25", "1.0", "0.25", "1e-06", "✕ 2e+05"],
        ["y[1, 0]", "1.0", "1.0", "1.0", "0", "1e-06", "○ 0"],
        ["y[2, 0]", "1.0", "1.0000005", "1.0", "5e-07", "1e-06", "○ 0.50"],
        ["y[3, 0]", "2.5", "nan", "1.0", "nan", "1e-06", "✕ inf"],
        ["y[4, 0]", "2.5", "2.0", "1.0", "1", "0", "✕ inf"],
    ]
    assert (len(list(figure.all("circle"))), len([each for each in figure.all("g", "beyond")])) == (2, 3)
    assert "the 5 of 70 elements with the largest error / bound; 41 are beyond the bound" in figure.text
    assert {"not finite", "0"} <= {each.text for each in figure.all("text", "tick")}


OF_FOUR = "channel 0|channel 1|channel 2|channel 3|x[0, :, 0]|0.0|2.0|4.0|6.0|x[0, :, 1]|1.0|3.0|5.0|7.0|dy[0, :, 0]|0.5|2.5"


@pytest.mark.parametrize(
    ("channels", "affine", "tables"),
    [
        (1, True, ["at|x channel 0|dy channel 0|[0, :, 0]|0.0|0.5|[0, :, 1]|1.0|1.5", "|channel 0|weight|0.1"]),
        (1, False, ["at|x channel 0|dy channel 0|[0, :, 0]|0.0|0.5|[0, :, 1]|1.0|1.5"]),
        (4, True, [f"|{OF_FOUR}|4.5|6.5|dy[0, :, 1]|1.5|3.5|5.5|7.5|weight|0.1|0.1|0.1|0.1"]),
    ],
)
def test_the_numbers_of_a_small_case_are_a_table(channels: int, affine: bool, tables: list[str]) -> None:
    x = np.arange(2.0 * channels, dtype=np.float32).reshape(1, channels, 2)
    weight = np.full(channels, 0.1, np.float32) if affine else None
    case = CASE.but(x=x, grad_y=x + np.float32(0.5), weight=weight)
    page = page_of(report(violated(violation=replace(SLIP, case=case))))

    shown = [[cell.text for row in each.all("tr") for cell in row.children] for each in page.all("table", "numbers")]
    assert ["|".join(each) for each in shown] == tables


@pytest.mark.parametrize("numbers", [(1.7e308, 1e306), (5e-323, 5e-324), (1.7e308, 5e-324), (float("inf"), 0.0), (0.0, 0.0)])
def test_the_smallest_and_the_largest_floats_have_their_place_in_a_picture(numbers: tuple[float, float]) -> None:
    found = replace(WORST, elements=elements(numbers))
    page = page_of(report(violated(violation=Violation("no", found, CASE, found))))

    lines = next(page.section("causes").all("figure")).all("line")
    heights = [float(each.attributes[end]) for each in lines for end in ("y1", "y2")]
    assert all(0.0 < height < 190.0 for height in heights)


def test_where_nothing_was_measured_there_is_no_picture() -> None:
    absent = Violation("there is no grad_x", fact(False, Fact(Kind.ABSENT, "grad_x")))
    page = page_of(report(violated(violation=absent)))

    assert list(page.section("causes").all("svg")) == []
    assert list(page.section("causes").all("table")) == []


def test_ratio_and_resolution_by_size_are_drawn_for_each_pair() -> None:
    page = page_of(plain())
    [figure] = page.section("sizes").all("figure")

    assert figure.text.endswith("output is the normalized batch")
    assert sorted(each.text for each in figure.all("title")) == sorted(
        f"{pair}, up to {said}"
        for pair in ("f32", "f64")
        for said in ("10 rows: 0.25", "1,000 rows: 0", "10 rows: 1e-06", "1,000 rows: inf")
    )


def test_a_cell_leads_to_the_cause_that_it_belongs_to_and_to_none_where_that_may_be_another() -> None:
    first, second = violated(), violated(PAIRS[1], name=OTHER)
    third, fourth = violated(PAIRS[1]), violated(name=OTHER)
    told = page_of(report(first, second, causes=(cause(first), cause(second))))
    untold = page_of(report(first, second, third, fourth, causes=(cause(first, second), cause(third, fourth))))

    assert [link.attributes["href"] for cell in told.all("td") for link in cell.all("a")] == ["#cause-1", "#cause-2"]
    assert [link for cell in untold.all("td") for link in cell.all("a")] == []


def test_another_convention_is_an_entry_of_its_own_and_marked_among_the_conventions() -> None:
    page = page_of(report(result(OTHER), conventions=TORCH.but(running_variance="biased")))

    assert next(page.section("causes").all("h3")).text == "✗ 1. another convention than is demanded"
    assert "--convention running_variance=biased accepts it" in page.section("causes").text
    [item] = page.section("conventions").all("li")
    assert item.text.endswith("✗ where the unbiased variance, n / (n - 1), in the running average is demanded")


@pytest.mark.parametrize(
    ("shown", "mark", "state"),
    [(plain(), "✓", "passed"), (report(violated()), "✗", "violated"), (plain(interrupted=True), "■", "interrupted")],
    ids=["conforms", "violates", "interrupted"],
)
def test_the_verdict_stands_at_the_top_and_in_the_title(shown: Report, mark: str, state: str) -> None:
    page = page_of(shown)

    assert next(page.one("head").all("title")).text == f"{mark} somewhere:Layer: bn-reference"
    assert page.one("header").attributes["class"] == f"verdict {state}"
    assert page.one("h1").text == "somewhere:Layer on cpu"
    sentence = shown.to_json()["sentence"].removeprefix("somewhere:Layer ")
    assert page.one("p", "sentence").text == f"{mark} {sentence}"


def test_links_of_known_deviations_can_be_followed() -> None:
    said = "torch does (https://example.org/issues/13402), as https://example.org/2."
    page = page_of(report(result(OTHER, status="known deviation", deviations=(said,))))

    found = [link.attributes["href"] for link in page.section("asides").all("a")]
    assert found == ["https://example.org/issues/13402", "https://example.org/2"]
    assert said in page.section("asides").text


def test_a_report_of_before_there_were_elements_makes_a_page_too() -> None:
    written = json.loads(json.dumps(REPORTS["many slips"].to_json()))
    del written["sentence"], written["accepted"]
    for each in written["causes"]:
        del each["elements"], each["recipe"]
    for each in written["results"]:
        del each["ratio_by_rows"]

    page = Page(as_page(written))

    assert page.one("p", "sentence").text == "✗ does not conform"
    assert len(page.all("article")) == 9


def test_a_case_that_this_version_cannot_read_is_shown_as_code() -> None:
    written = REPORTS["one slip"].to_json()
    written["causes"][0]["case"] = "Case(of='another version')"
    page = Page(as_page(written))

    assert [each.text for each in page.all("code")] == ["Case(of='another version')", SCRIPT]
    assert list(page.section("causes").all("table")) == []


@pytest.mark.parametrize(
    ("spoil", "clause"),
    [
        (lambda written: written.pop("causes"), "has no 'causes' where it must have one"),
        (
            lambda written: written["conventions"]["found"].update(variance="none"),
            "has something in it that no report has (the conv",
        ),
        (lambda written: written.update(results=[3]), "has something in it that no report has ("),
    ],
    ids=["causes", "convention", "results"],
)
def test_what_is_no_report_is_refused_in_a_sentence(spoil: Any, clause: str) -> None:
    written = plain().to_json()
    spoil(written)

    with pytest.raises(UnreadableReport) as refused:
        as_page(written)
    assert str(refused.value).startswith(clause)
