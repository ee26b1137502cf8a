"""What the plugin is told: on the command line, else in the ini file; and what of it cannot be used.

Nothing heavy is imported here but where an option is given: this is loaded in every run of pytest wherever the package is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bn_reference.verification.selection import Budget

__all__ = ["MARK", "NAME", "SEED", "Options", "add_options", "options_of", "received", "require_files", "sent"]

NAME = "bn_reference"  # of the node below which the rules stand
SEED = "seed"  # and its number: the node of a seed, where there are several
MARK = "bn_rules"  # of a test that is run for each rule

TIMEOUT = 10.0  # seconds; as the command line's default
LISTS = {  # of the ini file and of the command line, where each may be repeated
    "target": "verify this implementation, module:attribute or path/to/file.py:attribute",
    "dtype": "an input dtype (float32) or a pair (float16/float32); default: all",
    "database": "try first what broke a rule before, and keep what does now: a folder, redis://HOST:PORT, github://OWNER/REPO",
    "convention": "what the target is to keep where batch norms lawfully differ: torch, another library, auto, "
    "running_variance=biased ...; default: what it declares, else torch's",
}
SINGLE = {
    "device": "where a torch layer and its arrays lie (default: cpu)",
    "examples": "cases a property and pair of dtypes (default: max_examples of the Hypothesis profile)",
    "timeout": f"seconds that one example may take (default: {TIMEOUT:g})",
    "cases": "drawn (the default), mnist for what enters batch norm in real training, or a file of recorded batches",
    "accept": "excuse the deviations that this file accepts, where it says; one that no longer fails fails",
    "seeds": "try the cases of so many seeds, from --hypothesis-seed on, each with ids of its own (default: 1)",
}
LISTED = {f"{name}s" for name in LISTS}
TYPES = {"examples": int, "seeds": int, "timeout": float}
MOST_SEEDS = 1000
PATHS = {"cases": ("drawn", "mnist"), "accept": ()}  # and what of them is no path


@dataclass(frozen=True)
class Options:
    """What was asked for.

    Attributes:
        targets: to be verified beside the project's own tests.
        alone: without them, where nothing else is named on the command line.
        device, dtypes, examples, timeout, conventions, cases: as of ``bn-reference verify``; None of the examples for as many
            as the Hypothesis profile says.
        databases: of what broke a rule before.
        accept: path of a file of accepted deviations; empty for none.
        folder: that from which the targets are seen, where it is another than the working directory.
        seed: Hypothesis' own.
        seeds: how many, that being the first.
        named: those that ids say.
    """

    targets: tuple[str, ...] = ()
    alone: bool = False
    device: str = "cpu"
    dtypes: tuple[str, ...] | None = None
    examples: int | None = None
    timeout: float = TIMEOUT
    conventions: tuple[str, ...] | None = None
    cases: str = "drawn"
    databases: tuple[str, ...] = ()
    accept: str = ""
    folder: str = ""
    seed: int = 0
    seeds: int = 1
    named: tuple[int, ...] = ()

    @property
    def seeds_of_ids(self) -> tuple[int, ...]:
        """Those that ids say, in order; none where they say none, as there is one alone."""
        several = range(self.seed, self.seed + self.seeds) if self.seeds > 1 else ()
        return tuple(sorted({*self.named, *several}))

    def budget(self, recording: str = "") -> Budget:
        """What to try, and how much; with the path of a recording where ``cases`` is not drawn.

        Raises:
            UnusableArguments: an option cannot be used.
        """
        from hypothesis import settings

        from bn_reference.verification.demand import demand_of
        from bn_reference.verification.selection import Budget, select_pairs

        examples = self.examples or settings().max_examples
        return Budget(examples, self.seed, self.timeout, recording, demand_of(self.conventions), select_pairs(self.dtypes))


def add_options(parser: pytest.Parser) -> None:
    """``--bn-target`` and what narrows it down, and their names in the ini file."""
    group = parser.getgroup("bn_reference", "batch normalization (bn_reference)")
    for name, told in LISTS.items():
        group.addoption(f"--bn-{name}", action="append", metavar=name.upper(), help=f"{told}; may be repeated")
        parser.addini(f"bn_{name}", f"as --bn-{name}, one a line", type="linelist", default=[])
    for name, told in SINGLE.items():
        group.addoption(f"--bn-{name}", type=TYPES.get(name, str), metavar=name.upper(), help=told)
        parser.addini(f"bn_{name}", f"as --bn-{name}", default=None)
    parser.addini("bn_alone", "--bn-target without paths runs none of the project's own tests", type="bool", default=False)


def options_of(config: pytest.Config) -> Options:
    """What was asked for.

    Raises:
        UsageError: an option cannot be used; the sentence names it.
    """
    given: dict[str, Any] = {}
    for name in LISTS:
        found = config.getoption(f"bn_{name}") or config.getini(f"bn_{name}")
        given[f"{name}s"] = tuple(found) or None
    for name in SINGLE:
        found = config.getoption(f"bn_{name}")
        given[name] = _beside(config, name, _read(name, config.getini(f"bn_{name}"))) if found is None else found
    given["folder"] = None if config.getoption("bn_target") else _folder(config)
    given["targets"] = given["targets"] or ()
    given = {name: value for name, value in given.items() if value is not None}
    options = Options(alone=config.getini("bn_alone"), seed=_seed(config) if given["targets"] else 0, **given)
    _require_usable(given)
    return options


def _folder(config: pytest.Config) -> str | None:
    """That of the ini file, from which what it names is seen; None where that is the working directory."""
    folder = None if config.inipath is None else os.path.abspath(config.inipath.parent)
    return None if folder == os.getcwd() else folder


def _beside(config: pytest.Config, name: str, value: Any) -> Any:
    """A path of the ini file as it is seen from the working directory; anything else as it is."""
    folder = _folder(config)
    is_path = name in PATHS and value is not None and value not in PATHS[name]
    return os.path.relpath(os.path.join(folder, value)) if is_path and folder else value


def _read(name: str, text: str | None) -> Any:
    if not text:
        return None
    kind = TYPES.get(name, str)
    try:
        return kind(text)
    except ValueError:
        rule = "a whole number" if kind is int else "a number of seconds"
        raise pytest.UsageError(f"bn_{name} of the ini file is {text!r}, but must be {rule}; write one") from None


def _seed(config: pytest.Config) -> int:
    """That of Hypothesis' own option, 0 without it."""
    text = config.getoption("--hypothesis-seed", default=None)
    if text is None:
        return 0
    if not str(text).isdigit():
        rule = "with --bn-target it must be a whole number; pass one"
        raise pytest.UsageError(f"--hypothesis-seed is {text!r}, but {rule}")
    return int(text)


