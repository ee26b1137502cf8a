"""What is no verdict has a status of its own: a reader who has left, and a fault of the suite itself."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bn_reference.cli import main
from bn_reference.verification import api

ROOT = Path(__file__).parents[2]


class ForeignFailure(Exception):
    """As what failed in a worker process comes with the text of its traceback."""

    traceback = "Traceback, as the worker wrote it\n"


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setattr(sys, "argv", ["bn-reference", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Lets the suite itself fail with an exception; the temporary directory is the test's."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def with_error(error: BaseException) -> None:
        def fail(**options: object) -> NoReturn:
            raise error

        monkeypatch.setattr(api, "verify", fail)

    return with_error


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["--help"], ["verify", "bn_reference:BatchNorm1d", "--dtype=float64", "--property=contract", "--examples=2"]],
    ids=["list", "help", "verify"],
)
def test_a_reader_who_leaves_early_is_no_violation(arguments: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bn_reference", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    with process.stderr:
        said = process.stderr.read()

    assert (process.wait(timeout=60), said) == (141, b"")


def test_a_full_disk_is_said() -> None:
    with open("/dev/full", "wb") as full:
        run = subprocess.run(
            [sys.executable, "-m", "bn_reference", "list"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )

    said = b"bn-reference: the output cannot be written (No space left on device); make room, or write elsewhere\n"
    assert (run.returncode, run.stderr) == (2, said)


def test_a_failure_of_the_suite_is_no_verdict(
    failing: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(ZeroDivisionError("division\nby zero"))

    assert ended(monkeypatch, "verify") == 3

    (file,) = tmp_path.iterdir()
    assert capsys.readouterr() == (
        "",
        "bn-reference: the suite itself failed (ZeroDivisionError: division by zero), which is its own fault and no verdict "
        f"on any target; the traceback is in {file}, please report it\n",
    )
    written = file.read_text()
    assert written.startswith("bn-reference verify\n")
    assert "Traceback (most recent call last):" in written
    assert written.endswith("ZeroDivisionError: division\nby zero\n")


def test_the_traceback_of_a_worker_is_kept(failing: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing(ForeignFailure("in a worker"))

    assert ended(monkeypatch, "verify") == 3

    (file,) = tmp_path.iterdir()
    assert "\nTraceback, as the worker wrote it\n" in file.read_text()


def test_where_no_file_can_be_written_the_traceback_is_printed(
    failing: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(ZeroDivisionError("division by zero"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))

    assert ended(monkeypatch, "verify") == 3

    said = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero\nbn-reference: the suite itself failed (" in said
    assert said.endswith("; the traceback stands above, please report it\n")


def test_an_interruption_is_no_failure(failing: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing(KeyboardInterrupt())

    assert ended(monkeypatch, "verify") == 130
    assert list(tmp_path.iterdir()) == []
