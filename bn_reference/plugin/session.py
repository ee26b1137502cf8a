"""What a session of pytest asks for, of which targets, and who gives the verdicts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bn_reference.arithmetic.precision import Pair
from bn_reference.plugin.options import Options
from bn_reference.plugin.verdicts import Asked, InThisProcess, InWorkers, Told, recorded, told
from bn_reference.properties import Property
from bn_reference.support.threads import processors
from bn_reference.targets.locating import seen_from_here
from bn_reference.targets.recognition import name_of
from bn_reference.verification.asked import accepting
from bn_reference.verification.found_before import found_before
from bn_reference.verification.selection import Budget, Unit

__all__ = ["SESSION", "Session"]

Group = tuple[Pair, str, int | None]  # a family in a pair of dtypes, and the seed


class Session:
    """Verdicts on the targets of one session.

    Those that are named by an option are tried in worker processes, side by side where pytest itself has one process; the
    rules of a decorator are tried in this one.
    """

    def __init__(self, options: Options, *, one_of_several: bool) -> None:
        self.options = options
        self._one_of_several = one_of_several  # processes in which pytest runs
        self._chosen: dict[object, dict[Group, list[Property]]] = defaultdict(lambda: defaultdict(list))
        self._in_workers: dict[str, InWorkers] = {}
        self._in_this_process: dict[object, InThisProcess] = {}
        self._directory: TemporaryDirectory[str] | None = None
        self._recording: str | None = None

    def require_usable(self) -> None:
        """Load each target in a process of its own.

        Raises:
            UnusableTarget: one cannot be loaded.
        """
        for target in self.options.targets:
            self._workers(target).load()

    def choose(self, target: object, asked: Asked) -> None:
        """A rule will be asked for; what is asked of the same cases is tried together."""
        self._chosen[target][_group(asked)].append(asked.rule)

    def verdict(self, target: str, asked: Asked) -> Told:
        """The verdict on a rule, with what else is to be told.

        Raises:
            UnusableTarget: the target cannot be loaded.
            SuiteFailed: an error of the suite's own.
        """
        verdicts = self._workers(target)
        if not verdicts.asked and not self._one_of_several:
            verdicts.ask(self._units(target))
        result = verdicts.of(self._with_others(target, asked))
        return told(result, verdicts.described(), asked.rule, verdicts.accepted)

    def verdict_here(self, key: object, target: object, options: Options, asked: Asked) -> Told:
        """The same, in this process; ``key`` stands for the target with its options."""
        if key not in self._in_this_process:
            self._in_this_process[key] = InThisProcess(target, options.device, self._budget(options, _named(target)))
        verdicts = self._in_this_process[key]
        result = verdicts.of(self._with_others(key, asked))
        return told(result, verdicts.described(), asked.rule, verdicts.accepted)

    def end(self) -> None:
        """Nothing more is asked."""
        for verdicts in self._in_workers.values():
            verdicts.end()
        if self._directory is not None:
            self._directory.cleanup()

    def _workers(self, target: str) -> InWorkers:
        if target not in self._in_workers:
            jobs = 1 if self._one_of_several else processors()
            located = seen_from_here(target, self.options.folder) if self.options.folder else target
            budget = self._budget(self.options, located)
            self._in_workers[target] = InWorkers(located, self.options.device, budget, jobs)
        return self._in_workers[target]

    def _budget(self, options: Options, target: str) -> Budget:
        if self._recording is None:
            self._recording = recorded(options.cases, self._scratch)
        found = found_before(options.databases, target, options.device)
        return accepting(options.accept, target, options.device, replace(options.budget(self._recording), found=found))

    def _scratch(self) -> Path:
        self._directory = self._directory or TemporaryDirectory(prefix="bn_reference.")
        return Path(self._directory.name)

    def _units(self, target: object) -> list[Unit]:
        return [Unit(tuple(chosen), pair, seed) for (pair, _, seed), chosen in self._chosen[target].items()]

    def _with_others(self, target: object, asked: Asked) -> Asked:
        chosen = self._chosen[target][_group(asked)]
        return Asked(asked.rule, replace(asked.unit, properties=tuple(chosen))) if asked.rule in chosen else asked


def _named(target: object) -> str:
    return target if isinstance(target, str) else name_of(target)


def _group(asked: Asked) -> Group:
    return asked.unit.pair, asked.rule.family, asked.unit.seed


SESSION = pytest.StashKey[Session]()
