"""A verification through the night: round after round with fresh seeds, each entered in a log when it is over.

Each round is a verification of its own, in processes of its own, of which a line is all that is kept: memory stays flat, and
whatever ends the night costs one round at most.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bn_reference.reports.deep import Deep, Find, Round
from bn_reference.reports.report import Report
from bn_reference.support.files import write_whole
from bn_reference.verification.arguments import UnusableArguments

__all__ = ["LOG", "deep_rounds"]

LOG = "rounds.jsonl"
FORMAT = 1
MOST_SHOWN = 60  # characters of a value


def deep_rounds(
    folder: Path,
    asked: Mapping[str, Any],
    verified: Callable[[int], Report],
    *,
    minutes: float | None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Deep]:
    """All rounds so far, at first and after each further one, until the time is over or somebody stops asking.

    Args:
        folder: has the log, and the report of each round that found something new.
        asked: what every round is asked, ``seed`` and ``target`` among it; a log of something else is refused.
        verified: the report of one seed.
        minutes: in which rounds are begun, one at least; None for no end.
        clock: tells seconds.

    Raises:
        UnusableArguments: the log is of something else, or cannot be read or written.
        KeyboardInterrupt: a round was interrupted, which is then as if it had never begun.
    """
    ends, so_far = None if minutes is None else clock() + 60 * minutes, _read(folder, asked)
    yield so_far
    begun = so_far.rounds
    while ends is None or clock() < ends or so_far.rounds == begun:  # however little time there is
        seed = asked["seed"] + so_far.rounds
        before, began = sum(os.times()[:4]), clock()
        report = verified(seed)
        if report.interrupted:
            raise KeyboardInterrupt
        said = report.to_json()
        round = Round(
            seed=seed,
            examples=sum(result.examples for result in report.results),
            seconds=clock() - began,
            cpu_seconds=sum(os.times()[:4]) - before,  # of this process, and of the workers that it had
            passes=report.passes,
            sentence=said["sentence"],
            finds=tuple(Find.of(cause) for cause in said["causes"]),
        )
        if any(find.key not in so_far.first for find in round.finds):
            text = json.dumps(said, indent=2, allow_nan=False) + "\n"
            write_whole(folder / round.report, lambda file, text=text: file.write(text.encode()))  # type: ignore[misc]
        _append(folder / LOG, round.to_json())
        so_far = so_far.after(round)
        yield so_far


def _read(folder: Path, asked: Mapping[str, Any]) -> Deep:
    """The rounds of a log, which is begun where there is none."""
    log, head = folder / LOG, {"deep": FORMAT, **asked}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not log.exists():
            _append(log, head)
        whole = log.read_bytes().rpartition(b"\n")[0]
        os.truncate(log, len(whole) + 1)  # what was being written when something ended the process
        found, *lines = map(json.loads, whole.decode().splitlines())
        _require_alike(log, found, json.loads(json.dumps(head)))
        so_far = Deep(asked["target"], folder)
        for line in lines:
            so_far = so_far.after(Round.from_json(line))
        return so_far
    except OSError as error:
        raise UnusableArguments(
            f"deep is {folder}, where nothing can be kept ({error.strerror}); choose another place"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, UnusableArguments):
            raise
        raise UnusableArguments(f"{log} is no log of rounds ({error}); choose another folder") from None


def _require_alike(log: Path, found: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    for name in dict.fromkeys([*found, *asked]):
        was, is_now = (str(each.get(name, "nothing"))[:MOST_SHOWN] for each in (found, asked))
        if found.get(name) != asked.get(name):
            rule = "ask for the same, or choose another folder"
            raise UnusableArguments(f"the rounds of {log} have {name} {was}, and this is asked with {is_now}; {rule}")


def _append(log: Path, line: Mapping[str, Any]) -> None:
    """Write a line, and go on when it is on the disk."""
    with log.open("ab") as file:
        file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
