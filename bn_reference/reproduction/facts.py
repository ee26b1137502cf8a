"""Assertions for facts: what is so or not, and is no matter of rounding. A fact is known by the sentence that reports it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bn_reference.oracle.compare import Comparison
from bn_reference.reproduction.literals import dtype_literal
from bn_reference.reproduction.replay import Output, Replay
from bn_reference.targets.trace import Backward, Forward, Open, Read

__all__ = ["Found", "facts"]

Found = Iterator[tuple[list[str], tuple[Output, ...]]]  # lines of an assertion, and the outputs that it speaks of


def facts(replay: Replay, comparison: Comparison) -> Found:
    """The assertions that say what a sentence says; none where they would need more than what came out."""
    sentence, kind = comparison.sentence, comparison.what.split(" ")[0]
    if sentence == f"there is no {comparison.what}":
        for output in replay.of_kind(kind):
            if output.array is None:
                yield [f"assert {output.name} is not None, {sentence!r}"], (output,)
    if "(shape, dtype)" in sentence or "which does not fit" in sentence:
        yield from _form(replay, kind, sentence)
    yield from _count(replay, sentence)
    yield from _acceptance(replay, sentence)
    if "written to" in sentence:
        yield from _untouched(replay, sentence)
    if "attached to the recorded computation" in sentence:
        yield from _detached(replay, sentence)


def _count(replay: Replay, sentence: str) -> Found:
    counted = re.search(r"num_batches_tracked is (\w+).*?(\d+)$", sentence)
    for output in replay.of_kind("num_batches_tracked") if counted else ():
        if counted and ("None" if output.array is None else str(int(output.array))) == counted.group(1):
            message = f'f"num_batches_tracked is {{{output.name}}} and must be {counted.group(2)}"'
            yield [f"assert {output.name} == {counted.group(2)}, {message}"], (output,)


def _acceptance(replay: Replay, sentence: str) -> Found:
    accepted = re.match(r"an input of shape (\(.*?\)) .*was accepted", sentence)
    for output in replay.outputs if accepted else ():
        call = replay.trace[output.call]
        if accepted and isinstance(call, Forward) and not call.error and call.x and str(call.x.shape) == accepted.group(1):
            yield [f"raise AssertionError({sentence!r})"], (output,)


def _untouched(replay: Replay, sentence: str) -> Found:
    outputs = replay.of_kind("y")
    lines = []
    for output in reversed(outputs):
        expression, size = replay.placed[output.source]
        now, before = f"{output.source}.tobytes()", f"({expression}).tobytes()"
        if replay.framework == "torch":
            now, before = (
                f"{x}.detach().as_strided(({size},), (1,), 0).view(torch.uint8)" for x in (output.source, expression)
            )
        same = f"torch.equal(\n    {now},\n    {before},\n)" if replay.framework == "torch" else f"{now} == {before}"
        lines += [f"same = {same}", f"assert same, {sentence!r}"]
    if outputs:
        yield lines, tuple(outputs)


def _detached(replay: Replay, sentence: str) -> Found:
    layers = {output.source: output for output in replay.outputs if isinstance(replay.trace[output.call], Read)}
    lines = [
        f"assert not ({layer}.running_mean.requires_grad or {layer}.running_var.requires_grad), {sentence!r}"
        for layer in layers
    ]
    if layers and replay.framework == "torch":
        yield lines, tuple(layers.values())


def _form(replay: Replay, kind: str, sentence: str) -> Found:
    for output in replay.of_kind(kind):
        call = replay.trace[output.call]
        placement = call.x if isinstance(call, Forward) else call.grad_y if isinstance(call, Backward) else None
        case = next(c.case for c in replay.trace if isinstance(c, Open) and c.case is not None)
        if placement is None or case is None:
            continue
        batch = kind in ("y", "grad_x")
        shape = placement.shape if batch else (placement.shape[1],)
        name = placement.buffer.dtype.name if batch else case.pair.parameters
        array = output.array
        if array is None or (array.shape, array.dtype.name) != (shape, name):
            form = f"(({', '.join(map(str, shape))},), {dtype_literal(name, replay.framework)})"
            said = repr(sentence)
            lines = [f"form = (tuple({output.name}.shape), {output.name}.dtype)", f"assert form == {form}, {said}"]
            yield [f"assert {output.name} is not None, {said}", *lines], (output,)
