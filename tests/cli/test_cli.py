"""The command line, run as people run it: the status, and what stands on which stream."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

QUICK = ("--dtype", "float32", "--examples", "5", "--timeout", "3")
ONE_RULE = ("--property", "output_is_the_normalized_batch")

Run = Callable[..., tuple[int, str, str]]


def test_a_right_layer_conforms(run: Run) -> None:
    status, out, err = run("verify", "layers.py:Right", *QUICK, *ONE_RULE)

    assert (status, err) == (0, "")
    assert out.splitlines()[-1].startswith("ok layers.py:Right conforms: verified 1 of 1 rule, 1 passed, in ")
    assert "\x1b" not in out


def test_a_wrong_layer_violates_and_its_report_is_written(run: Run, folder: Path) -> None:
    status, out, err = run("verify", "layers.py:Scaled", *QUICK, *ONE_RULE, "--seed", "3", "--json", "found.json")

    written = json.loads((folder / "found.json").read_text())
    assert (status, err) == (1, "")
    assert "AssertionError" not in out
    assert (written["schema"], written["target"], written["conforms"], written["seed"]) == (2, "layers.py:Scaled", False, 3)
    (result,) = written["results"]
    assert result["status"] == "violated"
    assert result["reproducer"] in out + "\n"
    assert [path.name for path in folder.iterdir() if path.suffix not in (".py", ".json") and path.is_file()] == []


def test_fail_fast_ends_with_the_first_violation(run: Run) -> None:
    status, out, _ = run("verify", "layers.py:Scaled", "--fail-fast")

    assert status == 1
    assert " 1 cause: 1 violated, in " in out.splitlines()[-1]


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        ("Raises", "forward raised ValueError: not today"),
        ("ReturnsNone", "forward returned None, not a tensor"),
        ("ReturnsATuple", "forward returned a tuple, not a tensor"),
        ("LosesRows", "y has shape (1, 1) and must have (2, 1)"),
        ("ReturnsNaN", "y[0, 0, 0] is nan, expected -0.5 within "),
        ("Sleeps", "an example did not come to an end within 1 s"),
        ("Hangs", "an example did not come to an end within 1 s, and nothing interrupted it"),
        ("Segfaults", "the process crashed in an example (SIGSEGV)"),
        ("Exits", "the process crashed in an example (exit status 3)"),
    ],
)
def test_a_misbehaving_layer_is_a_violation_and_no_crash(run: Run, layer: str, found: str) -> None:
    status, out, err = run("verify", f"layers.py:{layer}", *QUICK, *ONE_RULE, "--timeout", "1" if "1 s" in found else "3")

    lines = [line.partition(" ")[2].strip() for line in out.splitlines() if line.startswith("found ")]
    assert (status, err) == (1, "")
    assert len(lines) == 1
    assert lines[0].startswith(found)


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own that heeds Ctrl-C, be it ignored here; no worker and no pipe is left afterwards."""
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heed}; from bn_reference.cli import main; main()", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # all of them have ended
                os.killpg(process.pid, signal.SIGKILL)


def test_an_interruption_ends_it_with_what_was_found(folder: Path) -> None:
    with program("verify", "layers.py:Announces", "--examples", "100000", "--json", "found.json") as process:
        while not (folder / "announced").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (130, "")
    assert out.splitlines()[-1].startswith("-- interrupted after ")
    assert json.loads((folder / "found.json").read_text())["conforms"] is False


