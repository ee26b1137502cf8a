"""Where a layer keeps parameters and statistics: attributes of its own or of a layer inside it, entries of a dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from bn_reference.cases.case import Array
from bn_reference.cases.layouts import to_matrix
from bn_reference.targets.arrays import numpy_of
from bn_reference.targets.forms.arrays import count, filled, is_array, is_floating, is_module, is_tensor, like
from bn_reference.targets.forms.measuring import weight_of_new
from bn_reference.targets.forms.names import ALIASES, COUNTER, named, of_running

__all__ = ["GRADIENTS", "ROLES", "Slot", "find_slots", "has_arrays", "held_in", "levels_of", "parts_of", "slot_named"]

ROLES = tuple(ALIASES)  # weight, bias, running_mean, running_var, num_batches_tracked
PARAMETERS, STATISTICS = ROLES[:2], ROLES[2:4]
WEAK = ("mean", "var", "variance", "mu")  # a layer may also keep the statistics of the latest batch under these names
DEVIATION = ("std", "sd", "sigma", "inv", "dev")
Levels = dict[tuple[str, ...], dict[str, Any]]

HELD, GRADIENTS = ("data", "value", "val", "array"), ("grad", "gradient", "grads")  # of somebody's own parameter
TABLES = ("_parameters", "_buffers", "_modules")  # of a torch.nn.Module


@dataclass(frozen=True)
class Slot:
    """The place of a parameter or statistic: names from the layer down, and its shape for so many channels.

    Attributes:
        path: attributes, the last one an attribute or a key of a dictionary.
        shape: with -1 for the number of channels.
    """

    path: tuple[str, ...]
    shape: tuple[int, ...] = (-1,)

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def said_shape(self) -> str:
        sizes = ["C" if size == -1 else str(size) for size in self.shape]
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

    def read(self, layer: Any) -> Any:
        """What is there now. Raises AttributeError where there is nothing."""
        for name in self.path:
            layer = _item(layer, name)
        return layer

    def write(self, layer: Any, values: Array, pattern: Any) -> None:
        """Put numbers there, in place where there is an array of as many; ``pattern`` is an array of the layer's library."""
        here = self.read(layer)
        if is_array(here) and count(here) == values.size:
            filled(here, values)
            return
        holder = layer
        for name in self.path[:-1]:
            holder = _item(holder, name)
        made = like(pattern, values).reshape(tuple(values.size if length == -1 else length for length in self.shape))
        if isinstance(holder, dict):
            holder[self.path[-1]] = made
        else:
            setattr(holder, self.path[-1], made)


def _item(holder: Any, name: str) -> Any:
    if isinstance(holder, Mapping):
        if name not in holder:
            raise AttributeError(name)
        return holder[name]
    return getattr(holder, name)


def parts_of(layer: Any) -> dict[str, Any]:
    """The attributes of a layer by name, parameters and buffers of a module among them, its inner modules not."""
    own = dict(getattr(layer, "__dict__", {}))
    for table in TABLES:
        own.pop(table, None)
    for table in TABLES[:2] if is_module(layer) else ():
        own.update(getattr(layer, table).items())  # which a scripted one keeps elsewhere than in itself
    for name in getattr(type(layer), "__slots__", ()):
        if isinstance(name, str) and hasattr(layer, name):
            own[name] = getattr(layer, name)
    inside = {f"{name}.{held}": getattr(value, held) for name, value in own.items() if (held := held_in(value))}
    return own | inside


def held_in(value: Any) -> str:
    """Under which name an object that somebody made for a parameter has its array; empty where it is none."""
    return next((name for name in HELD if is_array(vars(value).get(name))), "") if has_arrays(value) else ""


def has_arrays(value: Any) -> bool:
    """Whether it is an object of somebody's own, no module of torch, that has arrays among its attributes."""
    if is_array(value) or is_module(value) or isinstance(value, type) or type(value).__module__ == "builtins":
        return False
    return any(is_array(part) for part in getattr(value, "__dict__", {}).values())


