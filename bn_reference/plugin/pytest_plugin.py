"""The pytest plugin: options, the header, and which targets, pairs and properties ``conformance.py`` is run with.

It is loaded in every pytest run wherever the package is installed, so it imports nothing heavy but in the hooks that need it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bn_reference.targets import TORCH

CONFORMANCE = str(Path(__file__).with_name("conformance.py"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--bn-target`` and what narrows it down."""
    group = parser.getgroup("bn_reference", "batch normalization (bn_reference)")
    group.addoption(
        "--bn-target",
        action="append",
        metavar="TARGET",
        help="verify this implementation, module:attribute or path/to/file.py:attribute; may be given several times",
    )
    group.addoption(
        "--bn-device", default="cpu", metavar="DEVICE", help="where a torch layer and its arrays lie (default: cpu)"
    )
    group.addoption(
        "--bn-dtype",
        action="append",
        metavar="DTYPE",
        help="an input dtype (float32) or a pair (float16/float32); may be repeated",
    )
    group.addoption(
        "--bn-examples",
        type=int,
        metavar="N",
        help="cases a property and pair of dtypes (default: max_examples of the Hypothesis profile)",
    )
    group.addoption(
        "--bn-convention",
        action="append",
        metavar="C",
        help="what the target is to keep where batch norms lawfully differ: torch, another library, auto, "
        "running_variance=biased ...; may be repeated (default: what it declares, else torch's)",
    )
    group.addoption(
        "--bn-cases",
        default="drawn",
        metavar="CASES",
        help="drawn (the default), mnist for what enters batch norm in real training, or a file of recorded batches",
    )


def pytest_configure(config: pytest.Config) -> None:
    """With ``--bn-target`` alone, run the conformance tests and nothing else; with paths, run them too.

    Raises:
        UsageError: nothing can be verified with these options.
    """
    _require_dtypes(config.getoption("bn_dtype"))
    _require_cases(config.getoption("bn_cases"))
    if not config.getoption("bn_target") or _collects_conformance(config):
        return
    explicit = getattr(config, "args_source", None) is pytest.Config.ArgsSource.ARGS
    config.args[:] = [*config.args, CONFORMANCE] if explicit else [CONFORMANCE]


def _require_dtypes(dtypes: list[str] | None) -> None:
    if dtypes is None:
        return
    from bn_reference.verification.selection import UnusableArguments, select_pairs

    try:
        select_pairs(dtypes)
    except UnusableArguments as unusable:
        raise pytest.UsageError(f"--bn-dtype: {unusable}") from None


def _require_cases(cases: str) -> None:
    if cases == "drawn":
        return
    from bn_reference.cases.recording import UnusableRecording, read_recording
    from bn_reference.support.extras import lack_of_torch

    if cases == "mnist":
        lacking = lack_of_torch()
        if lacking:
            raise pytest.UsageError(f"--bn-cases mnist needs {lacking}")
        return
    try:
        read_recording(cases)
    except UnusableRecording as unusable:
        raise pytest.UsageError(f"--bn-cases: {unusable}") from None


def _collects_conformance(config: pytest.Config) -> bool:
    explicit = getattr(config, "args_source", None) is pytest.Config.ArgsSource.ARGS
    return explicit and any(Path(argument.split("::")[0]).name == "conformance.py" for argument in config.args)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each property of a unit is verified once, in however many files its test is collected: --bn-target adds one of ours."""
    asked: set[tuple[object, ...]] = set()
    once: list[pytest.Item] = []
    again: list[pytest.Item] = []
    for item in items:
        given = getattr(getattr(item, "callspec", None), "params", {})
        known = "bn_unit" in given
        unit = (given["bn_target"], given["bn_unit"].pair, given["bn_property"]) if known else (item,)
        (again if unit in asked else once).append(item)
        asked.add(unit)
    if again:
        config.hook.pytest_deselected(items=again)
        items[:] = once


def pytest_report_header(config: pytest.Config) -> str | None:
    """What is under test, and the seed."""
    if not config.getoption("bn_target"):
        return None
    targets = ", ".join(config.getoption("bn_target"))
    return (
        f"bn_reference: {targets} on {config.getoption('bn_device')}, seed {seed_of(config)} (--hypothesis-seed N for another)"
    )


def seed_of(config: pytest.Config) -> int:
    """The seed of the cases: that of Hypothesis' own option, 0 without it."""
    given: Any = config.getoption("--hypothesis-seed", default=None)
    return int(given) if given is not None and str(given).isdigit() else 0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One conformance test for each target, pair of dtypes and property."""
    if "bn_unit" not in metafunc.fixturenames:
        return
    from bn_reference.verification.selection import select_pairs, select_properties, units

    config = metafunc.config
    selected = units(select_properties(None), select_pairs(config.getoption("bn_dtype")))
    metafunc.parametrize(
        ("bn_target", "bn_unit", "bn_property"),
        [
            pytest.param(
                target,
                unit,
                property,
                id=f"{target}-{unit.pair}-{property.name}",
                marks=pytest.mark.xdist_group(f"{target}-{unit.pair}-{property.family}"),
            )
            for target in config.getoption("bn_target") or [TORCH]
            for unit in selected
            for property in unit.properties
        ],
    )
