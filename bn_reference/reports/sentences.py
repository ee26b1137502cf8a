"""Sentences: the one place where facts and comparisons are put into words."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import fields
from itertools import groupby
from typing import Any

from bn_reference.cases.facts import Fact, Kind, Raised
from bn_reference.cases.steps import Steps, Taken
from bn_reference.conventions import VALUES
from bn_reference.oracle.compare import Comparison

__all__ = ["element", "said_raised", "say", "say_edge", "say_fact", "say_steps", "what_of"]

MOST_STEPS = 6  # that are told one by one


def say(comparison: Comparison) -> str:
    """What did not hold, in one sentence."""
    if comparison.fact is not None:
        return say_fact(comparison.fact)
    where = element(comparison)
    if math.isinf(comparison.expected) or math.isnan(comparison.expected):
        return f"{where} is {comparison.actual!r}, though a NaN or an infinity of the input reaches it"
    if comparison.bound == 0.0:
        return f"{where} is {comparison.actual!r} and must be {comparison.expected!r}, bit for bit"
    finite = comparison.ratio is not None and math.isfinite(comparison.ratio)
    times = f", {comparison.ratio:.3g} times the bound" if finite else ""
    expected = f"expected {comparison.expected!r} within {comparison.bound:.3g}"
    return f"{where} is {comparison.actual!r}, {expected}; the error is {comparison.error:.3g}{times}"


def say_edge(axis: str, holds: int) -> str:
    """With what size the rule is kept that a larger case breaks; a clause."""
    return f"with {holds:,} {axis if holds != 1 else axis.removesuffix('s')} it holds"


def say_steps(steps: Steps) -> str:
    """Of which of a layer's steps something was seen, or after which; a clause."""
    counted = [(_taken(step), len(list(same))) for step, same in groupby(steps.taken)]
    told = [f"{said}{f', {times} times' if times > 1 else ''}" for said, times in counted]
    if len(told) > MOST_STEPS:
        told = [*told[: MOST_STEPS - 1], f"{len(told) - MOST_STEPS} more", told[-1]]
    listed, number = ", then ".join(told), len(steps.taken)
    if steps.at is None:
        return f"seen after {number} steps of the layer ({listed})"
    if steps.at == number:
        return f"seen in the last of {number} steps of the layer ({listed})"
    return f"seen of step {steps.at} after {number} steps of the layer ({listed})"


def _taken(step: Taken) -> str:
    batch = "x" if step.own else f"another batch, {step.shape}"
    return f"{'training' if step.training else 'eval'} on {batch}"


def what_of(comparison: Comparison) -> str:
    """The quantity and what about it was compared: "mean of y"."""
    return comparison.aspect.value.format(comparison.what)


def element(comparison: Comparison) -> str:
    """The worst element: "y[0, 2]", "running_mean[1] after eval"; the quantity alone where there is none."""
    if comparison.index is None:
        return what_of(comparison)
    at = f"[{', '.join(map(str, comparison.index))}]"
    if comparison.aspect.value.count("{") > 1:  # a difference, of which it is an element
        return f"({what_of(comparison)}){at}"
    return comparison.aspect.value.format(f"{comparison.what}{at}")


def say_fact(fact: Fact) -> str:
    """The fact in one sentence."""
    return _SENTENCES[fact.kind](fact)


def said_raised(raised: Raised) -> str:
    """An exception, and where it left the target's own code."""
    said = f"{raised.type}: {raised.text}" if raised.text else raised.type
    return f"{said} ({_path(raised.file)}, line {raised.line})" if raised.file else said


def _path(file: str) -> str:
    """Seen from the working directory where it lies below it."""
    here = os.getcwd() + os.sep
    return file.removeprefix(here)


def _form(form: Any) -> str:
    return "nothing" if form is None else f"shape {form[0]} and dtype {form[1]}"


def _without_numbers(fact: Fact) -> str:
    found, wanted = fact.found, fact.wanted
    if found is None or wanted is None:
        said, else_said = (f"there is {'no' if each is None else 'a'} {fact.what}" for each in (found, wanted))
        return f"{(found or wanted).where} {said}, where {else_said} of a step with numbers"
    named = [field.name for field in fields(found) if getattr(found, field.name) != getattr(wanted, field.name)]
    differs = (" and ".join(f"{name} {getattr(form, name)}" for name in named) for form in (found, wanted))
    return "{} {} has {}, where with numbers it has {}".format(found.where, fact.what, *differs)


