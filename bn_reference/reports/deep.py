"""What the rounds of a deep verification come to: values that stay small however many there are, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

__all__ = ["Deep", "Find", "Round", "say_deep", "say_round"]

HOUR = 3600.0


@dataclass(frozen=True)
class Find:
    """A cause in the report of a round.

    Attributes:
        rule: that it breaks, the root's.
        what: its explanation, or the quantity that shows it, by which it is known again.
        cause: what was found, in a sentence.
    """

    rule: str
    what: str
    cause: str

    @classmethod
    def of(cls, cause: Mapping[str, Any]) -> Find:
        """That of an entry of a JSON report."""
        quantity = (cause["element"] or "").partition("[")[0]
        return cls((cause["properties"] or [""])[0], cause["explanation"] or quantity, cause["cause"])

    @property
    def key(self) -> tuple[str, str]:
        """What it is known again by in another round."""
        return self.rule, self.what


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        seed: of its cases.
        examples: that were compared.
        seconds, cpu_seconds: that it took, and that it cost in all processes.
        passes: whether the target conforms in it.
        sentence: its verdict.
        finds: what speaks against the target.
    """

    seed: int
    examples: int
    seconds: float
    cpu_seconds: float
    passes: bool
    sentence: str
    finds: tuple[Find, ...]

    @property
    def report(self) -> str:
        """The file of its JSON report, where something is new in it."""
        return f"found-{self.seed}.json"

    def to_json(self) -> dict[str, Any]:
        """A line of the log."""
        return asdict(self)

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Round:
        """The round of a line."""
        return cls(**{**line, "finds": tuple(Find(**find) for find in line["finds"])})


@dataclass(frozen=True)
class Deep:
    """The rounds so far.

    Attributes:
        target: what is tried.
        folder: of the log and the reports.
        rounds, examples, seconds, cpu_seconds: of all of them.
        passes: whether the target conformed in each.
        latest: the latest one.
        first: of what was found, the round and the seconds in which it was found first.
        times: in how many rounds each was.
    """

    target: str
    folder: Path
    rounds: int = 0
    examples: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    passes: bool = True
    latest: Round | None = None
    first: dict[tuple[str, str], tuple[Find, Round, float]] = field(default_factory=dict)
    times: dict[tuple[str, str], int] = field(default_factory=dict)

    def after(self, round: Round) -> Deep:
        """With one more round."""
        seconds = self.seconds + round.seconds
        new = {find.key: (find, replace(round, finds=()), seconds) for find in round.finds if find.key not in self.first}
        times = dict(self.times)
        for key in {find.key for find in round.finds}:
            times[key] = times.get(key, 0) + 1
        return replace(
            self,
            rounds=self.rounds + 1,
            examples=self.examples + round.examples,
            seconds=seconds,
            cpu_seconds=self.cpu_seconds + round.cpu_seconds,
            passes=self.passes and round.passes,
            latest=round,
            first={**self.first, **new},
            times=times,
        )

    @property
    def an_hour(self) -> float:
        """Causes found per hour."""
        return len(self.first) / (self.seconds / HOUR) if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """All of it, for other programs."""
        return {
            "deep": 1,
            "target": self.target,
            "passes": self.passes and self.rounds > 0,
            "rounds": self.rounds,
            "examples": self.examples,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "found_per_hour": self.an_hour,
            "found": [
                {**asdict(find), "seed": round.seed, "report": round.report, "after_seconds": after, "rounds": self.times[key]}
                for key, (find, round, after) in self.first.items()
            ],
        }


def say_round(deep: Deep, before: Deep) -> str:
    """The latest round in a line."""
    round, new = deep.latest, len(deep.first) - len(before.first)
    assert round is not None
    found = f"{new} new, {round.report} has it" if new else "nothing new" if round.passes or round.finds else round.sentence
    cost = f"{round.seconds:.0f} s, {round.cpu_seconds:.0f} s of processors"
    return f"round {deep.rounds}, seed {round.seed}: {round.examples:,} examples in {cost}; {found}"


def say_deep(deep: Deep) -> Iterator[str]:
    """What all rounds came to, and what they cost."""
    if deep.latest is None:
        yield f"{deep.target}: no round has come to its end yet"
        return
    rounds = f"{deep.rounds} round{'s' * (deep.rounds != 1)} to seed {deep.latest.seed}"
    each = f"{1000 * deep.cpu_seconds / max(deep.examples, 1):.1f} ms an example"
    cost = f"{deep.seconds / HOUR:.2f} h and {deep.cpu_seconds / HOUR:.2f} h of processors, {each}"
    yield f"{deep.target}: {deep.examples:,} examples in {rounds}, {cost}"
    causes = f"{len(deep.first)} cause{'s' * (len(deep.first) != 1)}"
    yield f"found {causes}, {deep.an_hour:.2g} an hour{':' * bool(deep.first)}"
    for key, (find, round, after) in deep.first.items():
        met = f"first after {after / HOUR:.2f} h, in {deep.times[key]} of {deep.rounds} rounds"
        why = f" ({find.what})" if " " in find.what else ""  # an explanation, and not a quantity
        yield f"  {find.rule.replace('_', ' ')}: {find.cause}{why}; {met}; {deep.folder / round.report} has it"
    if not deep.passes and not deep.first:
        yield deep.latest.sentence
