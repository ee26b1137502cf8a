"""A verification dealt to several machines: which rules each of them tries, and what its report says of that."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

from bn_reference.reports.part import Part, Ran
from bn_reference.reports.results import Cause, Result
from bn_reference.verification.arguments import UnusableArguments
from bn_reference.verification.causes import causes_of, finest_causes_of
from bn_reference.verification.proof import proved, proved_in_part
from bn_reference.verification.selection import Unit

__all__ = ["FILES", "MOST", "Shard", "dealt", "part_of", "shard_of", "told"]

# what a rule of a family costs beside those of others: measured on torch's layer, float32, 100 examples, seconds of the family
# by its rules, in halves; of the rules that only a run by name has nothing was measured
COSTS = {"normalization": 5, "running": 5, "gradients": 8, "evaluation": 5, "contract": 4, "lives": 8}
MOST = 1024
FILES = ("cases", "plan", "accepted")  # options that say where a file lies; what it has is told


@dataclass(frozen=True)
class Shard:
    """Part ``number`` of ``of``, the first of which is 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def shard_of(said: str | None, *, fail_fast: bool, minutes: float | None, surveys: bool) -> Shard | None:
    """The part that is asked for by ``I/N``; None for the whole.

    Raises:
        UnusableArguments: it is no part, or something else is asked for that no part can do.
    """
    if said is None:
        return None
    numbers = re.fullmatch(r"(\d{1,9})/(\d{1,9})", said) if isinstance(said, str) else None
    part, of = (int(number) for number in numbers.groups()) if numbers else (0, 0)
    if not 1 <= part <= of <= MOST:
        rule = f"must be I/N, part I of N, with 1 <= I <= N <= {MOST}; pass '1/3', for example"
        raise UnusableArguments(f"shard is {said!r}, but {rule}")
    if fail_fast:
        raise UnusableArguments(
            f"shard is {said} and fail_fast is asked for, but where one part ends early the parts together are no whole run; "
            "leave one of them out"
        )
    if minutes is not None:
        raise UnusableArguments(
            f"shard is {said} and minutes are given, but then each machine tries as many cases as it can, and the parts "
            "together are no run of a seed; give examples"
        )
    if surveys:
        raise UnusableArguments(
            f"shard is {said} and accepted deviations are to be written, but a cause may lie in several parts; "
            "write them in a whole run"
        )
    return Shard(part, of)


def dealt(units: Sequence[Unit], shard: Shard | None) -> list[Unit]:
    """The units of a part: neighbours, whose cases are drawn once, and so many that the dearest part is as cheap as can be.

    Raises:
        UnusableArguments: there are fewer units than parts.
    """
    if shard is None:
        return list(units)
    if shard.of > len(units):
        rule = f"there are {len(units)} parts at most, the rules of a family in a pair of dtypes being the smallest"
        raise UnusableArguments(f"shard is {shard}, but of what is to be tried {rule}; choose {len(units)} or fewer")
    ends = _ends([sum(COSTS[rule.family] for rule in unit.properties) for unit in units], shard.of)
    return list(units[ends[shard.number - 1] : ends[shard.number]])


def _ends(costs: Sequence[int], parts: int) -> list[int]:
    """Where the parts begin and end; each has one at least."""
    sums = [0, *accumulate(costs)]

    @cache
    def cheapest(upto: int, parts: int) -> tuple[int, tuple[int, ...]]:
        """The cost of the dearest part, and the ends, where the first so many are dealt to so many parts."""
        if parts == 1:
            return sums[upto], (0, upto)
        ways = ((cheapest(end, parts - 1), end) for end in range(parts - 1, upto))
        return min((max(cost, sums[upto] - sums[end]), (*ends, upto)) for (cost, ends), end in ways)

    return [*cheapest(len(costs), parts)[1]]


def told(results: Sequence[Result], shard: Shard | None, *, jobs: int, timeout: float) -> tuple[tuple[Cause, ...], Ran]:
    """The causes, with what their scripts did; of a part all scripts that those of the whole may need, too."""
    causes = causes_of(results)
    if shard is None:
        return proved(causes, jobs=jobs, timeout=timeout), {}
    return proved_in_part(causes, finest_causes_of(results), jobs=jobs, timeout=timeout)


def part_of(shard: Shard | None, *, described: bool, files: Sequence[str], ran: Ran) -> Part | None:
    """What a report says of its part; None where it is the whole.

    Args:
        shard: the part.
        described: whether the target was.
        files: paths of what the run read, by the names in ``FILES``; empty where there is none.
        ran: the scripts that were run.
    """
    if shard is None:
        return None
    system = f"{platform.system()} {platform.machine()}"
    digests = {
        name: sha256(Path(file).read_bytes()).hexdigest() if file else "" for name, file in zip(FILES, files, strict=True)
    }
    return Part(shard.number, shard.of, described, system, digests, ran)