def test_what_ends_a_job_leaves_no_worker(folder: Path) -> None:
    with program("verify", "layers.py:Announces", "--examples", "100000") as process:
        while not (folder / "announced").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.terminate()
        process.communicate(timeout=30)  # which ends when nobody has its pipes open any more

    assert process.returncode == -signal.SIGTERM


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["verify", "torch.nn"],
            "the target is 'torch.nn', but must be module:attribute or path/to/file.py:attribute; "
            "write for example torch.nn:BatchNorm1d",
        ),
        (["verify", "layers.py:right"], "layers.py has no attribute 'right'; did you mean Right?"),
        (
            ["verify", "layers.py:crashes"],
            "the target layers.py:crashes ends the process while it is loaded (exit status 4); make "
            "its import and its constructor work first",
        ),
        (
            ["verify", "--device", "abacus"],
            "the device is 'abacus', but it must be one that torch knows; try cpu, cuda, cuda:1 or mps",
        ),
        (
            ["verify", "--property", "gradient"],
            "the property is 'gradient', which is neither a property nor a family; did you mean gradients?",
        ),
        (
            ["verify", "--dtype", "int8"],
            "the dtype is 'int8'; choose an input dtype (float32, float64, float16, bfloat16) or a pair "
            "(float32/float32, float64/float64, float16/float32, bfloat16/float32, float16/float16, bfloat16/bfloat16)",
        ),
        (
            ["verify", "--examples", "0"],
            "examples is 0, but must be a whole number between 1 and 10,000,000; pass 100, for example",
        ),
        (["verify", "--examples", "many"], "Invalid value for '--examples': 'many' is not a valid integer."),
        (["verify", "--jobs", "0"], "jobs is 0, but must be a whole number between 1 and 1,024; pass 1, or one for each core"),
        (
            ["verify", "--minutes", "1", "--examples", "5"],
            "--minutes and --examples are two ways to say how much is tried; leave one of them out",
        ),
        (
            ["verify", "--timeout", "0"],
            "timeout is 0, but must be a number of seconds between 0.001 and 1,000,000; pass 10, for example",
        ),
        (
            ["verify", "--seed", "seven"],
            "Invalid value for '--seed': 'seven' is no whole number; give one, or 'random' for one that is drawn and printed",
        ),
        (["verify", "--seed", "-1"], "seed is -1, but must be a whole number between 0 and 2^64 - 1; pass 0, for example"),
        (
            ["verify", "--write-accepted", "--fail-fast"],
            "--write-accepted needs all violations, and --fail-fast ends with the first; leave one of them out",
        ),
        (
            ["verify", "--accepted", "none.toml"],
            "the file of accepted deviations none.toml is not there; let bn-reference verify --write-accepted write it",
        ),
        (["verify", "--json", "."], "--json is ., which is a directory; name a file in it"),
        (["verify", "--json", "no/such/file"], "--json is no/such/file, but there is no directory no/such; make it first"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(run: Run, arguments: list[str], sentence: str) -> None:
    assert run(*arguments) == (2, "", f"bn-reference: {sentence}\n")


def test_two_reports_are_compared(run: Run) -> None:
    small = (
        "--dtype",
        "float32",
        "--examples",
        "3",
        "--property",
        "one_step_moves_the_running_mean",
        "output_is_the_normalized_batch",
    )
    run("verify", *small, "--json", "before.json")
    run("verify", "layers.py:Scaled", *small, "--json", "after.json")

    status, out, _ = run("diff", "before.json", "after.json")
    assert status == 1
    assert out.splitlines()[0] == "note  one is of torch.nn:BatchNorm1d, the other of layers.py:Scaled"
    assert out.splitlines()[-1] == "FAIL something got worse: 1 newly violated, the target conforms no more"
    assert run("diff", "after.json", "after.json")[:2] == (0, "ok no verdict changed\n")
    assert run("diff", "after.json", "nowhere.json")[0] == 2


def test_the_list_names_every_property_with_its_source(run: Run) -> None:
    from bn_reference.properties import PROPERTIES

    status, out, err = run("list")

    assert (status, err) == (0, "")
    lines = [line.strip() for line in out.splitlines()]
    assert [name for name in (p.name for p in PROPERTIES) if name not in lines] == []
    assert "\x1b" not in out


def test_a_random_seed_is_another_each_time_and_written(run: Run, folder: Path) -> None:
    seeds = set()
    for _ in range(2):
        status, _, err = run("verify", "layers.py:Right", *QUICK, *ONE_RULE, "--seed", "random", "--json", "found.json")
        assert status == 0, err
        seeds.add(json.loads((folder / "found.json").read_text())["seed"])

    assert len(seeds) == 2


def test_mutants_are_killed_and_the_scores_written(run: Run, folder: Path) -> None:
    chosen = ("--target-set", "output_doubled", "--tier", "fail-fast", "--jobs", "1")
    status, out, err = run("mutants", *chosen, "--json", "scores.json")

    written = json.loads((folder / "scores.json").read_text())
    assert (status, err) == (0, "")
    assert out.splitlines()[-1].startswith("1 of 1 mutants are killed, 0 of 0 controls are flagged, in ")
    assert [written[key] for key in ("schema", "killed", "of", "flagged", "of_controls")] == [1, 1, 1, 0, 0]


def test_a_mutant_that_is_none_is_told(run: Run) -> None:
    status, _, err = run("mutants", "--target-set", "output_dubled")

    assert status == 2
    assert err.startswith(
        "bn-reference: the mutant is 'output_dubled', which is the name of no layer and of no kind; did you mean"
    )


def test_an_audit_of_tests_that_fail_says_so(run: Run, folder: Path) -> None:
    status, out, err = run("audit", "--json", "seen.json", "--", sys.executable, "-c", "raise SystemExit(3)")

    assert (status, out) == (2, "")
    assert err == "bn-reference: the command fails as it is (status 3); make it pass first\n"
    assert json.loads((folder / "seen.json").read_text())["passes_true_layer"] is False


def test_what_ci_systems_read_is_written_beside_the_report(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    small = ("--dtype", "float32", "--examples", "3", "--property", "output_is_the_normalized_batch", "--junit", "found.xml")
    files = ("--html", "found.html", "--json", "found.json")

    status, out, _ = run("verify", "layers.py:Scaled", *small, *files)
    run("verify", *small[:-2])

    assert status == 1
    assert "\n::error title=layers.py%3AScaled%3A output is the normalized batch%2C float32/float32::y[" in f"\n{out}"
    assert "<failure message=" in (folder / "found.xml").read_text()
    titles = [line[:20] for line in (folder / "summary.md").read_text().splitlines() if line.startswith("## ")]
    assert titles == ["## ✗ layers.py:Scale", "## ✓ torch.nn:BatchN"]
    assert "<title>✗ layers.py:Scaled: bn-reference</title>" in (folder / "found.html").read_text(encoding="utf-8")

    assert run("page", "found.json", "again.html") == (0, "", "")
    assert (folder / "again.html").read_bytes() == (folder / "found.html").read_bytes()


@pytest.mark.parametrize(
    ("report", "page", "sentence"),
    [
        ("none.json", "a.html", "the report none.json cannot be read (No such file or directory); give one that "),
        (
            "old.json",
            "a.html",
            "the report old.json has no 'conforms' where it must have one; give one that ",
        ),
        ("old.json", "none/a.html", "PAGE is none/a.html, but there is no directory none; make it first"),
    ],
)
def test_what_makes_no_page_is_refused(run: Run, folder: Path, report: str, page: str, sentence: str) -> None:
    (folder / "old.json").write_text('{"schema": 2, "results": []}')

    status, out, err = run("page", report, page)
    assert (status, out) == (2, "")
    assert err.startswith(f"bn-reference: {sentence}")
    assert not (folder / page).exists()
