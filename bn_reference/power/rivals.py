"""What public checks of batch norm see, beside this suite: ``python -m bn_reference.power.rivals DIR``.

The checks are those of DIR/rivals, written after public ones. Each is audited; DIR/scoreboard.json keeps what was found, and
the page beside DIR has it as tables. With --only NAME only that check is run anew.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bn_reference.conventions import TORCH
from bn_reference.power.audit.report import Audit
from bn_reference.power.audit.running import audit
from bn_reference.power.rivals_text import page_with
from bn_reference.power.subjects import SAMPLE_SEED, SUBJECTS, sample_of
from bn_reference.support.files import write_whole
from bn_reference.support.threads import processors

__all__ = ["CHECKS", "Check", "found_by"]

SCHEMA, SCOREBOARD = 1, "scoreboard.json"


@dataclass(frozen=True)
class Check:
    """A check of batch norm, and how it is run.

    Attributes:
        name: for the table.
        file: in the folder of checks; empty for this suite.
        link: to the public one that it is written after.
        looks_at: with which data, at what, how closely.
    """

    name: str
    file: str
    link: str
    looks_at: str

    def command(self, folder: str) -> tuple[str, ...]:
        """Run from the root of a checkout."""
        if self.file:
            return ("pytest", "-q", f"{folder}/{self.file}")
        return ("python", "-m", "bn_reference", "verify", "--fail-fast", "--dtype", "float32", "--examples", "10")


def _at(repository: str, commit: str, path: str) -> str:
    return f"https://github.com/{repository}/blob/{commit}/{path}"


CHECKS = (
    Check(
        "KernelBench",
        "test_kernelbench.py",
        _at(
            "ScalingIntelligence/KernelBench", "423217d9fda91e0c2d67e4a43bf62f96f6d104f1", "KernelBench/level1/33_BatchNorm.py"
        ),
        "y in training, five batches of one shape, 1e-4",
    ),
    Check(
        "robust-kbench",
        "test_robust_kbench.py",
        _at(
            "SakanaAI/robust-kbench", "078f5bab29934a822268d59a4e707d449abf9b4e", "robust_kbench/sandbox/correct_forward_fn.py"
        ),
        "y of two training steps, and gradients, five batches of one shape, 1e-5",
    ),
    Check(
        "flashinfer-bench",
        "test_flashinfer_bench.py",
        _at(
            "flashinfer-ai/flashinfer-bench",
            "40e6ca7844b514eb4b1c7edba6d6a7377df57870",
            "flashinfer_bench/bench/evaluators/default.py",
        ),
        "y in training, three batches of two shapes, wrong where both errors exceed 1e-2",
    ),
    Check(
        "BackendBench",
        "test_backendbench.py",
        _at("meta-pytorch/BackendBench", "66e0dbc05a683e537830c246ea83255ff227676f", "BackendBench/suite/opinfo.py"),
        "y in training and eval, torch's own samples, 1e-2",
    ),
    Check(
        "FlagGems",
        "test_flaggems.py",
        _at("flagos-ai/FlagGems", "ed2508bcb5a03000e9774734201d840ba362cd11", "tests/test_native_batch_norm_legit.py"),
        "y and running statistics in eval, in three dtypes, and in training; gradients; five shapes, 1e-4",
    ),
    Check(
        "cuDNN frontend",
        "test_cudnn_frontend.py",
        _at("NVIDIA/cudnn-frontend", "3929da2ef4c1dba1bb8acb68727b9134f26f40c0", "test/python/test_batchnorm.py"),
        "y in training behind a ReLU, one float16 batch, 1e-3",
    ),
    Check(
        "this suite",
        "",
        "",
        "all rules within computed bounds, in float32 alone, 10 examples a rule instead of 100 in six pairs",
    ),
)


def found_by(check: Check, command: Sequence[str], found: Audit, cpu_seconds: float, sample: int) -> dict[str, Any]:
    """A row of the scoreboard: which layers a check notices and which not, by kind; which correct ones it rejects."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for each in found.mutants:
        kinds.setdefault(each.kind, {"killed": [], "missed": []})["killed" if each.noticed else "missed"].append(each.name)
    return {
        "name": check.name,
        "link": check.link,
        "looks_at": check.looks_at,
        "command": list(command),
        "killed": len(found.mutants) - len(found.missed),
        "of": len(found.mutants),
        "rejected": [each.name for each in found.rejected],
        "of_controls": len(found.controls),
        "cpu_seconds": round(cpu_seconds),
        "sample": {"layers": sample, "seed": SAMPLE_SEED} if sample else None,
        "kinds": kinds,
    }


def _cpu_seconds() -> float:
    """Of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(directory: Path, names: Sequence[str], sample: int, jobs: int) -> None:
    """Audit the checks, and write the scoreboard and its tables after each."""
    path, page = directory / SCOREBOARD, directory.with_suffix(".md")
    subjects = sample_of([subject for subject in SUBJECTS if subject.conventions == TORCH], sample)
    for check in CHECKS:
        if names and check.name not in names:
            continue
        command, started = check.command((directory / "rivals").as_posix()), _cpu_seconds()
        found = audit(command, subjects, jobs=jobs)
        row = found_by(check, command, found, _cpu_seconds() - started, sample)
        before = json.loads(path.read_text(encoding="utf-8"))["checks"] if path.exists() else []  # by another run meanwhile
        rows = {each["name"]: each for each in (*before, row)}
        versions = {name: version(name) for name in ("torch", "numpy", "pytest")}
        checks = [rows[each.name] for each in CHECKS if each.name in rows]
        board = {"schema": SCHEMA, "python": platform.python_version(), **versions, "checks": checks}
        content = (json.dumps(board, indent=1) + "\n").encode()
        write_whole(path, lambda file, content=content: file.write(content))  # type: ignore[misc]
        page.write_text(page_with(page.read_text(encoding="utf-8"), board), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bn_reference.power.rivals", description=__doc__)
    parser.add_argument("directory", type=Path, metavar="DIR")
    names = [check.name for check in CHECKS]
    parser.add_argument("--only", action="append", default=[], choices=names, help="run this one anew; may be repeated")
    parser.add_argument("--sample", type=int, default=0, help="only so many layers, drawn by a seed")
    parser.add_argument("--jobs", type=int, default=processors())
    given = parser.parse_args()
    main(given.directory, given.only, given.sample, given.jobs)
