"""Accepted deviations written: an entry for each region of a cause, whose reason is for people to write."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bn_reference.cases.region import Region
from bn_reference.properties.accepted import can_be_accepted
from bn_reference.reports.regions import say_region
from bn_reference.reports.report import Report
from bn_reference.reports.results import Result, pair_of
from bn_reference.support.files import write_whole
from bn_reference.support.toml import toml_string
from bn_reference.targets.locating import in_folder
from bn_reference.verification.survey import Survey

__all__ = ["Draft", "append", "drafts_of"]

HEAD = """\
# Deviations that are accepted. `bn-reference verify` excuses each where it is described, and nothing else; what no longer
# fails is an error until its entry is removed. Every entry needs a reason. `until = 2027-01-31` or `until = "torch 2.15"`
# ends it; `link` says where it is followed up; the witnesses are cases that show it.
"""
MOST_SAID = 300  # characters of what was found
LONGEST = 20_000  # characters of a witness; what is longer is left to what is drawn


@dataclass(frozen=True)
class Draft:
    """An entry that lacks its reason.

    Attributes:
        said: what was found, in a sentence.
        rules, pairs: in all of which it shows.
        region, found: where, and what.
        witnesses: by pair, code of the cases that show it.
    """

    said: str
    rules: tuple[str, ...]
    pairs: tuple[str, ...]
    region: Region
    found: tuple[str, ...]
    witnesses: dict[str, tuple[str, ...]]


def drafts_of(report: Report) -> list[Draft]:
    """What would accept the violations of a run that surveyed them; of what nothing can accept there is none."""
    drafts: list[Draft] = []
    for cause in report.causes:
        members = [result for result in cause.members if _survey(result) is not None]
        explained = f" ({cause.violation.diagnosis})" if cause.violation.diagnosis else ""
        drafts += _of_cause(members, f"{cause.violation.message}{explained}")
    return drafts


def append(path: Path, drafts: Sequence[Draft], target: str, device: str) -> None:
    """Write the entries below what the file has."""
    before = path.read_text(encoding="utf-8").rstrip("\n") + "\n" if path.exists() else HEAD
    folder = os.path.dirname(os.path.abspath(path))
    known = in_folder(target, os.getcwd())
    named = os.path.relpath(known, folder) if os.path.isabs(known) else known  # a path ends in the name of its attribute
    text = "\n".join([before, *(_entry(draft, named, device) for draft in drafts)])
    write_whole(path, lambda file: file.write(text.encode()))


def _survey(result: Result) -> Survey | None:
    """Of what can be accepted."""
    survey, violation = result.survey, result.violation
    usable = isinstance(survey, Survey) and violation is not None and can_be_accepted(violation.found)
    return survey if usable and survey.failed else None


def _of_cause(members: Sequence[Result], said: str) -> Iterator[Draft]:
    """The fewest entries that say neither a rule in a pair in which it was kept, nor more of a region than is so."""
    regions = dict(_regions(members))
    groups: dict[tuple[Region, tuple[str, ...]], list[str]] = {}
    for rule in dict.fromkeys(result.property for result in members):
        by_region: dict[Region, list[str]] = {}
        for result in members:
            if result.property == rule:
                by_region.setdefault(regions[result.property, pair_of(result)], []).append(pair_of(result))
        for region, names in by_region.items():
            groups.setdefault((region, tuple(names)), []).append(rule)
    for (region, pairs), rules in groups.items():
        chosen = [result for result in members if result.property in rules and pair_of(result) in pairs]
        found = sorted({each for result in chosen for each in result.survey.found})
        yield Draft(said, tuple(rules), pairs, region, tuple(found), {pair: _witnesses(chosen, pair) for pair in pairs})


def _regions(members: Sequence[Result]) -> Iterator[tuple[tuple[str, str], Region]]:
    """One region for all where it is as narrow as that of each, else one for each rule, else one for each."""
    surveys: list[Survey] = [result.survey for result in members]
    pooled = _pooled(surveys)
    if len(members) == 1 or all(_excused(pooled, each) <= _excused(each.region(), each) for each in surveys):
        yield from (((result.property, pair_of(result)), pooled) for result in members)
        return
    rules = list(dict.fromkeys(result.property for result in members))
    by_rule = [[result for result in members if result.property == rule] for rule in rules]
    for part in by_rule if len(rules) > 1 else [[result] for result in members]:
        yield from _regions(part)


def _pooled(surveys: Sequence[Survey]) -> Region:
    if len(surveys) == 1:
        return surveys[0].region()
    edges = {each.edge for each in surveys}
    together = Survey(edge=edges.pop() if len(edges) == 1 else None)
    for each in surveys:
        together.failed += each.failed
        together.held += each.held
        together.shown += each.shown
    return together.region()


def _excused(region: Region, survey: Survey) -> int:
    """How many cases that held it would excuse."""
    return sum(map(region.has, survey.held))


def _witnesses(results: Sequence[Result], pair: str) -> tuple[str, ...]:
    cases = [result.violation.case for result in results if pair_of(result) == pair and result.violation is not None]
    return tuple(dict.fromkeys(code for case in cases if case is not None and len(code := repr(case)) <= LONGEST))


def _entry(draft: Draft, target: str, device: str) -> str:
    where = _inline(draft.region.to_plain())
    lines = [
        f"# {toml_string(_cut(draft.said))[1:-1]}",
        "[[accepted]]",
        f"target = {toml_string(target)}",
        f"device = {toml_string(device)}",
        f"rules = {_listed(draft.rules)}",
        f"pairs = {_listed(draft.pairs)}",
        f"region = {toml_string(say_region(draft.region))}",
        *([f"where = {where}"] if where != "{  }" else []),
        f"found = {_listed(draft.found)}",
        'reason = ""',
        'link = ""',
    ]
    if any(draft.witnesses.values()):
        lines += ["", "[accepted.witnesses]"]
        lines += [f"{toml_string(pair)} = {_listed(codes)}" for pair, codes in draft.witnesses.items() if codes]
    return "\n".join(lines) + "\n"


def _cut(text: str) -> str:
    return text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]} ..."


def _listed(texts: Sequence[str]) -> str:
    """On one line, or one line each where there are several."""
    quoted = list(map(toml_string, texts))
    return f"[{quoted[0]}]" if len(quoted) == 1 else "\n".join(["[", *(f"    {each}," for each in quoted), "]"])


def _inline(value: object) -> str:
    """A value of TOML on one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {_inline(each)}' for name, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else toml_string(str(value))