def _hung(fact: Fact) -> str:
    ended = ", and nothing interrupted it; its process was ended" if fact.wanted else ""
    return f"an example did not come to an end within {fact.found:g} s{ended} (--timeout sets another limit)"


def _convention(fact: Fact) -> str:
    kept, wanted = VALUES[fact.what][fact.found], VALUES[fact.what][fact.wanted]
    return f"it keeps {kept}, where {wanted} is demanded"


def _lost(fact: Fact) -> str:
    how = f": {said_raised(fact.found)}" if fact.found is not None else ""
    return f"after an example the device {fact.wanted} answered nothing more in that process{how}"


def _presence(fact: Fact) -> str:
    option, value = fact.wanted
    return f"with {option}={value} the layer's {fact.what} is {fact.found}"


_SENTENCES: dict[Kind, Callable[[Fact], str]] = {
    Kind.CRASHED: lambda fact: f"the process crashed in an example ({fact.found})",
    Kind.LOST: _lost,
    Kind.HUNG: _hung,
    Kind.RAISED: lambda fact: f"{fact.what} raised {said_raised(fact.found)}",
    Kind.NOT_TRIED: lambda fact: f"not tried: the target had crashed or hung {fact.found} times before",
    Kind.SAID: lambda fact: str(fact.found),
    Kind.NO_ATTRIBUTE: lambda fact: f"the layer has no attribute {fact.what}, which torch.nn.BatchNorm1d has",
    Kind.PRESENCE: _presence,
    Kind.RETURNED: lambda fact: f"{fact.what} returned {fact.found}, not {fact.wanted}",
    Kind.NOT_AN_ARRAY: lambda fact: f"{fact.what} is {fact.found}, not {fact.wanted}",
    Kind.DTYPE_KIND: lambda fact: f"{fact.what} has dtype {fact.found}, which is none that batch normalization is verified in",
    Kind.SHAPE: lambda fact: f"{fact.what} has shape {fact.found} and must have {fact.wanted}",
    Kind.DEVICE: lambda fact: f"{fact.what} lies on {fact.found}, the input on {fact.wanted}",
    Kind.NO_GRADIENT: lambda fact: "the output of a recorded forward pass has no gradient function: nothing can flow back",
    Kind.ABSENT: lambda fact: f"there is no {fact.what}",
    Kind.UNWANTED: lambda fact: f"there is a {fact.what} where there is to be none",
    Kind.WRITTEN: lambda fact: f"the memory of {fact.what} was written to",
    Kind.SHARED: lambda fact: f"{fact.what} lies in the memory of x: whoever writes to one changes the other",
    Kind.SURROUNDINGS: lambda fact: f"{fact.what} is another after a step",
    Kind.PRINTED: lambda fact: f"a step printed {fact.found!r}",
    Kind.FORM: lambda fact: f"{fact.what} has {_form(fact.found)} and must have {_form(fact.wanted)}",
    Kind.WITHOUT_NUMBERS: _without_numbers,
    Kind.ATTACHED: lambda fact: "a running statistic is attached to the recorded computation",
    Kind.ACCEPTED: lambda fact: f"an input of shape {fact.found} was accepted by a layer of {fact.wanted} channels",
    Kind.OTHER_NUMBERS: lambda fact: f"an input of {fact.found} was accepted, and gave {fact.wanted}, which cannot hold it",
    Kind.NO_VALUE: lambda fact: (
        f"{fact.what}{list(fact.found[0])} is {fact.found[1]!r} with {fact.wanted}, where there is no such number"
    ),
    Kind.SHOWN: lambda fact: f"the layer shows {fact.what}={fact.found}, and was given {fact.what}={fact.wanted}",
    Kind.PARAMETERS: lambda fact: f"with affine=False the layer has {fact.found} parameters",
    Kind.HOLDS: lambda fact: f"after {fact.wanted} more steps the layer holds {fact.found} things more",
    Kind.NOT_REFUSED: lambda fact: "one value per channel was accepted in training, where it must be refused",
    Kind.NOT_FINITE: lambda fact: (
        f"{fact.found} per channel was accepted in training, and left the running statistics not finite"
    ),
    Kind.CONVENTION: _convention,
    Kind.COUNT: lambda fact: f"{fact.what} is {fact.found} and must be {fact.wanted}",
    Kind.ONE_SIDED: lambda fact: f"{fact.what} is there in one run and not in the other",
}
