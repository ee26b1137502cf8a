"""Results and reports made by hand, for tests of how they are shown."""

from io import StringIO
from typing import Any

import numpy as np
from rich.console import Console

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.oracle.compare import Comparison
from bn_reference.properties import PROPERTIES
from bn_reference.reports.report import Report
from bn_reference.reports.results import Cause, Result, Violation
from bn_reference.reports.sentences import say
from bn_reference.reports.text import print_report

RULE = "one_step_moves_the_running_mean"
OTHER = "output_is_the_normalized_batch"
IMPLIED = "output_mean_is_the_bias"
SCRIPT = "import torch\n\n# a line that is longer than any terminal" + 30 * " and longer" + "\nassert False\n"
CASE = Case(PAIRS[0], np.array([[1.0], [2.5]], np.float32), np.ones((2, 1), np.float32), kinds=("plain",))
WORST = Comparison(
    "running_mean", False, ratio=250.0, index=(0,), actual=0.30000001192092896, expected=0.175, error=0.125, bound=0.0005
)
SHOWN = Violation(say(WORST), WORST, CASE, WORST, "momentum is the weight of the old value", SCRIPT)
FAMILY = {property.name: property.family for property in PROPERTIES}


def result(name: str = RULE, pair: Pair = PAIRS[0], status: Any = "passed", **changes: Any) -> Result:
    given: dict[str, Any] = {"examples": 100, "worst_ratio": 0.25, "without_power": 0.02, "seconds": 1.25}
    given |= {"resolution": (2e-7, 1e-3)} | changes
    given.setdefault("saw_y", name == OTHER and given["examples"] > 0)
    return Result(name, FAMILY[name], pair.input, pair.parameters, "cpu", status, **given)


def violated(pair: Pair = PAIRS[0], violation: Violation = SHOWN, name: str = RULE) -> Result:
    return result(name, pair, "violated", worst_ratio=250.0, examples=3, message=violation.message, violation=violation)


def cause(*members: Result, **changes: Any) -> Cause:
    return Cause(members[0], members, **changes)


def report(*results: Result, **changes: Any) -> Report:
    """With one cause for each violation, where nothing else is said."""
    changes.setdefault("causes", tuple(cause(found) for found in results if found.status == "violated"))
    return Report("somewhere:Layer", {"python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6"}, 7, 12.34, results, **changes)


def printed(shown: Report, *, width: int = 120, terminal: bool = False, everything: bool = False) -> str:
    stream = StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, legacy_windows=False, color_system="standard")
    print_report(shown, console, everything=everything)
    return stream.getvalue()
