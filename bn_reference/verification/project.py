"""What a project says of its verification, once for all: the table ``[tool.bn-reference]`` of its pyproject.toml."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bn_reference.support.toml import UnreadableToml, read_toml
from bn_reference.targets.locating import FORMS, seen_from_here
from bn_reference.verification import arguments
from bn_reference.verification.arguments import UnusableArguments
from bn_reference.verification.demand import demand_of
from bn_reference.verification.selection import select_pairs

__all__ = ["Project", "UnusableProject", "project_of"]

FILE, TABLE = "pyproject.toml", "bn-reference"
RANDOM = "random"  # seed


class UnusableProject(ValueError):
    """A table that cannot be used; one sentence names the file, the key, the value met, the rule and what to do."""


@dataclass(frozen=True)
class Project:
    """What a project says; what it does not say is not there.

    Attributes:
        targets: as they are named from the working directory.
        accepted: path of its file of accepted deviations, seen from there too; empty for none.
        options: of ``verify``, by their names there.
    """

    targets: tuple[str, ...] = ()
    accepted: str = ""
    options: dict[str, Any] = field(default_factory=dict)


def project_of(directory: Path) -> Project:
    """That of the nearest pyproject.toml, in the directory or above it, that has the table; one that says nothing without.

    Raises:
        UnusableProject: it cannot be used.
    """
    for folder in (directory, *directory.parents):
        path = folder / FILE
        if not path.is_file():
            continue
        try:
            tools = read_toml(path).get("tool", {})
        except UnreadableToml as unreadable:
            raise UnusableProject(f"{_shown(path)} {unreadable}; mend that first") from None
        if isinstance(tools, dict) and TABLE in tools:
            return _read(path, tools[TABLE])
    return Project()


def _read(path: Path, table: Any) -> Project:
    where = f"[tool.{TABLE}] of {_shown(path)}"
    if not isinstance(table, dict):
        raise UnusableProject(f"{where} is {table!r}, but must be a table; write [tool.{TABLE}] above its keys")
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.0)[0]
            raise UnusableProject(f"{where} has the key {key!r}, but may have {', '.join(KEYS)} alone; did you mean {near}?")
        try:
            found[key] = KEYS[key](value)
        except UnusableArguments as unusable:
            raise UnusableProject(f"{where}: {unusable}") from None
    folder = str(path.parent)
    targets = tuple(seen_from_here(target, folder) for target in found.pop("targets", ()))
    accepted = found.pop("accepted", "")
    if accepted and os.path.abspath(folder) != os.getcwd():
        accepted = os.path.relpath(os.path.join(folder, accepted))
    return Project(targets, accepted, {"conventions" if key == "convention" else key: value for key, value in found.items()})


def _shown(path: Path) -> str:
    return FILE if path.parent == Path.cwd() else str(path)


def _targets(value: Any) -> tuple[str, ...]:
    names = arguments.names("targets", value, "src/bn.py:Layer") or ()
    for name in names:
        if not name.rpartition(":")[0]:
            raise UnusableArguments(
                f"targets has {name!r} in it, but each must be {FORMS}; write ['src/bn.py:Layer'], for example"
            )
    return names


def _dtypes(value: Any) -> tuple[str, ...]:
    names = arguments.names("dtypes", value, "float32") or ()
    select_pairs(names)
    return names


def _seed(value: Any) -> int | str:
    if value == RANDOM:
        return RANDOM
    return arguments.whole("seed", value, 0, 2**64 - 1, f"write 0, for example, or {RANDOM!r}")


def _convention(value: Any) -> tuple[str, ...]:
    words = (value,) if isinstance(value, str) else arguments.names("convention", value, "onnx") or ()
    demand_of(words)
    return words


KEYS: dict[str, Callable[[Any], Any]] = {
    "targets": _targets,
    "device": lambda value: arguments.text("device", value, "write 'cpu' or 'cuda', for example"),
    "dtypes": _dtypes,
    "examples": arguments.examples,
    "seed": _seed,
    "timeout": arguments.timeout,
    "convention": _convention,
    "accepted": lambda value: arguments.text("accepted", value, "write 'bn-accepted.toml', for example"),
}
