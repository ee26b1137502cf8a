"""Files of accepted deviations: read, and each entry held to what an entry must be.

Such a file is TOML, an ``[[accepted]]`` table an entry; ``verify --write-accepted`` writes it, and people write the reasons.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.cases.case import Case
from bn_reference.cases.reading import UnreadableCase, case_read
from bn_reference.cases.region import EVERYWHERE, Region, features_of, region_read
from bn_reference.properties import ALL
from bn_reference.properties.accepted import Acceptance
from bn_reference.reports.regions import say_region
from bn_reference.support.toml import UnreadableToml, read_toml
from bn_reference.targets.locating import in_folder

__all__ = ["FILE", "UnusableAccepted", "accepted_of", "read_accepted"]

FILE = "bn-accepted.toml"
TABLE = "accepted"
RULES = tuple(property.name for property in ALL)
PAIR_NAMES = tuple(map(str, PAIRS))
KEYS = ("target", "device", "rules", "pairs", "region", "where", "found", "reason", "link", "until", "witnesses")
ISO = re.compile(r"\d{4}-\d\d-\d\d")
VERSION = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*) +([0-9]+(?:\.[0-9]+)*)")


class UnusableAccepted(ValueError):
    """A file of accepted deviations that cannot be used; one sentence names the entry, what was met, the rule, what to do."""


def read_accepted(path: str | os.PathLike[str], today: date | None = None) -> tuple[Acceptance, ...]:
    """All entries of a file, those of the past included.

    Raises:
        UnusableAccepted: it cannot be read, or an entry is not what one must be.
    """
    file = os.fspath(path)
    try:
        found = read_toml(Path(file))
    except UnreadableToml as unreadable:
        rule = "let bn-reference verify --write-accepted write it"
        raise UnusableAccepted(f"the file of accepted deviations {file} {unreadable}; {rule}") from None
    strange = [name for name in found if name != TABLE]
    if strange or not isinstance(entries := found.get(TABLE, []), list):
        rule = f"but must have [[{TABLE}]] tables alone; write each deviation as one"
        raise UnusableAccepted(f"the file of accepted deviations {file} has {(strange or [TABLE])[0]!r} in it, {rule}")
    reader = [_Entry(file, number, entry) for number, entry in enumerate(entries, 1)]
    return tuple(entry.read(today or date.today()) for entry in reader)


def accepted_of(acceptances: Iterable[Acceptance], target: str, device: str) -> tuple[Acceptance, ...]:
    """Those of one target on one device; relative paths are seen from the file that names them, and from here."""
    here = in_folder(target, os.getcwd())
    kind = device.partition(":")[0]
    return tuple(
        each
        for each in acceptances
        if in_folder(each.target, os.path.dirname(os.path.abspath(each.file))) == here and each.device.partition(":")[0] == kind
    )


class _Entry:
    """One table of the file."""

    def __init__(self, file: str, number: int, table: Any) -> None:
        self._place, self._file, self._number = f"entry {number} of {file}", file, number
        if not isinstance(table, dict):
            self._refuse(f"is {table!r}, but must be a table; write [[{TABLE}]] above it")
        self._table: dict[str, Any] = table

    def _refuse(self, clause: str) -> NoReturn:
        raise UnusableAccepted(f"{self._place} {clause}")

    def read(self, today: date) -> Acceptance:
        for key in self._table:
            if key not in KEYS:
                near = difflib.get_close_matches(key, KEYS, n=1)
                self._refuse(
                    f"has the key {key!r}, but may have {', '.join(KEYS)}; did you mean {near[0] if near else KEYS[0]}?"
                )
        rules, pairs = self._names("rules", RULES), self._names("pairs", PAIR_NAMES)
        reason = self._text("reason", "")
        if not reason.strip():
            more = f" and {len(rules) - 1} more" if len(rules) > 1 else ""
            self._refuse(f"({rules[0]}{more}) has no reason; write why it is accepted, or remove the entry")
        region = self._region()
        return Acceptance(
            self._file,
            self._number,
            self._text("target"),
            self._text("device", "cpu"),
            rules,
            pairs,
            " ".join(reason.split()),
            region,
            self._found(),
            self._text("link", ""),
            self._past(today),
            self._witnesses(region, pairs),
        )

    def _text(self, key: str, default: str | None = None) -> str:
        value = self._table.get(key, default)
        if value is None or not isinstance(value, str):
            met = "has no" if value is None else f"has {value!r} as"
            self._refuse(f"{met} {key}, but must have a string; write one")
        return value

    def _names(self, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        names = self._table.get(key)
        if not isinstance(names, list) or not names:
            self._refuse(f"has {names!r} as {key}, but must have a list of names; write [{known[0]!r}], for example")
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=1)
                hint = f"did you mean {near[0]}?" if near else "bn-reference list shows the rules there are"
                self._refuse(f"has {name!r} among its {key}, which is none; {hint}")
        return tuple(names)

    def _found(self) -> tuple[str, ...]:
        found = self._table.get("found", [])
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            self._refuse(f"has {found!r} as found, but must have a list of strings; write ['y'], for example, or leave it out")
        return tuple(found)

    def _region(self) -> Region:
        where = self._table.get("where", {})
        if not isinstance(where, Mapping):
            self._refuse(f"has {where!r} as where, but must have a table; write {{ rows = {{ least = 2 }} }}, for example")
        try:
            region = region_read(where) if where else EVERYWHERE
        except ValueError as error:
            self._refuse(f"has a region (where) that cannot be used: {error}")
        said = self._table.get("region", say_region(region))
        if said != say_region(region):
            self._refuse(f"says of its region {said!r}, but where says {say_region(region)!r}; write that, or leave it out")
        return region

    def _past(self, today: date) -> str:
        """Why it is accepted no longer; empty while it is."""
        until = self._table.get("until")
        if until is None:
            return ""
        if isinstance(until, str) and ISO.fullmatch(until):
            try:
                until = date.fromisoformat(until)
            except ValueError:
                self._refuse(f"has {until!r} as until, which is no day; write one")
        if isinstance(until, date):
            day = until.date() if isinstance(until, datetime) else until
            return f"it was accepted until {day}, which is past" if today > day else ""
        of_package = VERSION.fullmatch(until) if isinstance(until, str) else None
        if of_package is None:
            self._refuse(f"has {until!r} as until, but must have a day or a version; write 2027-01-31, or 'torch 2.15'")
        package, version = of_package.groups()
        try:
            installed = metadata.version(package)
        except metadata.PackageNotFoundError:
            self._refuse(f"has {until!r} as until, but {package} is not installed here; name a package that is")
        reached = _numbers(installed) >= _numbers(version)
        return f"it was accepted until {package} {version}, and this is {installed}" if reached else ""

    def _witnesses(self, region: Region, pairs: tuple[str, ...]) -> dict[str, tuple[Case, ...]]:
        given = self._table.get("witnesses", {})
        of_lists = isinstance(given, Mapping) and all(isinstance(codes, list) for codes in given.values())
        if not of_lists or set(given) - set(pairs):
            self._refuse("has witnesses that are no table of lists of code by the names of its own pairs; write one")
        return {pair: tuple(self._witness(region, pair, str(code)) for code in codes) for pair, codes in given.items()}

    def _witness(self, region: Region, pair: str, code: str) -> Case:
        advice = "let bn-reference verify --write-accepted write it anew, or remove it"
        try:
            case = case_read(code)
        except UnreadableCase as error:
            self._refuse(f"has a witness in {pair} that {error}; {advice}")
        if str(case.pair) != pair or not region.has(features_of(case)):
            where = f"is one of {case.pair}" if str(case.pair) != pair else "lies outside its region"
            self._refuse(f"has a witness in {pair} that {where}; {advice}")
        return case


def _numbers(version: str) -> tuple[int, ...]:
    """Those of a release, as 2.15 is reached by 2.15.0a0 and by 2.15.1; zeros at the end count for nothing."""
    released = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(number) for number in (released.group() if released else "0").split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
