"""Which batch norms of other frameworks are known by name; nothing of a framework is imported before it is asked for."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from bn_reference.targets.border import said
from bn_reference.targets.functional import Functional
from bn_reference.targets.protocol import UnusableTarget

__all__ = ["GROUPS", "KNOWN", "Known", "adapter_named", "adapter_of_class"]


@dataclass(frozen=True)
class Known:
    """Where the adapter of a framework's batch norm is.

    Attributes:
        module: beside this file.
        attribute: the adapter's class in it.
        packages: that have to be there: as they are imported, and as ``pip install`` is given them.
    """

    module: str
    attribute: str
    packages: dict[str, str]

    @property
    def install(self) -> str:
        """What to do where a package is missing."""
        return f"pip install {' '.join(self.packages.values())}"

    @property
    def distributions(self) -> tuple[str, ...]:
        """The names that versions are known by."""
        return tuple(name.strip("'").partition("[")[0] for name in self.packages.values())


ONNX, ONNXRUNTIME = {"onnx": "onnx"}, {"onnx": "onnx", "onnxruntime": "onnxruntime"}
FLAX, EQUINOX, HAIKU = ({"jax": "jax", **own} for own in ({"flax": "flax"}, {"equinox": "equinox"}, {"haiku": "dm-haiku"}))
GROUPS: dict[str, dict[str, Known]] = {  # by the environment that has them
    "light": {
        "tinygrad.nn:BatchNorm": Known("of_tinygrad", "Tinygrad", {"tinygrad": "tinygrad"}),
        "mlx.nn:BatchNorm": Known("of_mlx", "Mlx", {"mlx": "'mlx[cpu]'"}),
        "onnx.reference:BatchNormalization": Known("of_onnx", "OnnxReference", ONNX),
        "onnxruntime:BatchNormalization": Known("of_onnxruntime", "Initializers", ONNXRUNTIME),
        "onnxruntime:BatchNormalization(inputs)": Known("of_onnxruntime", "Inputs", ONNXRUNTIME),
        "onnxruntime:BatchNormalization(Y)": Known("of_onnxruntime", "YAlone", ONNXRUNTIME),
        "onnxruntime:BatchNormalization(inputs, Y)": Known("of_onnxruntime", "InputsYAlone", ONNXRUNTIME),
        "numpy_ml.neural_nets.layers:BatchNorm1D": Known("of_numpy_ml", "NumpyMl", {"numpy_ml": "numpy-ml"}),
    },
    "jax": {
        "flax.nnx:BatchNorm": Known("of_flax", "Flax", FLAX),
        "flax.nnx:BatchNorm(use_fast_variance=False)": Known("of_flax", "FlaxTwoPass", FLAX),
        "equinox.nn:BatchNorm": Known("of_equinox", "Equinox", EQUINOX),
        "equinox.nn:BatchNorm(mode=ema)": Known("of_equinox_ema", "EquinoxEma", EQUINOX),
        "haiku:BatchNorm": Known("of_haiku", "Haiku", HAIKU),
        "keras.layers:BatchNormalization": Known("of_keras", "Keras", {"keras": "keras"}),
    },
    "paddle": {"paddle.nn:BatchNorm1D": Known("of_paddle", "Paddle", {"paddle": "paddlepaddle"})},
}
KNOWN: dict[str, Known] = {name: known for group in GROUPS.values() for name, known in group.items()}


def adapter_named(name: str) -> tuple[str, type[Functional]] | None:
    """Name and adapter of a framework's batch norm; None where no known one has that name.

    Raises:
        UnusableTarget: a package is missing, or fails to import.
    """
    known = KNOWN.get(name)
    if known is None:
        return None
    missing = [package for package in known.packages if find_spec(package) is None]
    if missing:
        raise UnusableTarget(f"the target is {name}, but there is no module {missing[0]!r}; {known.install}")
    try:
        module = import_module(f"bn_reference.targets.frameworks.{known.module}")
    except Exception as error:  # each package has its own for what it lacks
        rule = f"its packages must import before it can be verified; {known.install}"
        raise UnusableTarget(f"{name} fails to import: {said(error)}; {rule}") from error
    return name, getattr(module, known.attribute)


def adapter_of_class(thing: object) -> tuple[str, type[Functional]] | None:
    """Name and adapter of a framework's batch norm that was passed itself; None where it is none that is known."""
    for name in KNOWN:
        module, _, attribute = name.partition(":")
        if thing is not None and getattr(sys.modules.get(module), attribute, None) is thing:
            return adapter_named(name)
    return None
