"""The verdict of all parts of a run, made of their reports: that of one run, or a sentence why they are not parts of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from bn_reference.cases.facts import Kind
from bn_reference.conventions import Conventions
from bn_reference.properties.accepted import Acceptance
from bn_reference.reports.difference import UnusableReport
from bn_reference.reports.part import Part, Ran
from bn_reference.reports.part_read import accepted_read, part_read, results_read
from bn_reference.reports.report import Report
from bn_reference.reports.result_read import result_read
from bn_reference.reports.results import Result, pair_of
from bn_reference.verification.causes import causes_of, placed
from bn_reference.verification.proof import proved
from bn_reference.verification.selection import select_pairs, select_properties, units
from bn_reference.verification.shards import FILES, MOST, Shard, dealt
from bn_reference.verification.standing import standing_of

__all__ = ["merged"]

WROTE = "bn-reference verify --shard I/N --json FILE wrote"
OWN = ("jobs", "database", *FILES)  # in which the parts of a run may differ; of files it is compared what they have
ABSENT = "nothing"
READ = ("target", "seed", "seconds", "interrupted", "options", "capabilities", "notes")
FEW = 8  # parts that are named


@dataclass(frozen=True, eq=False)
class _Read:
    """One report."""

    name: str
    report: Mapping[str, Any]
    part: Part
    results: tuple[Result, ...]
    demanded: Conventions
    found: Conventions
    accepted: tuple[Acceptance, ...]


def merged(reports: Sequence[tuple[str, Mapping[str, Any]]]) -> Report:
    """The report of the whole run; its seconds are those of all parts together.

    Whether a script fails is what was seen where its part was tried: nothing that a report has is run here.

    Args:
        reports: the names of files, and what ``read_report`` gives of them.

    Raises:
        UnusableReport: they are not the parts of one run, all of them.
    """
    read = [_read(name, report) for name, report in reports]
    _require_all_parts(read)
    read.sort(key=lambda each: each.part.number)
    _require_one_run(read)
    for each in read:
        _require_its_results(each)
    results = sorted((result for each in read for result in each.results), key=placed)
    first = read[0].report
    told = next((each for each in read if each.part.described), read[0])
    ran: Ran = {key: failed for each in read for key, failed in each.part.ran.items()}
    return Report(
        target=first["target"],
        environment=dict(first["environment"]),
        seed=first["seed"],
        seconds=sum(float(each.report["seconds"]) for each in read),
        results=tuple(results),
        causes=proved(causes_of(results), jobs=1, timeout=0.0, fails=_seen(ran)),
        options=dict(first["options"]),
        conventions=told.found,
        demanded=told.demanded,
        capabilities=dict(told.report["capabilities"]),
        notes=tuple(dict.fromkeys([*(note for each in read for note in each.report["notes"]), *_platforms(read)])),
        accepted=tuple(standing_of(each, results) for each in read[0].accepted),
    )


def _read(name: str, report: Mapping[str, Any]) -> _Read:
    if "shard" not in report:
        raise UnusableReport(f"the report {name} is of a whole run, and no part of one; give those that {WROTE}")
    try:
        here, there = metadata.version("bn-reference"), report["environment"]["bn-reference"]
        if here != there:
            rule = "merge with the version that wrote it"
            raise UnusableReport(f"the report {name} is of bn-reference {there}, and this is {here}; {rule}")
        results = results_read(report, tuple(map(result_read, report["results"])))
        part, conventions = part_read(report, results), report["conventions"]
        if not 1 <= part.number <= part.of <= MOST:
            raise ValueError(str(part))
        _ = [report[name] for name in READ]
        demanded, found = (Conventions(**conventions[whose]) for whose in ("demanded", "found"))
        return _Read(name, report, part, results, demanded, found, accepted_read(report))
    except KeyError as missing:
        raise UnusableReport(
            f"the report {name} has no {missing.args[0]!r} where a part has one; give those that {WROTE}"
        ) from None
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise UnusableReport(
            f"the report {name} has something in it that no part has ({said}); give those that {WROTE}"
        ) from None


def _require_all_parts(read: Sequence[_Read]) -> None:
    """Each part of the same number of parts once, tried to its end."""
    of = read[0].part.of
    found: dict[int, _Read] = {}
    for each in read:
        if each.part.of != of:
            raise UnusableReport(
                f"{read[0].name} is {read[0].part} and {each.name} is {each.part}; give the parts of one run, which are as many"
            )
        if each.part.number in found:
            raise UnusableReport(f"{found[each.part.number].name} and {each.name} are both {each.part}; give each part once")
        if each.report["interrupted"]:
            raise UnusableReport(f"{each.name} was interrupted; run {each.part} again, with --shard {each.part.number}/{of}")
        found[each.part.number] = each
    if missing := [number for number in range(1, of + 1) if number not in found]:
        named = ", ".join(map(str, missing[:FEW])) + (f" and {len(missing) - FEW} more" if missing[FEW:] else "")
        what, them = (
            (f"part {named} of {of} is", "its report") if len(missing) == 1 else (f"parts {named} of {of} are", "their reports")
        )
        raise UnusableReport(f"{what} missing; give {them} too")


def _require_one_run(read: Sequence[_Read]) -> None:
    """The same target, cases and versions, and what was found of the target as a whole."""
    rule = "give the parts of one run"
    _require_alike(read, lambda each: {"target": each.report["target"], "seed": each.report["seed"]}, "the {} is", rule)
    _require_alike(read, _options, "the option {} is", rule)
    _require_alike(read, lambda each: each.part.files, "the file of {} has", f"{rule}, which read the same files")
    _require_alike(read, _environment, "the version of {} is", "let all machines install the same versions")
    _require_alike(read, lambda each: {"machine": each.part.system}, "the {} is", "let all parts run on machines of one kind")
    _require_alike(read, _accepted, "of the accepted deviations, {} is", f"{rule}, of one day")
    # a process that a target ended says nothing of it
    described = [each for each in read if each.part.described]
    machines = "let all parts run on the same kind of machine, or look what the target makes of the machine"
    _require_alike(described, lambda each: each.demanded.to_json(), "the convention {} is demanded as", rule)
    _require_alike(described, lambda each: each.found.to_json(), "the convention {} was found to be", machines)
    _require_alike(
        described, lambda each: each.report["capabilities"], "of what the target can be asked for, {} was found to be", machines
    )


def _require_alike(read: Sequence[_Read], of: Callable[[_Read], Mapping[str, Any]], said: str, rule: str) -> None:
    """The same values of everything in all of them."""
    for each in read[1:]:
        here, there = of(read[0]), of(each)
        for name in dict.fromkeys([*here, *there]):
            if here.get(name, ABSENT) != there.get(name, ABSENT):
                one, other = (_short(values.get(name, ABSENT)) for values in (here, there))
                raise UnusableReport(f"{said.format(name)} {one} in {read[0].name} and {other} in {each.name}; {rule}")


def _short(value: Any) -> str:
    said = str(value)
    return said if len(said) <= 60 else f"{said[:57]}..."


def _options(each: _Read) -> dict[str, Any]:
    return {name: value for name, value in each.report["options"].items() if name not in OWN}


def _environment(each: _Read) -> dict[str, str]:
    """All but the platform, which has the release of a kernel in it; the kind of machine is compared by itself."""
    return {name: version for name, version in each.report["environment"].items() if name != "platform"}


def _accepted(each: _Read) -> dict[str, Any]:
    told = ("target", "device", "rules", "pairs", "reason", "region", "found", "link", "past")
    return {f"entry {of.number}": [getattr(of, name) for name in told] for of in each.accepted}


def _platforms(read: Sequence[_Read]) -> Iterator[str]:
    platforms = list(dict.fromkeys(each.report["environment"].get("platform", ABSENT) for each in read))
    if len(platforms) > 1:
        yield f"its parts were tried on {', '.join(platforms)}"


def _require_its_results(each: _Read) -> None:
    """The results of what is dealt to it, and no others."""
    options, shard = each.report["options"], Shard(each.part.number, each.part.of)
    try:
        its = dealt(units(select_properties(options["properties"]), select_pairs(options["dtypes"])), shard)
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableReport(f"the options of {each.name} are those of no run ({error}); give those that {WROTE}") from None
    wanted = {(rule.name, str(unit.pair)) for unit in its for rule in unit.properties}
    found = [(str(result.property), pair_of(result)) for result in each.results]
    if len(found) != len(wanted) or set(found) != wanted:
        odd = next(iter(sorted(wanted.symmetric_difference(found))), ("one rule", "one pair"))
        what = "lacks" if odd in wanted else "has" if odd in found else "has twice"
        raise UnusableReport(
            f"{each.name} {what} a result of {odd[0]} in {odd[1]}, unlike {each.part}; give those that {WROTE}"
        )


def _seen(ran: Ran) -> Callable[[str, float, Kind | None], bool | None]:
    """What a script did where its part was tried."""
    return lambda script, seconds, kind: ran.get((script, kind))
