"""onnxruntime on ONNX BatchNormalization, on the CPU: parameters as initializers or inputs, all outputs or Y alone."""

from __future__ import annotations

from typing import Any

import onnxruntime

from bn_reference.targets.frameworks.of_onnx import Onnx

onnxruntime.set_default_logger_severity(4)  # what it warns of is not part of a report


class Initializers(Onnx):
    """Parameters and statistics are initializers."""

    libraries: tuple[str, ...] = ("onnxruntime",)
    form = "onnxruntime on BatchNormalization-15, parameters as initializers"
    pairs = ("float32/float32", "float64/float64", "float16/float32", "float16/float16")  # those that its kernel has
    inputs = 1

    def run(self, model: bytes, feed: dict[str, Any]) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"]).run(None, feed)


class Inputs(Initializers):
    """Parameters and statistics are inputs."""

    form = "onnxruntime on BatchNormalization-15, parameters as inputs"
    inputs = 5


class YAlone(Initializers):
    """Parameters and statistics are initializers, Y is the one output."""

    libraries = ("onnxruntime", "onnxruntime, Y of initializers")
    form = "onnxruntime on BatchNormalization-15, parameters as initializers, Y alone"
    y_alone = True


class InputsYAlone(Inputs):
    """Parameters and statistics are inputs, Y is the one output: what is fed is the caller's."""

    writes_statistics = False
    libraries = ("onnxruntime", "onnxruntime, Y of inputs")
    form = "onnxruntime on BatchNormalization-15, parameters as inputs, Y alone"
    y_alone = True
