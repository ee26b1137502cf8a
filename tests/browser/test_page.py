"""The page in a real browser, from a file: what is drawn, what is loaded, what is run, and what can be copied."""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from made import OTHER, SCRIPT, cause, report, result, violated
from pages import SHOWN, hostile, many, plain
from playwright.sync_api import Browser, Page, sync_playwright

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.properties import PROPERTIES
from bn_reference.reports.page.page import as_page
from bn_reference.reports.report import Report

PHONE = {"width": 390, "height": 844}
WIDE = report(
    *(result(OTHER, pair) for pair in PAIRS), violated(), causes=(cause(violated(), reproducer_fails=True),)
)  # six pairs
REPORTS = {"conforms": plain(), "one slip": WIDE, "many slips": many(9), "hostile": hostile()}
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=os.environ["BN_BROWSER"], args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the page of a report. At the end nothing may have been asked for but the file, and nothing else been run."""
    contexts, asked, said = [], [], []

    def open_page(shown: Report, **options: object) -> Page:
        path = tmp_path / f"{len(contexts)}.html"
        path.write_text(as_page(shown.to_json()), encoding="utf-8")
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(tmp_path.as_uri())] == []
    assert said == []


@pytest.mark.parametrize("name", list(REPORTS))
@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_wider_than_the_screen(opened: Open, name: str, width: int) -> None:
    page = opened(REPORTS[name], viewport={**PHONE, "width": width})
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")

    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_cells_of_a_rule_stand_in_one_row_below_its_name_on_a_phone(opened: Open) -> None:
    page = opened(WIDE, viewport=PHONE)
    name, *cells = [each.bounding_box() for each in page.locator(".matrix tbody tr:not(.family)").first.locator("> *").all()]

    assert len(cells) == 6
    assert {cell["y"] for cell in cells} == {cells[0]["y"]}
    assert name["y"] + name["height"] <= cells[0]["y"]
    assert all(cell["height"] < 50 for cell in cells)


def test_what_a_target_says_is_read_as_it_was_said(opened: Open) -> None:
    page = opened(hostile())

    assert page.locator("p.note").inner_text().endswith(" ".join(SHOWN.split()))
    assert page.locator("img, iframe, svg[onload]").count() == 0


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_it_is_as_dark_as_the_reader_has_it(opened: Open, scheme: str, is_dark: bool) -> None:
    page = opened(WIDE, color_scheme=scheme)
    paper, ink = (
        sum(page.evaluate(f"getComputedStyle(document.body).{what}.match(/\\d+/g).map(Number).slice(0, 3)"))
        for what in ("backgroundColor", "color")
    )

    assert (paper < ink) is is_dark


CONTRAST = """each => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => channels(colour).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  let behind = each;
  while (channels(getComputedStyle(behind).backgroundColor)[3] === 0) { behind = behind.parentElement; }
  const pair = [getComputedStyle(each).color, getComputedStyle(behind).backgroundColor].map(light).sort((a, b) => b - a);
  return (pair[0] + 0.05) / (pair[1] + 0.05);
}"""


SHADES = [
    *(("passed", ratio, sees) for ratio in (0.1, 0.4, 0.7, 1.0) for sees in (1e-7, 1e-5, 1e-3, 0.5, math.inf)),
    *((status, 0.5, 1e-3) for status in ("violated", "accepted", "known deviation", "unsupported")),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(opened: Open, scheme: str) -> None:
    cells = [(property.name, pair) for property in PROPERTIES[:4] for pair in PAIRS]
    results = [
        result(*cell, status, worst_ratio=ratio, resolution=(sees, 1.0), message="so it is", deviations=("as it does",))
        for cell, (status, ratio, sees) in zip(cells, SHADES, strict=True)
    ]
    page = opened(report(*results, causes=REPORTS["one slip"].causes, notes=("a note",)), color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    texts = page.locator("p, a, b, dt, dd, td > *, th, li, summary, h1, h2, h3, code, span, figcaption, button").all()

    assert len(texts) > 100
    assert [each.inner_text() for each in texts if each.evaluate(CONTRAST) < 4.5] == []  # WCAG 2.2, level AA


def test_a_script_is_copied_by_its_button(opened: Open) -> None:
    page = opened(WIDE, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_text("This script was run, and failed").click()
    button = page.locator("article details[open] button")
    button.click()

    page.wait_for_function("document.querySelector('details[open] button').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == SCRIPT


def test_where_there_is_no_clipboard_the_script_is_selected(opened: Open) -> None:
    page = opened(WIDE)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_text("This script was run, and failed").click()
    page.locator("article details[open] button").click()

    assert page.evaluate("window.getSelection().toString()").rstrip() == SCRIPT.rstrip()


def test_without_scripts_everything_can_be_read_and_no_button_promises_anything(opened: Open) -> None:
    page = opened(WIDE, java_script_enabled=False)
    page.get_by_text("This script was run, and failed").click()

    assert page.locator("article details[open] pre").inner_text() == SCRIPT
    assert [each.is_visible() for each in page.locator("button").all()] == [False] * 2


def test_a_cell_leads_to_its_cause_which_is_then_unfolded(opened: Open) -> None:
    page = opened(many(9))
    page.locator("td.violated a[href='#cause-6']").first.click()
    page.wait_for_function("document.querySelector('#cause-6 > details').open")

    assert page.get_by_text("cause 5 was found").last.is_visible()