def levels_of(layer: Any) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Names and what they name: of the layer itself, of dictionaries and layers that it keeps, of the modules inside it."""
    own = parts_of(layer)
    yield (), own
    for name, value in own.items():
        if isinstance(value, dict) and value and all(isinstance(key, str) for key in value) and not name.startswith("_"):
            yield (name,), dict(value)
        elif has_arrays(value) and not held_in(value):
            yield (name,), parts_of(value)
        elif is_module(value):  # in a plain class: a module keeps its own elsewhere
            yield from _modules(value, (name,))
    if is_module(layer):
        yield from islice(_modules(layer, ()), 1, None)


def _modules(layer: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """A module of torch, and those inside it."""
    for path, module in layer.named_modules():
        yield (*above, *path.split(".")) if path else above, parts_of(module)


def find_slots(fresh: Any, used: Any, batch: Array) -> dict[str, Slot]:
    """Where parameters and statistics are: of a layer as it was constructed, and of another after a training step on a batch.

    Names tell it. Where none is known, two parameters of which one is all ones and one all zeros are weight and bias, or the
    one that is left is the other of them, two buffers likewise running variance and mean, and so is what went a part of its way
    to the batch's mean or variance.
    """
    channels = batch.shape[1]
    first, then = dict(levels_of(fresh)), dict(levels_of(used))
    slots: dict[str, Slot] = {}
    for role in ROLES:
        for path, parts in then.items():
            slot = _by_name(role, path, parts, first.get(path, {}), channels)
            if slot is not None:
                slots.setdefault(role, slot)
    for roles, kind in ((PARAMETERS, True), (STATISTICS, False)):
        if not any(role in slots for role in roles):
            slots |= _by_value(roles, first, channels, kind)
    for role in PARAMETERS:
        if role not in slots:
            slots |= _by_rest(role, first, channels, {slot.path for slot in slots.values()})
    for role in STATISTICS:
        if role not in slots:
            slots |= _by_moving(role, first, then, to_matrix(batch).astype(np.float64))
    return slots


def slot_named(layer: Any, aliases: tuple[str, ...]) -> Slot | None:
    """The place of a number that an alias names: of the layer's own, then of a layer inside."""
    for path, parts in levels_of(layer):
        name = named([name for name, value in parts.items() if _is_number(value)], aliases)
        if name is not None:
            return Slot((*path, name), ())
    return None


def _is_number(value: Any) -> bool:
    if isinstance(value, (int, float, np.floating)) and not isinstance(value, bool):
        return True
    return is_array(value) and is_floating(value) and count(value) == 1 and value.ndim == 0


def _by_name(role: str, path: tuple[str, ...], parts: dict[str, Any], before: dict[str, Any], channels: int) -> Slot | None:
    if role in COUNTER:
        name = named([name for name, value in parts.items() if is_array(value) and count(value) == 1], COUNTER)
        return None if name is None else Slot((*path, name), ())
    fitting = [name for name, value in parts.items() if _fits(value, channels)]
    kept = [name for name in fitting if name.strip("_").lower() not in WEAK or _fits(before.get(name), channels)]
    name = named(kept, ALIASES[role]) or (of_running(kept, role) if role in STATISTICS else None)
    return None if name is None else Slot((*path, *name.split(".")), _shape(parts[name], channels))


def _by_value(roles: tuple[str, ...], levels: Levels, channels: int, trained: bool) -> dict[str, Slot]:
    for path, parts in levels.items():
        fitting = {
            name: value
            for name, value in parts.items()
            if _fits(value, channels) and is_tensor(value) and bool(value.requires_grad) == trained
        }
        if len(fitting) != 2 or any(word in name.lower() for name in fitting for word in DEVIATION):
            continue
        ones = [name for name, value in fitting.items() if bool((value == 1).all())]
        zeros = [name for name, value in fitting.items() if bool((value == 0).all())]
        if len(ones) == len(zeros) == 1:
            of_ones, of_zeros = roles if trained else roles[::-1]
            return {
                role: Slot((*path, name), _shape(fitting[name], channels))
                for role, name in ((of_ones, ones[0]), (of_zeros, zeros[0]))
            }
    return {}


def _by_rest(role: str, levels: Levels, channels: int, known: set[tuple[str, ...]]) -> dict[str, Slot]:
    """The one other thing that is trained, if it begins as this parameter does: ones for the weight, zeros for the bias."""
    rest = {
        (*path, *name.split(".")): value
        for path, parts in levels.items()
        for name, value in parts.items()
        if is_tensor(value) and value.requires_grad and value.is_leaf and (*path, *name.split(".")) not in known
    }
    if len(rest) != 1:
        return {}
    [(path, value)] = rest.items()
    begins = _fits(value, channels) and bool((value == (1 if role == "weight" else 0)).all())
    return {role: Slot(path, _shape(value, channels))} if begins else {}


def _by_moving(role: str, before: Levels, after: Levels, batch: Array) -> dict[str, Slot]:
    """What went a part of its way from where it was to the batch's mean, or to a variance of it."""
    rows, channels = batch.shape
    variance = batch.var(axis=0)
    ends = [batch.mean(axis=0)] if role == "running_mean" else [variance, variance * rows / (rows - 1)]
    for path, parts in after.items():
        for name, value in parts.items():
            was = before.get(path, {}).get(name)
            if not (_fits(value, channels) and _fits(was, channels)):
                continue
            now, then = (numpy_of(each, name).astype(np.float64).reshape(-1) for each in (value, was))
            weights = [weight_of_new(then, now, end) for end in ends]
            if any(weight is not None and 0.0 < weight < 1.0 for weight in weights):
                return {role: Slot((*path, *name.split(".")), _shape(value, channels))}
    return {}


def _fits(value: Any, channels: int) -> bool:
    return is_array(value) and is_floating(value) and count(value) == channels


def _shape(value: Any, channels: int) -> tuple[int, ...]:
    shape = tuple(value.shape)
    axis = shape.index(channels)
    return tuple(-1 if position == axis else length for position, length in enumerate(shape))
