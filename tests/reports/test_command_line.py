"""What the command line shows of a report and writes of it, and what ``list`` shows. The report is made by hand."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from made import OTHER, RULE, SCRIPT, report, result, violated

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cli import commands
from bn_reference.properties import PROPERTIES
from bn_reference.verification import api

SHOWN = report(*(violated(name=property.name) for property in PROPERTIES[:5]), result(RULE, PAIRS[1]))


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs ``bn-reference verify`` with options; the verdict is SHOWN."""
    monkeypatch.setattr(api, "verify", lambda **options: SHOWN)

    def run(*options: str) -> Result:
        return CliRunner().invoke(commands, ["verify", *options], standalone_mode=False)

    return run


def test_all_shows_every_line_and_every_script(verify: Any) -> None:
    short, whole = verify().stdout, verify("--all").stdout

    assert short.count(SCRIPT) == 1
    assert whole.count(SCRIPT) == 5
    assert f"ok   {RULE}" not in short
    assert f"ok   {RULE}" in whole


def test_scripts_go_into_a_folder_that_is_made(verify: Any, tmp_path: Path) -> None:
    folder = tmp_path / "some" / "where"

    assert verify("--scripts", str(folder)).return_value == 1

    assert sorted(path.name for path in folder.iterdir()) == [f"{n}_{p.name}.py" for n, p in enumerate(PROPERTIES[:5], 1)]


def test_a_folder_that_cannot_be_made_is_refused_in_a_sentence(verify: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    refused = verify("--scripts", str(tmp_path / "file" / "scripts"))

    assert "file/scripts, which cannot be made (" in str(refused.exception)
    assert refused.stdout == ""


def test_the_list_says_which_rules_follow_from_others() -> None:
    listed = " ".join(CliRunner().invoke(commands, ["list"], standalone_mode=False).stdout.split())

    assert f"Follows from {OTHER}: it finds nothing alone." in listed
    assert listed.count("Follows from ") == sum(bool(property.implied_by) for property in PROPERTIES)
