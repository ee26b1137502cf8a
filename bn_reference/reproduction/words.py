"""What a script on a layer begins with, and what it says of a step, in the words of torch and of NumPy."""

from __future__ import annotations

from bn_reference.reproduction.replay import NUMBERS

__all__ = ["CALLS", "SETTING", "STATISTICS", "WORDS"]

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
CALLS: dict[str, dict[str, tuple[str, ...]]] = {  # whose code needs the names of the layer or step alone, and the arguments
    "torch": {
        "with_threads": ("torch.set_num_threads({0})",),
        "track": ("{layer}.track_running_stats = {0}",),
        "reuse_loaded": ("for own in saved.values():  # which are used again", "    own.zero_()"),
        "rectify": ("{output}.relu_()",),
    },
    "numpy": {
        "track": ("{layer}.track_running_stats = {0}",),
        "reuse_loaded": ("for own in saved.values():  # which are used again", "    own.fill(0)"),
    },
}

SETTING = '''
{recording}def give(layer, batches, {options}**given):
    """The layer has these parameters and this state from now on."""
    for name, values in given.items():
        if values is not None and (hasattr(layer, name) or not name.startswith("running")):
            own = getattr(layer, name)
            {written}[...] = values.reshape(own.shape){freezing}
    if given.get("running_mean") is not None and isinstance(getattr(layer, "num_batches_tracked", None), {array}):
        layer.num_batches_tracked[...] = batches


def build(channels, given, batches, {trainable}**options):
    """A layer with these parameters and this state."""
    layer = Target(channels, affine="weight" in given, track_running_stats="running_mean" in given, **options)
    {unwanted}give(layer, batches, {passed}**given)
    return layer


def copied(value):
    """As it is now: a layer may write to the same memory later."""
    return value.{copy} if isinstance(value, {array}) else value

'''
HOLDS = """\
from torch.multiprocessing.reductions import StorageWeakRef

memory = set()


def steps(number):
    for each in range(number):
        batch = {x}.detach().clone().requires_grad_(each % 2 == 0)
        {layer}.train(each % 4 < 2)
        with torch.set_grad_enabled(each % 2 == 0):
            y = {layer}(batch)
        memory.update(StorageWeakRef(tensor.untyped_storage()) for tensor in (batch, y))


def held():
    \"\"\"The inputs and outputs whose memory is alive, and what the layer lists.\"\"\"
    gc.collect()
    listed = [len(value) for part in {layer}.modules() for value in vars(part).values() if isinstance(value, (list, dict, set))]
    return sum(listed) + sum(not storage.expired() for storage in memory)

"""
FORMS = """\
from contextlib import nullcontext

from torch._subclasses.fake_tensor import FakeTensorMode


def forms(made, inside, device=""):
    \"\"\"Of the last step, with tensors that are made of its own: what y and the gradients are but for their numbers.\"\"\"
    module = copy.deepcopy({layer})
    held = {{name: made(own.detach()) for name, own in [*module.named_parameters(), *module.named_buffers()]}}
    for name, own in module.named_parameters():
        held[name].requires_grad_(own.requires_grad)
    batch, given = made({x}.detach()).requires_grad_(), made({upstream}.detach())
    with inside:
        came = [torch.func.functional_call(module, held, (batch,))]
        if came[0].shape == batch.shape:
            sources = [batch, *(own for name, own in held.items() if own.requires_grad)]
            came += torch.autograd.grad(came[0], sources, given, allow_unused=True)
    return [own if own is None else (own.shape, own.dtype, device or own.device.type{strides}) for own in came]


fakes = FakeTensorMode()
"""
BITS = "{}.detach().cpu().flatten().view(torch.uint8)"
WORDS = {  # of functions, and of conditions
    "torch": {
        "imports": "import torch",
        "recording": "@torch.no_grad()\n",
        "trainable": "trainable=True, ",
        "options": "trainable=True, through_data=False, ",
        "passed": "trainable, ",
        "written": '(own.data if through_data and name in ("weight", "bias") else own)',
        "unwanted": 'for name in {"weight", "bias", "running_mean", "running_var"} - set(given):\n'
        '        assert not isinstance(getattr(layer, name, None), torch.Tensor), f"there is a {name}"\n    ',
        "freezing": '\n            own.requires_grad_(trainable and name in ("weight", "bias"))',
        "array": "torch.Tensor",
        "copy": "detach().clone()",
        "numbers": "isinstance({output}, torch.Tensor) and {output}.layout == torch.strided"
        " and {output}.dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)",
        "untouched": f"torch.equal({BITS.format('{memory}')}, {BITS.format('{before}')})",
        "upstream_untouched": f"torch.equal({BITS.format('{upstream}')}, {BITS.format('{upstream_before}')})",
        "apart": "{output}.untyped_storage().data_ptr() != {memory}.untyped_storage().data_ptr()",
        "device": "{output}.device.type == {x}.device.type",
        "shown": "not {{{found!r}, '{what}={found}'}} & {{*{layer}.extra_repr().split(', ')}}",
        "parameters": "not list({layer}.parameters())",
        "holds": HOLDS,
        "without numbers": FORMS,
        "detached": f'not any(getattr(getattr({{layer}}, name, None), "requires_grad", False) for name in {STATISTICS})',
    },
    "numpy": {
        "imports": "import numpy as np",
        **dict.fromkeys(("recording", "trainable", "options", "passed", "unwanted", "freezing"), ""),
        "written": "own",
        "array": "np.ndarray",
        "copy": "copy()",
        "numbers": NUMBERS,
        "untouched": "{memory}.tobytes() == {before}.tobytes()",
        "upstream_untouched": "{upstream}.tobytes() == {upstream_before}.tobytes()",
        "apart": "not np.shares_memory({output}, {memory})",
    },
}
