"""ONNX BatchNormalization, operator set 15: the model, and the reference evaluator of the onnx package on it."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from bn_reference.conventions import LIBRARIES
from bn_reference.targets.frameworks.weights import EXACT
from bn_reference.targets.functional import Functional

NAMES = ("X", "scale", "B", "input_mean", "input_var")
MOVED = ("running_mean", "running_var")


class Onnx(Functional):
    """A model of one node; how its parameters come into it and what runs it, subclasses say."""

    conventions = LIBRARIES["onnx"]
    momentum_weights = "old"
    momentum = EXACT  # the attribute is a float32
    affine = tracks = (True,)
    layouts = y_alone = False
    inputs = 5  # of the graph; what is not one is an initializer

    def model(self, arrays: dict[str, Any], training: bool, eps: float, momentum: float) -> bytes:
        """The model, serialized, for arrays by their names as inputs of the node."""
        outputs = ["Y", *MOVED] if training else ["Y"]
        attributes = {"epsilon": eps, "momentum": 1 - momentum, "training_mode": int(training)}
        kinds = {name: helper.np_dtype_to_tensor_dtype(array.dtype) for name, array in arrays.items()}
        infos = [helper.make_tensor_value_info(name, kinds[name], arrays[name].shape) for name in NAMES[: self.inputs]]
        seen = outputs[:1] if self.y_alone else outputs
        outs = [helper.make_tensor_value_info(name, kinds["X" if name == "Y" else "input_mean"], None) for name in seen]
        given = [onnx.numpy_helper.from_array(arrays[name], name) for name in NAMES[self.inputs :]]
        graph = helper.make_graph(
            [helper.make_node("BatchNormalization", NAMES, outputs, **attributes)], "g", infos, outs, given
        )
        imports = [helper.make_opsetid("", 15)]
        return bytes(helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString())

    def run(self, model: bytes, feed: dict[str, Any]) -> Any:
        """What a runtime computes: a list of outputs."""
        raise NotImplementedError

    def forward(self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float) -> Any:
        arrays = dict(zip(NAMES, (x, weight, bias, mean, var), strict=True))
        out = self.run(self.model(arrays, training, eps, momentum), {name: arrays[name] for name in NAMES[: self.inputs]})
        return out[0] if self.y_alone else tuple(out) if training else (out[0], mean, var)


class OnnxReference(Onnx):
    """The reference evaluator of the onnx package."""

    libraries = ("onnx.reference",)
    form = "onnx.reference.ReferenceEvaluator on BatchNormalization-15"
    layouts = True

    def run(self, model: bytes, feed: dict[str, Any]) -> Any:
        return ReferenceEvaluator(onnx.load_from_string(model)).run(None, feed)
