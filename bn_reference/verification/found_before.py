"""Cases that broke a rule before, in whatever database of Hypothesis: what one run found is the first that the next one tries.

A value is the code of a case, which is read and never run. It is tried beside the cases of the seed, and not instead of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.facts import Kind
from bn_reference.cases.reading import UnreadableCase, case_read, recipe_read
from bn_reference.reports.part_json import recipe_code
from bn_reference.reports.results import Violation
from bn_reference.verification.arguments import UnusableArguments

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

__all__ = ["FOUND", "FoundBefore", "found_before", "shown"]

REDIS, GITHUB = ("redis://", "rediss://", "unix://"), "github://"
EXTRA = "pip install 'bn-reference[redis]'"
PREFIX = b"bn-reference:"
ARTIFACT = "hypothesis-example-db"  # as Hypothesis itself has it
FOUND = "; found before"  # as is said of a violation


@dataclass(frozen=True)
class FoundBefore:
    """The cases that broke rules of one target on one device.

    Attributes:
        places: of the databases; none for no database.
        target, device: whose cases they are.
    """

    places: tuple[str, ...] = ()
    target: str = ""
    device: str = "cpu"

    def cases(self, rule: str, pair: Pair) -> list[Case]:
        """Those that broke the rule in this pair of dtypes, the shortest first; what this version cannot read is left out."""
        values = {value for place in self.places for value in _opened(place).fetch(self._key(rule, pair))}
        read = [_read(value) for value in sorted(values, key=lambda value: (len(value), value))]
        return [case for case in read if case is not None and case.pair == pair]

    def has(self, rule: str, case: Case | None) -> bool:
        """Whether this very case broke the rule before."""
        return case is not None and any(_written(case) == _written(other) for other in self.cases(rule, case.pair))

    def keep(self, rule: str, violation: Violation | None) -> None:
        """The rule was broken, if so, by a case that may be tried again."""
        case, fact = (None, None) if violation is None else (violation.case, violation.found.fact)
        if case is not None and (fact is None or fact.kind is not Kind.NOT_TRIED):
            for place in self.places:
                _opened(place).save(self._key(rule, case.pair), _written(case))

    def forget(self, rule: str, case: Case) -> None:
        """The case breaks the rule no more."""
        for place in self.places:
            _opened(place).delete(self._key(rule, case.pair), _written(case))

    def _key(self, rule: str, pair: Pair) -> bytes:
        return f"bn-reference {self.target} {self.device} {rule} {pair}".encode()


def found_before(places: Iterable[str], target: str, device: str) -> FoundBefore:
    """What was found of a target on a device, in databases: folders, ``redis://HOST:PORT``, ``github://OWNER/REPO``.

    Raises:
        UnusableArguments: one of them cannot be used.
    """
    seen = tuple(place if "://" in place else os.path.abspath(place) for place in places)  # wherever a target goes
    for place in seen:
        _opened(place)
    return FoundBefore(seen, _anywhere(target), device)


def shown(place: str) -> str:
    """A place without the password that it may have."""
    kind, separator, rest = place.partition("://")
    return f"{kind}{separator}{rest.rpartition('@')[2]}" if separator else place


def _anywhere(target: str) -> str:
    """A target's name as it reads on another machine: the path of its file as it is seen from the working directory."""
    place, colon, name = target.rpartition(":")
    if os.path.isabs(place) and place.startswith(os.getcwd() + os.sep):
        place = os.path.relpath(place)
    return f"{place}{colon}{name}"


def _written(case: Case) -> bytes:
    return json.dumps({"case": repr(case), "recipe": recipe_code(case)}).encode()


def _read(value: bytes) -> Case | None:
    try:
        said = json.loads(value)
        case = case_read(said["case"])
        return case if said["recipe"] is None else case.but(recipe=recipe_read(said["recipe"]))
    except (UnreadableCase, ValueError, KeyError, TypeError):
        return None


@lru_cache(maxsize=8)
def _opened(place: str) -> ExampleDatabase:
    """The database at a place, once in a process.

    Raises:
        UnusableArguments: there is none.
    """
    if place.startswith(REDIS):
        return _redis(place)
    from hypothesis.database import DirectoryBasedExampleDatabase, GitHubArtifactDatabase, ReadOnlyDatabase

    if place.startswith(GITHUB):
        owner, *rest = place.removeprefix(GITHUB).split("/")
        if not owner or len(rest) not in (1, 2) or not all(rest):
            rule = "must be github://OWNER/REPO, or github://OWNER/REPO/ARTIFACT"
            raise UnusableArguments(f"database is {shown(place)}, but {rule}; write one")
        return ReadOnlyDatabase(GitHubArtifactDatabase(owner, rest[0], rest[-1] if rest[1:] else ARTIFACT))
    if "://" in place:
        rule = "must be a folder, redis://HOST:PORT or github://OWNER/REPO"
        raise UnusableArguments(f"database is {shown(place)}, but {rule}; write one of them")
    try:
        os.makedirs(place, exist_ok=True)
    except OSError as error:
        raise UnusableArguments(
            f"database is {shown(place)}, which cannot be made ({error.strerror}); choose another place"
        ) from None
    if not os.access(place, os.W_OK):
        raise UnusableArguments(f"database is {shown(place)}, where nothing can be written; choose another place")
    return DirectoryBasedExampleDatabase(place)


def _redis(place: str) -> ExampleDatabase:
    try:
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis import Redis, RedisError
    except ImportError:
        raise UnusableArguments(f"database is {shown(place)}, which needs redis, which is missing; {EXTRA}") from None
    try:
        server = Redis.from_url(place)
        server.ping()
    except (RedisError, ValueError) as error:
        said = " ".join(str(error).split())
        raise UnusableArguments(f"database is {shown(place)}, which does not answer ({said}); look whether it runs") from None
    return RedisExampleDatabase(server, key_prefix=PREFIX)
