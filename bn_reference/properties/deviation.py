"""What a known deviation of a library is: a region, a reason, a link, a witness, and what the library does there instead."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.oracle.compare import Comparison
from bn_reference.properties.registry import Property
from bn_reference.properties.trial import Trial

__all__ = ["GAPS", "TORCH", "Deviation", "by_model", "in_order", "loaded_torch", "version_of"]


GAPS = "spread"
LOST = 86  # a status that nothing else ends with
MOST_SECONDS = 120  # for a device to be made ready and lost
TORCH = "torch"  # the library, as implementations name the kernels that they run through
DISTRIBUTIONS = {  # of the libraries by the names used here, where these are others
    "haiku": "dm-haiku",
    "keras on torch": "keras",
    "onnx.reference": "onnx",
    "onnxruntime, Y of initializers": "onnxruntime",
    "onnxruntime, Y of inputs": "onnxruntime",
}


@dataclass(frozen=True)
class Deviation:
    """Where torch, or another library, is known to break a rule; what is said of torch here is said of that one then.

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
        loses_device: a script that ends with the status LOST where the device answers nothing more after it; empty for all
            others. A case in the region of such a one is not run, but ``instead``; nor is one for which that is itself.
        libraries: those that have it, as implementations name what they run through.
        gone_in: the first version of torch that was seen without it; None where every version has it.
        shown_by: the rule that the library for certain breaks on the witness, while it has it; empty where none is known.
        shown_in: whether it breaks that in a pair of dtypes.
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
    libraries: tuple[str, ...] = (TORCH,)
    gone_in: tuple[int, int] | None = None
    shown_by: str = ""
    shown_in: Callable[[Pair], bool] = lambda pair: True

    def shows_for_certain(self, property: Property, pair: Pair) -> bool:
        """Whether the rule, where the library keeps it on the witness, tells that the library has it no more."""
        return property.name == self.shown_by and self.concerns(property, pair) and self.shown_in(pair)

    @property
    def sentence(self) -> str:
        """What the library does, and where that is told."""
        return f"{self.reason} ({self.link})"

    def shows(self, device: str) -> bool:
        """Whether the torch that is loaded, or one of its libraries, has it on a device; where there is none, none has."""
        versions = [found for library in self.libraries if (found := version_of(library)) is not None]
        if self.device not in (None, device.partition(":")[0]):
            return False
        known = bool(versions) and (self.gone_in is None or min(versions) < self.gone_in)
        return known and (not self.loses_device or _loses(self.loses_device))


@cache
def _loses(script: str) -> bool:
    """Whether a script says so, in a process of its own; one that fails otherwise, or does not end, shows nothing."""
    try:
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == LOST


def loaded_torch() -> tuple[int, int] | None:
    """Major and minor version of torch, where it is loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    major, minor = re.findall(r"\d+", str(torch.__version__))[:2]
    return int(major), int(minor)


@cache
def _installed(distribution: str) -> tuple[int, int] | None:
    try:
        major, minor = re.findall(r"\d+", metadata.version(distribution))[:2]
    except metadata.PackageNotFoundError:
        return None
    return int(major), int(minor)


def version_of(library: str) -> tuple[int, int] | None:
    """Major and minor version: of the torch that is loaded, of another library as it is installed."""
    return loaded_torch() if library == TORCH else _installed(DISTRIBUTIONS.get(library, library))


def by_model(property: Property, trial: Trial) -> Comparison:
    """The property, where the model that the trial is under says all."""
    return property.body(trial)


def in_order(case: Case) -> Case:
    """The case with parameters and running statistics that lie without gaps."""
    return case.but(circumstances=tuple(word for word in case.circumstances if word != GAPS))
