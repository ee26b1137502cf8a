"""The functions that a script may need, as text, for either framework. Only those that it uses are written into it."""

from __future__ import annotations

from bn_reference.reproduction.literals import Framework

__all__ = ["helpers"]

BUILD = {
    "torch": '''
def build(channels, weight, bias, running_mean, running_var, batches, trainable=True, **options):
    """A layer with these parameters and this state."""
    layer = Target(channels, affine=weight is not None, track_running_stats=running_mean is not None, **options)
    given = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    with torch.no_grad():
        for name, values in given.items():
            own = getattr(layer, name)
            assert (own is None) == (values is None), f"the layer's {name} is {own}"
            if values is not None:
                own.copy_(values)
        if running_mean is not None:
            layer.num_batches_tracked.fill_(batches)
    if weight is not None:
        layer.weight.requires_grad_(trainable)
        layer.bias.requires_grad_(trainable)
    return layer
''',
    "numpy": '''
def build(channels, weight, bias, running_mean, running_var, batches, **options):
    """A layer with these parameters and this state."""
    layer = Target(channels, affine=weight is not None, track_running_stats=running_mean is not None, **options)
    given = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    for name, values in given.items():
        if values is not None:
            getattr(layer, name)[...] = values
    if running_mean is not None:
        layer.num_batches_tracked[...] = batches
    return layer
''',
}

LAID_OUT = {
    "torch": '''
def laid_out(values, size, strides, offset):
    """The values in a buffer of NaN, with these strides and this offset."""
    buffer = torch.full((size,), float("nan"), dtype=values.dtype, device=values.device)
    once = [1 if stride == 0 else n for n, stride in zip(values.shape, strides)]
    buffer.as_strided(once, strides, offset).copy_(values[tuple(slice(n) for n in once)])
    return buffer.as_strided(values.shape, strides, offset)
''',
    "numpy": '''
def laid_out(values, size, strides, offset):
    """The values in a buffer of NaN, with these strides and this offset (in elements)."""
    buffer = np.full(size, np.nan).astype(values.dtype)
    steps = [stride * values.itemsize for stride in strides]
    once = tuple(1 if stride == 0 else n for n, stride in zip(values.shape, strides))
    first = np.lib.stride_tricks.as_strided(buffer[offset:], once, steps)
    first[...] = values[tuple(slice(n) for n in once)]
    return np.lib.stride_tricks.as_strided(buffer[offset:], values.shape, steps)
''',
}

UNPACK = {
    "torch": """
def unpack(packed, dtype, shape):
    \"\"\"Numbers that are too many to be written out; NumPy has no bfloat16, so its bits travel as int16.\"\"\"
    raw = bytearray(zlib.decompress(base64.b85decode(packed)))
    bits = torch.frombuffer(raw, dtype=torch.int16 if dtype == torch.bfloat16 else dtype)
    return bits.view(dtype).reshape(shape)
""",
    "numpy": """
def unpack(packed, dtype, shape):
    \"\"\"Numbers that are too many to be written out.\"\"\"
    return np.frombuffer(zlib.decompress(base64.b85decode(packed)), dtype).reshape(shape)
""",
}


def helpers(code: str, framework: Framework) -> str:
    """The definitions of those that the code calls."""
    return "".join(
        text[framework] + "\n"
        for name, text in (("unpack", UNPACK), ("build", BUILD), ("laid_out", LAID_OUT))
        if f"{name}(" in code
    )
