"""Derivatives that torch makes of a step beyond its first backward pass: of gradients, in forward mode, over several batches.

Whatever says aloud that it cannot be differentiated so, or mapped, cannot be asked for it: nobody is misled.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.autograd import forward_ad

from bn_reference.cases.case import Seen
from bn_reference.cases.facts import Missing
from bn_reference.targets.forms.torch_tensors import seen
from bn_reference.targets.protocol import Misbehaviour, Unsupported

__all__ = ["COMPILED", "UNRECORDED", "call_of", "eager_module", "gone_back_twice", "mapped", "piled", "tangent"]

UNRECORDED = Missing("the derivative of its gradients by it is not recorded")
COMPILED = "a compiled layer, which would be compiled anew"
Call = Callable[..., Any]


@contextmanager
def said_aloud(doing: str) -> Iterator[None]:
    """Whatever is raised says that it cannot be done."""
    try:
        yield
    except (Unsupported, Misbehaviour):
        raise
    except Exception as error:
        raise Unsupported(f"{doing} raises {type(error).__name__}") from error


def gone_back_twice(
    y: torch.Tensor,
    sources: Sequence[torch.Tensor],
    upstream: torch.Tensor,
    directions: Sequence[torch.Tensor],
    by: Sequence[torch.Tensor],
) -> tuple[list[Any], list[Any]]:
    """The gradients of the sources, and what their products with the directions, summed, have for gradients.

    Raises:
        Unsupported: the backward pass is not recorded, or cannot be gone back through.
    """
    with said_aloud("going back twice"):
        grads = torch.autograd.grad(y, sources, upstream, create_graph=True, allow_unused=True)
        if not all(grad is not None and grad.requires_grad for grad in grads):
            raise Unsupported("its backward pass is not recorded, or not all of it")
        again = torch.autograd.grad(grads, by, directions, allow_unused=True)
        if all(one is None for one in again):  # as where it is marked with once_differentiable
            raise Unsupported("its backward pass cannot be gone back through")
    return list(grads), list(again)


def eager_module(layer: Any) -> torch.nn.Module:
    """The layer, where it is a module of torch by itself.

    Raises:
        Unsupported: it is no module, or a compiled one.
    """
    if not isinstance(layer, torch.nn.Module):
        raise Unsupported("a layer that is no module of torch")
    if type(layer).__name__ == "OptimizedModule":
        raise Unsupported(COMPILED)
    return layer


def call_of(module: Any, held: Mapping[str, Any]) -> Call:
    """The module as a function of a batch and of values for the parameters that it holds, by the names given here.

    Raises:
        Unsupported: it is no module, or a compiled one, or holds something elsewhere than among its parameters.
    """
    module = eager_module(module)
    names = {id(own): name for name, own in module.named_parameters()}
    if not all(id(own) in names for own in held.values()):
        raise Unsupported("its weight and bias are not found among its parameters")

    def call(batch: Any, values: Mapping[str, Any], **options: Any) -> Any:
        if not values:
            return module(batch, **options)
        others = {names[id(held[name])]: each for name, each in values.items()}
        return torch.func.functional_call(module, others, (batch,), options)

    return call


def tangent(call: Call, x: torch.Tensor, u: torch.Tensor, vectors: Mapping[str, tuple[Any, torch.Tensor]]) -> Seen:
    """The tangent of ``call(x, vectors)`` along ``u`` and the directions that stand beside the vectors."""
    with said_aloud("forward mode"), warnings.catch_warnings(), forward_ad.dual_level():
        # torch itself compiles decompositions in a deprecated way, and says so in other categories in other versions
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.script")
        batch = forward_ad.make_dual(x, u)
        duals = {name: forward_ad.make_dual(own.detach(), along) for name, (own, along) in vectors.items()}
        y = call(batch, duals)
        if not issubclass(type(y), torch.Tensor):  # whatever it says of its own class; torch itself crashes
            raise Unsupported("its output is no tensor")
        found = forward_ad.unpack_dual(y).tangent
        if found is None:
            raise Unsupported("its output has no tangent")
        return seen(found.clone(), "tangent_y")


def mapped(call: Call, batches: Sequence[torch.Tensor]) -> tuple[Seen, ...]:
    """The outputs for several batches, of one call that is vectorized over them."""
    with said_aloud("torch.func.vmap"), torch.no_grad():
        ys = torch.func.vmap(call)(torch.stack(list(batches)))
        return tuple(seen(y, "y") for y in ys)


def piled(y: torch.Tensor, upstream: torch.Tensor, leaves: Sequence[Any]) -> list[Any]:
    """What lies in ``.grad`` of the leaves after a backward pass; None of what is no tensor."""
    y.backward(upstream)
    return [seen(getattr(leaf, "grad", None), "a gradient") for leaf in leaves]
