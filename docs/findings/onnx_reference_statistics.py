"""onnx: the reference evaluator gives running statistics in the type of X, where the operator has them in that of input_mean.

So statistics kept in float32 beside inputs in float16 lose digits, and overflow. The exit status is 1 while it does.
"""

import sys
from decimal import Decimal, getcontext

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

getcontext().prec = 40

NAMES = ["X", "scale", "B", "input_mean", "input_var"]
x = np.array([[600], [-600], [600], [-600]], np.float16)
feed = {"X": x, **{name: np.full(1, value, np.float32) for name, value in zip(NAMES[1:], (1, 0, 0, 1))}}
types = {"X": TensorProto.FLOAT16, **dict.fromkeys(NAMES[1:], TensorProto.FLOAT)}
infos = [helper.make_tensor_value_info(name, types[name], feed[name].shape) for name in NAMES]
kinds = {"Y": TensorProto.FLOAT16, "mean": TensorProto.FLOAT, "var": TensorProto.FLOAT}
outputs = [helper.make_tensor_value_info(name, kind, x.shape if name == "Y" else (1,)) for name, kind in kinds.items()]
node = helper.make_node("BatchNormalization", NAMES, list(kinds), training_mode=1, momentum=0.5)
model = helper.make_model(helper.make_graph([node], "training", infos, outputs), opset_imports=[helper.make_opsetid("", 15)])
onnx.checker.check_model(model, full_check=True)

y, mean, var = ReferenceEvaluator(model).run(None, feed)
exact = [Decimal(float(value)) for value in x[:, 0]]
expected = (Decimal(1) + sum(value**2 for value in exact) / len(exact)) / 2
scaled = exact[0] / (sum(value**2 for value in exact) / len(exact) + Decimal(float(np.float32(1e-5)))).sqrt()
print("onnx", onnx.__version__)
print(f"running variance {var[0]} in {var.dtype}, expected {expected:.30g} in float32")
print(f"y[0] = {y[0, 0]}, expected {scaled:.30g}")
sys.exit(var.dtype != np.float32 or not np.isfinite(var[0]))
