"""What happens to a layer beside its steps as code, and in what a step of torch is called."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Collection, Mapping
from textwrap import dedent
from typing import Literal

from bn_reference.targets import happenings
from bn_reference.targets.happenings import Happening

__all__ = ["called", "contexts_of", "happenings_of", "needs", "statements"]


def happenings_of(library: Literal["torch", "numpy"]) -> dict[str, Happening]:
    """By their words, for a layer of torch or NumPy."""
    if library == "numpy":
        return happenings.HAPPENINGS
    from bn_reference.targets.forms import torch_happenings

    return torch_happenings.HAPPENINGS


def needs(happening: Happening) -> list[str]:
    """The names of its arguments."""
    return list(inspect.signature(happening).parameters)


class _Put(ast.NodeTransformer):
    """Codes in the place of names."""

    def __init__(self, codes: Mapping[str, str]) -> None:
        self._codes = codes

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(self._codes[node.id], mode="eval").body if node.id in self._codes else node


def statements(happening: Happening, codes: Mapping[str, str]) -> list[str]:
    """The lines of a happening: codes are in the place of its arguments, and the layer is what it returned from then on."""
    (function,) = ast.parse(dedent(inspect.getsource(happening))).body
    assert isinstance(function, ast.FunctionDef)
    *body, end = function.body
    told = [part for part in body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
    lines = [ast.unparse(_Put(codes).visit(part)) for part in told]
    assert isinstance(end, ast.Return)
    assert end.value is not None
    if not isinstance(end.value, ast.Name):
        lines.append(f"{codes['layer']} = {ast.unparse(_Put(codes).visit(end.value))}")
    return "\n".join(lines).splitlines()


def called(output: str, call: str, contexts: list[str], beside: str = "") -> list[str]:
    """A forward pass of torch, in these contexts, and in another thread where there is something to evaluate beside it."""
    inside = f"with {', '.join(contexts)}:"
    if not beside:
        step = f"{output} = {call}"
        return [inside, f"    {step}"] if contexts else [step]
    body = [f"    {inside}", f"        return {call}"] if contexts else [f"    return {call}"]
    return [
        "def step():",
        *body,
        "",
        "with concurrent.futures.ThreadPoolExecutor(1) as thread:",
        "    stepped = thread.submit(step)",
        f"    {beside}",
        f"    {output} = stepped.result()",
        beside,
    ]


def contexts_of(words: Collection[str], record: bool, training: bool, device: str) -> list[str]:
    """In which a forward pass of torch is called."""
    unrecorded = "inference_mode" if "inference mode" in words and not training else "no_grad"
    kind = device.partition(":")[0]
    narrow = f"torch.autocast({kind!r}, dtype=torch.{'bfloat16' if kind == 'cpu' else 'float16'})"
    return [*[f"torch.{unrecorded}()"] * (not record), *[narrow] * ("autocast" in words)]
