"""A probe: what a target is, in seconds, before anything of it is verified."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.conventions import TORCH, Conventions
from bn_reference.support.threads import on_one_thread
from bn_reference.targets.protocol import Misbehaviour, Unsupported
from bn_reference.targets.recognition import load_target, name_of
from bn_reference.targets.watched import Watched
from bn_reference.verification.arguments import seconds
from bn_reference.verification.measuring.accuracy import accuracy_class
from bn_reference.verification.measuring.in_time import capabilities_in_time, conventions_in_time
from bn_reference.verification.measuring.steps import plain_case
from bn_reference.verification.time_limit import TimedOut, TimeLimit

__all__ = ["Probe", "probe"]


@dataclass(frozen=True)
class Probe:
    """What was found out of a target by calling it a few times.

    Attributes:
        target, device, form: as given, and how it is called.
        found: of its arguments and names, what stands for what.
        conventions: those that it keeps.
        capabilities: what it can be asked for; empty where that could not be told in time.
        accuracy: the class of its variance; empty where no running variance shows it.
        notes: what else a reader must know, a sentence each.
    """

    target: str
    device: str
    form: str
    found: dict[str, str]
    conventions: Conventions
    capabilities: dict[str, Any] = field(default_factory=dict)
    accuracy: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "target": self.target,
            "device": self.device,
            "form": self.form,
            "found": self.found,
            "conventions": self.conventions.to_json(),
            "differs_from_torch": TORCH.differences(self.conventions),
            "capabilities": self.capabilities,
            "accuracy": self.accuracy,
            "notes": list(self.notes),
        }


def probe(target: object, *, device: str = "cpu", imports: Sequence[str] = (), timeout: float = 10.0) -> Probe:
    """Find out how a target is called, what it takes, and whose conventions it keeps; nothing of it is verified.

    Args:
        target: as for ``verify``.
        device: where a torch layer and its arrays lie.
        imports: modules that are imported before the target.
        timeout: seconds that each part may take; what takes longer is left out.

    Raises:
        UnusableTarget: the target cannot be loaded or built.
        UnusableArguments: another argument cannot be used (a ValueError).
    """
    limit = TimeLimit(seconds("timeout", timeout, "pass 10, for example"))
    name = target if isinstance(target, str) else name_of(target)
    with redirect_stdout(sys.stderr), np.errstate(all="ignore"):  # what the target prints is no part of the answer
        implementation = load_target(target, device, imports)
        with on_one_thread(), limit.in_force():
            watched = Watched(implementation)
            found = Probe(
                name,
                implementation.device,
                implementation.form,
                dict(getattr(implementation, "found", {})),
                TORCH.but(momentum_weights=implementation.momentum_weights),
                notes=tuple(implementation.notes),
            )
            return _asked(found, watched, limit)


def _asked(found: Probe, target: Watched, limit: TimeLimit) -> Probe:
    """The probe with what had to be called for."""
    late = []
    conventions = conventions_in_time(target, limit, TORCH, accuracy=True)
    if conventions is None:
        conventions = found.conventions
        late.append("its conventions could not be told in time")
    capable = capabilities_in_time(target, limit)
    capabilities = found.capabilities if capable is None else capable.to_json()
    if capable is None:
        late.append("what it can be asked for could not be told in time")
    try:
        with limit:
            pair = next(pair for pair in PAIRS if target.domain.takes_pair(pair) and target.supports(pair))
            accuracy = accuracy_class(target, plain_case(target, pair), conventions)
    except (TimedOut, Unsupported, Misbehaviour, StopIteration):
        accuracy = ""
    notes = tuple(dict.fromkeys((*found.notes, *capabilities.get("notes", ()), *late)))
    return replace(found, conventions=conventions, capabilities=capabilities, accuracy=accuracy, notes=notes)
