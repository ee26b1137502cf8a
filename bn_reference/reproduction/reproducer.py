"""A violation as a script of its own: the very inputs and calls, with the target's framework and NumPy alone.

The script exits with status 1 while the target breaks the rule, and with 0 once it is mended. That of an adapter imports this
package, as the adapter itself does.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from textwrap import fill, indent, wrap

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.cases.steps import Steps
from bn_reference.oracle.compare import Comparison
from bn_reference.properties.registry import Property
from bn_reference.reports.sentences import say, say_steps
from bn_reference.reproduction.adapters import AdapterReplay
from bn_reference.reproduction.assertion import Evidence
from bn_reference.reproduction.derivatives import DerivativeReplay
from bn_reference.reproduction.evidence import evidence_of
from bn_reference.reproduction.replay import Replay
from bn_reference.reproduction.steps import steps_before
from bn_reference.targets.frameworks.known import KNOWN
from bn_reference.targets.trace import Call
from bn_reference.targets.watched import Watched

__all__ = ["Reproduced", "reproduced"]

STANDARD = ("concurrent.futures", "copy", "gc", "importlib.util", "io", "math", "os", "pickle", "random", "sys", "warnings")


@dataclass(frozen=True)
class Reproduced:
    """A script, empty where no layer was built, and the steps of the layer that it shows, where there are several."""

    script: str = ""
    steps: Steps | None = None


def reproduced(
    target_spec: str,
    target: Watched,
    comparison: Comparison,
    property: Property,
    pair: Pair,
    imports: Sequence[str] = (),
    case: Case | None = None,
) -> Reproduced:
    """A script that repeats the calls and asserts what did not hold.

    Args:
        target_spec: the target as the user gave it.
        target: the calls are those of its trace, from the first layer's building on.
        comparison: what did not hold.
        property, pair: the rule, and the dtypes it was tried in.
        imports: modules that were imported before the target.
        case: on which it did not hold.
    """
    calls = list(target.trace)
    if not calls or len(calls) == target.trace.maxlen:  # what the first ones were made on is not known
        return Reproduced()
    replay = _replay(calls, target)
    evidence = evidence_of(replay, comparison)
    steps = None
    if evidence is not None:  # once more with what is needed alone: names without gaps
        steps = steps_before(replay, evidence, comparison, case)
        replay = _replay(_needed(calls, evidence), target)
        evidence = evidence_of(replay, comparison)
    constants = [f"{name} = {code}" for (_, code), name in replay.constants.items()]
    code = "\n".join(
        [_target(target_spec), replay.words["setting"], *constants, "", *_body(replay, evidence, comparison, steps)]
    )
    standard = [f"import {module}" for module in STANDARD if f"{module}." in code]
    further = [
        *["import ml_dtypes"] * ("ml_dtypes." in code),
        *(f"import {module}" for module in imports),
        replay.words["imports"],
    ]
    text = "\n".join([_header(target_spec, property, pair, target), *standard, "", *further, "", code]) + "\n"
    return Reproduced(text, steps)


def _replay(calls: Sequence[Call], target: Watched) -> Replay:
    if target.framework == "adapter":
        return AdapterReplay(calls, target.device)
    return DerivativeReplay(calls, target.device, target.framework)


def _needed(calls: list[Call], evidence: Evidence) -> list[Call]:
    """All calls until the last one that is spoken of, less reads of the state that are not: a read changes nothing."""
    named = [evidence.call, evidence.until, *(output.call for output in evidence.outputs)]
    last = max((number for number, call in enumerate(calls) if call in named), default=len(calls) - 1)
    return [call for call in calls[: last + 1] if call in named or call.method not in ("state", "held_state")]


# the parts


def _header(target_spec: str, property: Property, pair: Pair, target: Watched) -> str:
    known = KNOWN[target_spec].distributions if target_spec in KNOWN else ()
    libraries = [*known, *["torch"] * (target.framework == "torch"), "numpy"]
    versions = [f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in libraries), platform.platform()]
    seen = f"{target_spec} broke this rule with input {pair.input}, parameters {pair.parameters}, seen with "
    adapter = "It is called through an adapter: the script needs bn_reference, as the adapter does.\n"
    text = f'''"""{property.sentence[:1].upper()}{property.sentence[1:]}.

{fill(property.formula, 110)}
Source: {property.source}.

{fill(f"{seen}{', '.join(versions)}.", 110)}
The exit status is 1 while it does, and 0 once it is mended.
{adapter * (target.framework == "adapter")}"""
'''
    return text.replace("\\", "\\\\")


def _version(name: str) -> str:
    module = sys.modules.get(name)
    return str(getattr(module, "__version__", None) or metadata.version(name))  # not every package tells its version itself


def _target(spec: str) -> str:
    if spec in KNOWN:
        return f"\nTarget = {spec!r}\n"
    place, _, path = spec.rpartition(":")
    if "<locals>" in path or place in ("__main__", "__mp_main__", "") or not re.fullmatch(r"[\w.]+", path):
        text = f"put here the class or function that was verified as {spec}"
        return f"\ndef Target(*arguments, **options):\n    raise NotImplementedError({text!r})\n"
    if not (place.endswith(".py") or os.sep in place or "/" in place):
        return f"import {place}\n\nTarget = {place}.{path}\n"
    stem = os.path.basename(place).removesuffix(".py")
    return f"""\
path = os.path.abspath({place!r})  # seen from where the target was verified
sys.path.insert(0, os.path.dirname(path))
spec = importlib.util.spec_from_file_location({stem!r}, path)
module = sys.modules[{stem!r}] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
Target = module.{path}
"""


def _body(replay: Replay, evidence: Evidence | None, comparison: Comparison, steps: Steps | None) -> list[str]:
    lines: list[str] = []
    for call, made in replay.lines.items():
        tried = call.wrong is not None or (evidence is not None and call is evidence.call)
        if evidence is not None and call is evidence.since:
            lines += evidence.before
        lines += _tried(made) if tried else made
    if evidence is None:
        said = wrap(f"# This was seen: {say(comparison)}", 110, subsequent_indent="# ")
        return [*lines, "", *said, "# It cannot be said in a line or two of these outputs; look whether the rule above holds."]
    names = dict.fromkeys(output.name for output in evidence.outputs)
    told = [] if steps is None else wrap(f"# {say_steps(steps)}", 110, subsequent_indent="# ")
    lines += ["", *(f'print(f"{name} = {{{name}}}")' for name in names), "", *told, *evidence.lines]
    if evidence.attempts > 1:
        lines = [f"for _ in range({evidence.attempts}):  # equal once may be chance", indent("\n".join(lines), "    ")]
    return [*lines, 'print("the rule holds here")']


def _tried(lines: Sequence[str]) -> list[str]:
    refused = [
        "except BaseException as error:  # whatever it raises",
        "    refused = error",
        '    print("refused:", repr(error))',
    ]
    return ["refused = None", "try:", indent("\n".join(lines), "    "), *refused]
