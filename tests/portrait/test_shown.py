"""A portrait is printed, alone and beside another, written as JSON, and drawn as a figure."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bn_reference.portrait.computes import TOPICS, Computes
from bn_reference.portrait.growth import Curve, Ratio
from bn_reference.portrait.portrait import Portrait, Statement
from bn_reference.portrait.settings import Elsewhere
from bn_reference.portrait.text import PROBES, beside, lines

PAIR = "float32/float32"


def portrait(order: str | None = "sequential", **more: object) -> Portrait:
    statements = {PAIR: (Statement("order", order, "masks"), Statement("variance", "two-pass", "formula", "of 132"))}
    settings = (
        Elsewhere("nothing", "16 rows", order, "float32", None),
        Elsewhere("channels", "C = 1", order, "float32", order and True),
    )
    return Portrait("here:Layer", "cpu", statements, {PAIR: "(0 + 1 .. 63)"}, settings, **more)  # type: ignore[arg-type]


def test_each_statement_stands_with_its_probe_and_what_cannot_be_told_is_said() -> None:
    text = "\n".join(lines(portrait(None)))

    assert f"{TOPICS['order']}           cannot be told" in text
    assert "two-pass (of 132, by formula)" in text
    assert PROBES["masks"] in text
    assert PROBES["formula"] in text
    assert PROBES["halves"] not in text


def test_settings_in_which_the_order_is_the_same_say_so() -> None:
    text = list(lines(portrait()))
    at = text.index(f"order of the sum of 16 rows ({PAIR}): sequential, in float32")

    assert text[at + 1].split() == ["C", "=", "1", "the", "same"]


def marked(one: str | None, other: str | None) -> list[str]:
    return [line for line in beside(portrait(one), portrait(other)) if line.startswith("!")]


def test_lines_that_differ_are_marked_and_what_either_cannot_tell_is_not() -> None:
    assert len(marked("sequential", "reversed")) == 3  # the statement, and two settings
    assert marked("sequential", "sequential") == marked("sequential", None) == marked(None, None) == []


def test_a_pair_that_one_of_them_does_not_take_is_marked() -> None:
    none = Portrait("there:Layer", "cpu", {}, {})

    assert [line.split() for line in beside(portrait(), none) if line.startswith("!")] == [
        ["!", "is", "taken", "is", "not", "taken"]
    ]


def test_every_topic_has_words() -> None:
    assert list(TOPICS) == list(Computes.__dataclass_fields__)


def test_what_is_infinite_is_a_string_in_the_json() -> None:
    curve = Curve(PAIR, "running variance", "kappa", ((1.0, 0.0, np.inf),))
    written = json.loads(json.dumps(portrait(growth=(curve,), ratios=(Ratio(PAIR, "y", np.nan),)).to_json(), allow_nan=False))

    assert written["schema"] == 1
    assert written["statements"][PAIR][0] == {"topic": "order", "value": "sequential", "probe": "masks", "detail": ""}
    assert written["growth"][0]["points"] == [[1.0, 0.0, "inf"]]
    assert written["ratios"][0]["ratio"] == "nan"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("portrait")
    command = [
        sys.executable,
        "-m",
        "bn_reference",
        "portrait",
        "bn_reference:BatchNorm1d",
        "--beside",
        "bn_reference:BatchNorm1d",
    ]
    asked = ["--dtype", "float32", "--json", "one.json", "--figure", "figures"]
    return subprocess.run([*command, *asked], cwd=folder, capture_output=True, text=True, check=False), folder


def test_the_command_prints_two_writes_both_and_draws_each(ran: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, folder = ran

    assert done.returncode == 0, done.stderr
    assert "order of the sum" in done.stdout
    assert not [line for line in done.stdout.splitlines() if line.startswith("!")]
    written = json.loads((folder / "one.json").read_text())
    assert written["statements"] == written["beside"]["statements"]
    assert {path.name for path in (folder / "figures").iterdir()} == {
        f"{n}.{e}" for n in ("portrait", "beside") for e in ("png", "svg")
    }


def test_errors_are_measured_to_the_last_decade_and_stay_within_their_bounds(
    ran: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    growth = json.loads((ran[1] / "one.json").read_text())["growth"]
    ends = {curve["against"]: curve["points"][-1] for curve in growth}

    assert ends["rows"][0] == 2.0**20
    assert ends["kappa"][0] > 1e6  # of the digits that float32 has
    assert all(error <= bound for curve in growth for _, error, bound in curve["points"])


def test_a_target_that_there_is_not_is_said_in_a_sentence() -> None:
    command = [sys.executable, "-m", "bn_reference", "portrait", "bn_reference:Nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
