"""Recordings: batches as a layer met them in a real network, in a file. What cases are made of them, ``recorded`` says.

A recording is an ``.npz`` file (``numpy.savez``; nothing in it is pickled). ``title`` says what was recorded. The batches are
numbered from 0, and batch ``i`` has the entries

- ``i/x``: (N, C) or (N, C, L), what entered the layer; at least two values a channel;
- ``i/grad_y``: shape of x, the gradient of the loss by the layer's output;
- ``i/weight, i/bias, i/running_mean, i/running_var``: (C,), the layer's before the step;
- ``i/num_batches_tracked``: (), how many batches the running statistics have seen;
- ``i/eps, i/momentum``: (), the layer's;
- ``i/title``: where the batch was met.

A layer without weight and bias, without running statistics, or with the cumulative average has none of them, and no momentum.

All numbers are finite and of a floating-point dtype, the counter excepted; they are rounded to the dtypes that are tried.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bn_reference.cases.case import Array
from bn_reference.support.files import write_whole

__all__ = ["Batch", "Recording", "UnusableRecording", "read_recording", "write_recording"]

VECTORS = ("weight", "bias", "running_mean", "running_var")
SCALARS = ("num_batches_tracked", "eps", "momentum")
OPTIONAL = (*VECTORS, "momentum")


class UnusableRecording(ValueError):
    """A recording that cannot be used; one sentence names the entry, what was met, the rule, and what to do."""


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch and the layer that met it; the module's docstring says what each entry is."""

    title: str
    x: Array
    grad_y: Array
    weight: Array | None
    bias: Array | None
    running_mean: Array | None
    running_var: Array | None
    num_batches_tracked: int
    eps: float
    momentum: float | None


@dataclass(frozen=True, eq=False)
class Recording:
    """What was recorded, and the batches."""

    title: str
    batches: tuple[Batch, ...]


def write_recording(path: Path, recording: Recording) -> None:
    """Write a recording, all of it or nothing."""
    entries: dict[str, Any] = {"title": recording.title}
    for number, batch in enumerate(recording.batches):
        given = {field.name: getattr(batch, field.name) for field in fields(Batch)}
        entries |= {f"{number}/{name}": value for name, value in given.items() if value is not None}
    write_whole(path, lambda file: np.savez_compressed(file, **entries))


@lru_cache(maxsize=4)
def read_recording(path: str) -> Recording:
    """Read a recording, and check that cases can be made of it.

    Raises:
        UnusableRecording: it is not there, is no such file, or an entry is missing or not as the module's docstring says.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            entries = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise UnusableRecording(
            f"the recording {path} is not there; check the path, which is read from {os.getcwd()}"
        ) from None
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError) as error:  # NumPy's own, by what the file is instead
        said = " ".join(str(error).split())
        raise UnusableRecording(f"the recording {path} is no .npz file ({said}); write it with numpy.savez") from None
    count = len({name.partition("/")[0] for name in entries if "/" in name})
    if not count:
        raise UnusableRecording(f"the recording {path} has no entry '0/x', but must have one batch at least; record some")
    batches = tuple(_batch(path, entries, number) for number in range(count))
    return Recording(str(entries.get("title", os.path.basename(path))), batches)


def _batch(path: str, entries: dict[str, Array], number: int) -> Batch:
    def entry(name: str) -> Array:
        key = f"{number}/{name}"
        if key not in entries:
            raise UnusableRecording(f"the recording {path} lacks the entry {key!r}, which every batch must have; add it")
        return entries[key]

    def absent(name: str) -> bool:
        return name in OPTIONAL and f"{number}/{name}" not in entries

    def require(name: str, holds: bool, met: object, rule: str) -> None:
        if not holds:
            raise UnusableRecording(f"the entry '{number}/{name}' of {path} {met}, but must {rule}; record it again")

    x = entry("x")
    require("x", x.ndim in (2, 3), f"has the shape {x.shape}", "be (N, C) or (N, C, L)")
    require("x", x[:, :1].size > 1, f"has the shape {x.shape}", "have two values a channel at least, and a channel")
    shapes = {"x": x.shape, "grad_y": x.shape, **dict.fromkeys(VECTORS, (x.shape[1],)), **dict.fromkeys(SCALARS, ())}
    for name, shape in shapes.items():
        if absent(name):
            continue
        values = entry(name)
        require(name, values.shape == shape, f"has the shape {values.shape}", f"have {shape}, to go with its x")
        kinds = "iu" if name == "num_batches_tracked" else "f"
        require(name, values.dtype.kind in kinds, f"has the dtype {values.dtype}", "hold numbers that fit its name")
        require(name, bool(np.isfinite(values).all()), "holds NaN or infinity", "be finite")
    require("eps", float(entry("eps")) > 0, f"is {float(entry('eps'))}", "be positive")
    if absent("running_mean") != absent("running_var"):
        there, lacking = ("running_mean", "running_var") if absent("running_var") else ("running_var", "running_mean")
        require(there, False, f"has no '{number}/{lacking}' beside it", "have it, or not be there either")
    if not absent("running_var"):
        require("running_var", bool((entry("running_var") >= 0).all()), "holds a negative number", "hold variances")
    return Batch(
        title=str(entry("title")),
        x=x,
        grad_y=entry("grad_y"),
        **{name: None if absent(name) else entry(name) for name in VECTORS},
        num_batches_tracked=int(entry("num_batches_tracked")),
        eps=float(entry("eps")),
        momentum=None if absent("momentum") else float(entry("momentum")),
    )
