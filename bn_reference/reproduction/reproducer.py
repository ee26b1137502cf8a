"""A violation as a script of its own: the very inputs and calls, with the target's framework and NumPy alone.

The script exits with status 1 while the target breaks the rule, and with 0 once it is mended. That of an adapter imports this
package, as the adapter itself does.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from textwrap import indent, wrap

from bn_reference.arithmetic.precision import Pair
from bn_reference.oracle.compare import Comparison
from bn_reference.properties.registry import Property
from bn_reference.reports.sentences import say
from bn_reference.reproduction.adapters import AdapterReplay
from bn_reference.reproduction.evidence import Evidence, evidence_of
from bn_reference.reproduction.layers import LayerReplay
from bn_reference.reproduction.replay import Replay
from bn_reference.targets.trace import Call, Framework, Fresh, Open, Read

__all__ = ["script"]

PROTOCOL = "bn_reference.targets.protocol"
IMPORTS = {  # what a script may use, and the line that it then needs
    **{rf"\b{name}\.": f"import {name}" for name in ("importlib.util", "math", "os", "sys", "types")},
    r"\bDecimal\(": "from decimal import Decimal, getcontext",
    r"\bml_dtypes\.": "import ml_dtypes",
    r"\bnp\.": "import numpy as np",
    r"\btorch\.": "import torch",
    r"\bPair\(": "from bn_reference.arithmetic.precision import Pair",
    r"\bCase\(": "from bn_reference.cases.case import Case",
    r"\bState\(": "from bn_reference.cases.case import State",
    r"\bPlacement\(": "from bn_reference.cases.layouts import Placement",
    r"\bplace\(": "from bn_reference.cases.layouts import place",
    r"\bload_target\(": "from bn_reference.targets.recognition import load_target",
    **{rf", {name}\)": f"from {PROTOCOL} import {name}" for name in ("Grads", "Session", "Step")},
}


def script(target_spec: str, trace: Iterable[Call], comparison: Comparison, property: Property, pair: Pair) -> str:
    """A script that repeats the calls and asserts what did not hold; empty where no layer was built.

    Args:
        target_spec: the target as the user gave it.
        trace: the calls, oldest first, from the first layer's building on.
        comparison: what did not hold.
        property, pair: the rule, and the dtypes it was tried in.
    """
    calls = list(trace)
    first = next((call for call in calls if isinstance(call, Open | Fresh)), None)
    if first is None:
        return ""
    replay = _replay(calls, first)
    evidence = evidence_of(replay, comparison)
    if evidence is not None:  # once more with what is needed alone: names without gaps
        replay = _replay(_needed(calls, evidence), first)
        evidence = evidence_of(replay, comparison)
    body = _body(replay, evidence, comparison)
    constants = [f"{name} = {code}" for name, code in replay.constants.items()]
    code = "\n".join([_target(target_spec), replay.setting, *constants, "", *body])
    imports = [line for used, line in IMPORTS.items() if re.search(used, code)]
    return "\n".join([*_header(target_spec, property, pair, first.framework), *imports, "", code]) + "\n"


def _replay(calls: Sequence[Call], first: Open | Fresh) -> Replay:
    if first.framework == "adapter":
        return AdapterReplay(calls, first.device)
    return LayerReplay(calls, first.device, first.framework)


def _needed(calls: list[Call], evidence: Evidence) -> list[Call]:
    """All calls until the last one that is spoken of, less reads of the state that are not: a read changes nothing."""
    named = [evidence.failing, evidence.refusing, evidence.until, *(output.call for output in evidence.outputs)]
    last = max(number for number, call in enumerate(calls) if call in named)
    return [call for call in calls[: last + 1] if call in named or not isinstance(call, Read)]


# the parts


def _header(target_spec: str, property: Property, pair: Pair, framework: Framework) -> list[str]:
    names = ["torch", "numpy"] if framework == "torch" else ["numpy"]
    versions = [f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in names), platform.platform()]
    lines = [
        f'"""{property.sentence[:1].upper()}{property.sentence[1:]}.',
        "",
        *wrap(property.formula, 110),
        f"Source: {property.source}.",
        "",
        f"{target_spec} broke this rule with input {pair.input}, parameters {pair.parameters}, seen with",
        *wrap(", ".join(versions) + ".", 110),
        "The exit status is 1 while it does, and 0 once it is mended.",
        *(["It is called through an adapter: the script needs bn_reference, as the adapter does."] * (framework == "adapter")),
        '"""',
        "",
    ]
    return [line.replace("\\", "\\\\") for line in lines]


def _version(name: str) -> str:
    module = sys.modules.get(name)
    return str(module.__version__) if module is not None else metadata.version(name)


def _target(spec: str) -> str:
    place, _, path = spec.rpartition(":")
    if "<locals>" in path or place in ("__main__", "__mp_main__", "") or not re.fullmatch(r"[\w.]+", path):
        text = f"put here the class or function that was verified as {spec}"
        return f"def Target(*arguments, **options):\n    raise NotImplementedError({text!r})\n"
    if place.endswith(".py") or os.sep in place or "/" in place:
        stem = os.path.basename(place).removesuffix(".py")
        lines = (
            f"path = os.path.abspath({place!r})  # seen from where the target was verified",
            "sys.path.insert(0, os.path.dirname(path))",
            f"spec = importlib.util.spec_from_file_location({stem!r}, path)",
            f"module = sys.modules[{stem!r}] = importlib.util.module_from_spec(spec)",
            "spec.loader.exec_module(module)",
            f"Target = module.{path}",
        )
        return "\n".join(lines) + "\n"
    return f"import {place}\n\nTarget = {place}.{path}\n"


def _body(replay: Replay, evidence: Evidence | None, comparison: Comparison) -> list[str]:
    lines: list[str] = []
    for call, made in replay.lines.items():
        if evidence is not None and call is evidence.failing:
            lines += _must_succeed(replay, call, made)
        elif evidence is not None and call is evidence.refusing:
            lines += [*_tried(made, "print('refused:', error)\nrefused = True"), "else:", "    refused = False"]
        else:
            lines += _tried(made, "print('refused:', error)") if call.wrong else made
    if evidence is None:
        said = wrap(f"# This was seen: {say(comparison)}", 110, subsequent_indent="# ")
        return [*lines, "", *said, "# It cannot be said in a line or two of these outputs; look whether the rule above holds."]
    names = dict.fromkeys(output.name for output in evidence.outputs)
    prints = [f'print(f"{name} = {{{name}}}")' for name in names]
    body = [*lines, "", *prints, "", *evidence.lines]
    if evidence.attempts > 1:
        body = [f"for _ in range({evidence.attempts}):  # equal once may be chance", indent("\n".join(body), "    ")]
    return [*body, 'print("the rule holds here")']


def _tried(lines: Sequence[str], otherwise: str) -> list[str]:
    body = indent("\n".join(lines), "    ")
    return ["try:", body, "except (Exception, SystemExit) as error:", indent(otherwise, "    ")]


def _must_succeed(replay: Replay, call: Call, made: list[str]) -> list[str]:
    """The call in which the target went wrong, once more: what it must not do is an assertion."""
    assert call.wrong is not None
    said = say(Comparison(call.wrong.what, False, fact=call.wrong))
    lines = [f"message = {said!r}", *_tried(made, "raise AssertionError(message) from error")]
    return lines + [f"assert {condition}, message" for condition in replay.came_out(call)]