def sent(options: Options) -> dict[str, Any]:
    """The options as values that travel to a gateway of pytest-xdist."""
    return asdict(options)


def received(values: Mapping[str, Any]) -> Options:
    """Those that were sent; what is seen from a folder that is not here is seen from the working directory."""
    options = Options(**values)
    return options if os.path.isdir(options.folder) else replace(options, folder="")


def require_files(options: Options) -> None:
    """Raises UsageError where a file that they name is not here."""
    _require_usable({name: getattr(options, name) for name in PATHS if getattr(options, name)})


def _require_usable(given: Mapping[str, Any]) -> None:
    """Raises UsageError where what was given cannot be used; of what was not given nothing is imported."""
    for name, check in CHECKS.items():
        if name in given:
            try:
                check(given[name])
            except ValueError as unusable:
                raise pytest.UsageError(f"--bn-{name.removesuffix('s') if name in LISTED else name}: {unusable}") from None


def _check_examples(value: int) -> None:
    from bn_reference.verification import arguments

    arguments.examples(value)


def _check_seeds(value: int) -> None:
    from bn_reference.verification import arguments

    arguments.whole("seeds", value, 1, MOST_SEEDS, "pass 4, for example")


def _check_timeout(value: float) -> None:
    from bn_reference.verification import arguments

    arguments.timeout(value)


def _check_dtypes(names: tuple[str, ...]) -> None:
    from bn_reference.verification.selection import select_pairs

    select_pairs(names)


def _check_conventions(words: tuple[str, ...]) -> None:
    from bn_reference.verification.demand import demand_of

    demand_of(words)


def _check_accept(file: str) -> None:
    from bn_reference.verification.accepted import read_accepted

    read_accepted(file)


def _check_databases(places: tuple[str, ...]) -> None:
    from bn_reference.verification.found_before import found_before

    found_before(places, "", "")


def _check_cases(cases: str) -> None:
    if cases == "mnist":
        from bn_reference.support.extras import lack_of_torch

        lacking = lack_of_torch()
        if lacking:
            raise pytest.UsageError(f"--bn-cases mnist needs {lacking}")
    elif cases != "drawn":
        from bn_reference.cases.recording import read_recording

        read_recording(cases)


CHECKS: Mapping[str, Callable[[Any], None]] = {
    "examples": _check_examples,
    "seeds": _check_seeds,
    "timeout": _check_timeout,
    "dtypes": _check_dtypes,
    "conventions": _check_conventions,
    "cases": _check_cases,
    "databases": _check_databases,
    "accept": _check_accept,
}
