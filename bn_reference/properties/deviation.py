"""What a known deviation of torch is: a region, a reason, a link, a witness, and what torch does there instead."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.oracle.compare import Comparison
from bn_reference.properties.registry import Property
from bn_reference.properties.trial import Trial

__all__ = ["GAPS", "Deviation", "by_model", "in_order", "loaded_torch"]


GAPS = "spread"


@dataclass(frozen=True)
class Deviation:
    """Where torch is known to break a rule.

    Attributes:
        name: short, for reports.
        reason: what torch does instead, in one sentence.
        link: where it is documented or discussed.
        concerns: whether a property may meet it in this pair of dtypes.
        region: whether a case lies where it holds.
        as_torch: the property's comparison with what torch does there.
        witness: a case in the region that shows it.
        model: the precision model of what torch does, as fields of ``Precision``, where that is all there is to it.
        quantities: how the names of those begin in which it may show.
        instead: a case on which torch must keep the rule where nothing can be said of this one; the case itself otherwise.
        device: where torch does so, "cpu" or "cuda"; None for everywhere.
        loses_device: a script that ends with status 1 where the device answers nothing more after it; empty for all others. A
            case in the region of such a one is not run, but ``instead``; nor is one for which that is the case itself.
        gone_in: the first version of torch that was seen without it; None where every version has it.
    """

    name: str
    reason: str
    link: str
    concerns: Callable[[Property, Pair], bool]
    region: Callable[[Property, Case], bool]
    witness: Callable[[Pair], Case]
    as_torch: Callable[[Property, Trial], Comparison]
    model: Callable[[Case], dict[str, Any]] = lambda case: {}
    instead: Callable[[Case], Case] = lambda case: case
    quantities: str = ""
    device: str | None = "cpu"
    loses_device: str = ""
    gone_in: tuple[int, int] | None = None

    def shows(self, device: str) -> bool:
        """Whether the torch that is loaded has it on a device; no torch has none."""
        version = loaded_torch()
        if self.device not in (None, device.partition(":")[0]):
            return False
        known = version is not None and (self.gone_in is None or version < self.gone_in)
        return known and (not self.loses_device or _ends_with_1(self.loses_device))


@cache
def _ends_with_1(script: str) -> bool:
    """Whether a script does so, in a process of its own."""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 1


def loaded_torch() -> tuple[int, int] | None:
    """Major and minor version of torch, where it is loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    major, minor = re.findall(r"\d+", str(torch.__version__))[:2]
    return int(major), int(minor)


def by_model(property: Property, trial: Trial) -> Comparison:
    """The property, where the model that the trial is under says all."""
    return property.body(trial)


def in_order(case: Case) -> Case:
    """The case with parameters and running statistics that lie without gaps."""
    return case.but(circumstances=tuple(word for word in case.circumstances if word != GAPS))
