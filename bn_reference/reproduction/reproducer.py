"""A violation as a script of its own: the very inputs and calls, with the target's framework and NumPy alone.

The script exits with status 1 while the target breaks the rule, and with 0 once it is mended.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterable
from importlib import metadata
from textwrap import indent, wrap

from bn_reference.arithmetic.precision import Pair
from bn_reference.oracle.compare import Comparison
from bn_reference.properties.registry import Property
from bn_reference.reproduction.evidence import Evidence, evidence_of, spoken_of
from bn_reference.reproduction.helpers import helpers
from bn_reference.reproduction.literals import Framework, array_literal
from bn_reference.reproduction.replay import Replay
from bn_reference.targets.trace import Call, Forward, Fresh, Open, Read

__all__ = ["script"]

HOLDS = ['print("the rule holds here")']
LOOK = ["# What was compared is made from these outputs by more than a line; look whether the rule above holds for them."]
MODULES = ("base64", "importlib.util", "math", "os", "statistics", "sys", "types", "zlib")


def script(target_spec: str, trace: Iterable[Call], comparison: Comparison | None, property: Property, pair: Pair) -> str:
    """A script that repeats the calls and asserts what did not hold; empty where the target is reached by an adapter alone.

    Args:
        target_spec: the target as the user gave it.
        trace: the calls, oldest first, from the first layer's building on.
        comparison: what did not hold; None where the last call went wrong itself.
        property, pair: the rule, and the dtypes it was tried in.
    """
    calls = list(trace)
    first = next((call for call in calls if isinstance(call, Open | Fresh)), None)
    if first is None or first.framework == "adapter":  # of an adapter's target it is not known how it is called
        return ""
    framework, device = first.framework, first.device
    replay = Replay(calls, framework, device)
    if not replay.complete:
        return ""
    failed = None if comparison is not None else next((call for call in reversed(calls) if call.error), None)
    evidence = None if comparison is None else evidence_of(replay, comparison)
    if evidence is not None and comparison is not None:  # once more with what is needed alone: names without gaps
        replay = Replay(list(evidence.calls), framework, device)
        evidence = evidence_of(replay, comparison)
    elif comparison is None or not any("running" in kind or "num" in kind for kind in spoken_of(comparison)):
        replay = Replay([call for call in calls if call is failed or not isinstance(call, Read)], framework, device)
    body = _body(replay, evidence, failed, comparison)
    setting = _target(target_spec)
    constants = "\n".join(f"{name} = {array_literal(array, framework)}" for name, array in replay.constants.items())
    code = "\n".join([setting, helpers(constants + body, framework), constants, "", body])
    return "\n".join([_header(target_spec, property, pair, framework), _imports(code, framework), code]) + "\n"


# the parts


def _header(target_spec: str, property: Property, pair: Pair, framework: Framework) -> str:
    names = ["torch", "numpy"] if framework == "torch" else ["numpy"]
    versions = [f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in names), platform.platform()]
    sentence = property.sentence[:1].upper() + property.sentence[1:]
    formula = wrap(property.formula, 110)
    lines = [
        f'"""{sentence}.',
        "",
        *formula,
        f"Source: {property.source}.",
        "",
        f"{target_spec} broke this rule with input {pair.input}, parameters {pair.parameters}, seen with",
        *wrap(", ".join(versions) + ".", 110),
        "The exit status is 1 while it does, and 0 once it is mended.",
        '"""',
        "",
    ]
    return "\n".join(line.replace("\\", "\\\\") for line in lines)


def _version(name: str) -> str:
    module = sys.modules.get(name)
    return str(module.__version__) if module is not None else metadata.version(name)


def _imports(code: str, framework: Framework) -> str:
    plain = [f"import {name}" for name in MODULES if re.search(rf"\b{name}\.", code)]
    plain += ["from fractions import Fraction"] if "Fraction(" in code else []
    plain += ["from math import inf, nan"] if re.search(r"[\[ -](inf|nan)\b", code) else []
    theirs = ["import ml_dtypes"] if "ml_dtypes." in code else []
    theirs += ["import numpy as np"] if re.search(r"\bnp\.", code) else []
    theirs += ["import torch"] if framework == "torch" else []
    return "\n".join([*plain, "", *theirs, ""] if plain else [*theirs, ""])


def _target(spec: str) -> str:
    place, _, path = spec.rpartition(":")
    if "<locals>" in path or place in ("__main__", "__mp_main__", "") or not re.fullmatch(r"[\w.]+", path):
        text = f"put here the class or function that was verified as {spec}"
        return f"def Target(*arguments, **options):\n    raise NotImplementedError({text!r})\n"
    if place.endswith(".py") or os.sep in place or "/" in place:
        stem = os.path.basename(place).removesuffix(".py")
        return "\n".join(
            [
                f"path = os.path.abspath({place!r})  # seen from where the target was verified",
                "sys.path.insert(0, os.path.dirname(path))",
                f"spec = importlib.util.spec_from_file_location({stem!r}, path)",
                f"module = sys.modules[{stem!r}] = importlib.util.module_from_spec(spec)",
                "spec.loader.exec_module(module)",
                f"Target = module.{path}",
                "",
            ]
        )
    return f"import {place}\n\nTarget = {place}.{path}\n"


def _body(replay: Replay, evidence: Evidence | None, failed: Call | None, comparison: Comparison | None) -> str:
    parts = []
    for call, line in replay.code():
        if call is failed:
            parts.append(_must_succeed(replay, call, line))
        elif call.error:
            parts.append(f"try:\n{indent(line, '    ')}\nexcept Exception as error:\n    print('refused:', error)")
        else:
            parts.append(line)
    if failed is not None:
        return "\n".join([*parts, "", *HOLDS])
    if evidence is not None:
        return "\n".join([*parts, "", *_printed(evidence.outputs), "", *evidence.lines, *HOLDS])
    kinds = spoken_of(comparison) if comparison is not None else set()
    shown = _printed(output.name for output in replay.outputs if output.array is not None and output.kind in kinds)
    said = f"# This was seen: {comparison}" if comparison is not None else ""
    return "\n".join([*parts, "", *shown, "", *wrap(said, 110, subsequent_indent="# "), *LOOK])


def _printed(names: Iterable[str]) -> list[str]:
    return [f'print(f"{name} = {{{name}}}")' for name in names]


def _must_succeed(replay: Replay, call: Call, line: str) -> str:
    """The call in which the target went wrong: once more, and what it must not do is an assertion."""
    doing = call.error.split(" raised ")[0] if " raised " in call.error else ""
    caught = f'f"{doing} raised {{type(error).__name__}}: {{error}}"' if doing else repr(call.error)
    lines = ["try:", indent(line, "    "), "except Exception as error:", f"    raise AssertionError({caught}) from error"]
    if isinstance(call, Forward):
        y = next(output.name for output in replay.outputs if replay.trace[output.call] is call)
        kind, words = ("torch.Tensor", "a tensor") if replay.framework == "torch" else ("np.ndarray", "a NumPy array")
        lines.append(f'assert isinstance({y}, {kind}), f"forward returned {{type({y}).__name__}}, not {words}"')
    return "\n".join(lines)
