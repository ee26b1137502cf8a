"""The forms of what a step gives whose tensors have no numbers: as FakeTensors, and on the meta device.

Whatever cannot take such tensors says so aloud, and misleads nobody: it is not asked. FakeTensors come first, as whoever hands
their memory to code of his own is told there that they have none; on the meta device he would be handed a null pointer.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from bn_reference.cases.facts import FAKE, META, Form
from bn_reference.cases.layouts import Placement
from bn_reference.targets.forms.torch_derivatives import eager_module, said_aloud
from bn_reference.targets.forms.torch_kernels import Operations
from bn_reference.targets.forms.torch_tensors import to_tensor
from bn_reference.targets.protocol import Forms, Misbehaviour, Unsupported

__all__ = ["forms_without_numbers"]

Call = Callable[[Any, torch.Tensor], Any]  # of what stands for a module, and a batch
Made = Callable[[torch.Tensor], torch.Tensor]
OF_TORCH = ("aten::", "prim::", "prims::")


def forms_without_numbers(
    module: Any, call: Call, x: Placement, grad_y: Placement | None, device: str, vectors: Mapping[str, str]
) -> Forms:
    """What a step of a copy of the module gives without numbers and with them: y and the gradients, which are compared.

    Strides are compared where it runs through operators that are not torch's, which would be to blame: torch's own are known to
    say wrong ones of what does not lie in order.

    Args:
        module: of torch, in the mode that is asked for.
        call: one forward pass of it, or of what stands for it.
        x, grad_y: the batch, and what goes back, both contiguous; None where nothing does.
        device: where the module lies.
        vectors: of grad_weight and grad_bias, the names of what they are the gradients of among its parameters.

    Raises:
        Unsupported: it does not take tensors without numbers.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    placed = (x,) if grad_y is None else (x, grad_y)
    step = _Step(eager_module(module), call, [to_tensor(each, device)[0] for each in placed], vectors)
    watch, fakes = Operations(), FakeTensorMode()
    fakes._allow_unsafe_data_ptr_access = False  # else their memory lies at 0, and who asks for it is not told
    with warnings.catch_warnings(), _at_most_unsupported(), said_aloud("a step without numbers"):
        warnings.simplefilter("ignore")  # who is asked such a thing may well wonder
        real = step.taken(torch.clone, watch)
        lies = any(not name.startswith(OF_TORCH) for name in watch.names)
        forms = _compared(FAKE, step.taken(fakes.from_tensor, fakes, real["y"]), real, lies)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            there = step.taken(lambda own: own.to("meta"), nullcontext(), real["y"])
    except Exception:  # it takes the one kind and not the other
        return forms
    return (*forms, *_compared(META, there, real, lies))


@contextmanager
def _at_most_unsupported() -> Iterator[None]:
    """What an adapter within says of such tensors is no fault of a layer's."""
    try:
        yield
    except Misbehaviour as misbehaviour:
        raise Unsupported("a step without numbers goes through an adapter") from misbehaviour


@dataclass(frozen=True)
class _Step:
    """A forward pass of a module, and the backward pass through it where there is something to go back."""

    module: torch.nn.Module
    call: Call
    handed: Sequence[torch.Tensor]
    vectors: Mapping[str, str]

    def taken(self, made: Made, inside: AbstractContextManager[Any], like: Any = None) -> dict[str, Any]:
        """Output and gradients of a copy that has other tensors for its own; nothing goes back to what is not ``like`` y."""
        module = copy.deepcopy(self.module)
        held = {name: made(own.detach()) for name, own in [*module.named_parameters(), *module.named_buffers()]}
        for name, parameter in module.named_parameters():
            held[name].requires_grad_(parameter.requires_grad)
        batch, *upstream = (made(each.detach()) for each in self.handed)
        if upstream:
            batch.requires_grad_()
        with inside:
            y = self.call(lambda *given, **named: torch.func.functional_call(module, held, given, named), batch)
            unlike = like is not None and getattr(y, "shape", None) != like.shape
            if not upstream or unlike or not isinstance(y, torch.Tensor) or not y.requires_grad:
                return {"y": y}
            trained = {what: held[name] for what, name in self.vectors.items() if held[name].requires_grad}
            sources: dict[str, torch.Tensor] = {"grad_x": batch, **trained}
            grads = torch.autograd.grad(y, [*sources.values()], upstream[0], allow_unused=True)
            return {"y": y, **dict(zip(sources, grads, strict=True))}


def _compared(where: str, found: Mapping[str, Any], real: Mapping[str, Any], lies: bool) -> Forms:
    """Of each thing that a step gave its form without numbers, and that which it has with them."""
    device = "meta" if where == META else ""
    return tuple((what, _form(where, found[what], lies, ""), _form(where, real[what], lies, device)) for what in found)


def _form(where: str, thing: Any, lies: bool, device: str) -> Form | None:
    if not isinstance(thing, torch.Tensor):
        return None
    name, shape = str(thing.dtype).removeprefix("torch."), tuple(thing.shape)
    # the stride of an axis of one element says nothing
    lying = tuple(stride * (size > 1) for stride, size in zip(thing.stride(), shape, strict=True)) if lies else ()
    return Form(where, shape, name, device or thing.device.type, lying)
