"""onnxruntime: in training mode, Y is wrong where a parameter and a running statistic are equal initializers.

A neutral layer (scale 1, B 0, input_mean 0, input_var 1) whose graph gives Y alone. The same model run again gives another Y.
The exit status is 1 while it does so.
"""

import sys
from decimal import Decimal, getcontext

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

getcontext().prec = 40

x = np.array([[1], [2], [6]], np.float32)
values = {"scale": 1, "B": 0, "input_mean": 0, "input_var": 1}
node = helper.make_node(
    "BatchNormalization", ["X", *values], ["Y", "mean", "var"], training_mode=1, momentum=0.9, epsilon=2.0**-17
)
graph = helper.make_graph(
    [node],
    "training",
    [helper.make_tensor_value_info("X", TensorProto.FLOAT, x.shape)],
    [helper.make_tensor_value_info("Y", TensorProto.FLOAT, x.shape)],
    [numpy_helper.from_array(np.full(1, value, np.float32), name) for name, value in values.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8).SerializeToString()

exact = [Decimal(float(value)) for value in x[:, 0]]
mean = sum(exact) / len(exact)
var = sum((value - mean) ** 2 for value in exact) / len(exact)
expected = [(value - mean) / (var + Decimal(2) ** -17).sqrt() for value in exact]

session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
runs = [session.run(None, {"X": x})[0][:, 0] for _ in range(3)]
print("onnxruntime", onnxruntime.__version__)
print("expected", *(f"{value:.30g}" for value in expected))
for number, y in enumerate(runs, 1):
    print(f"run {number}   ", *y)
sys.exit(any(abs(Decimal(float(a)) - b) > Decimal("1e-5") for y in runs for a, b in zip(y, expected)))
