"""onnxruntime: in training mode, session.run writes the new running statistics into the arrays that it was given.

It does so where the running statistics are inputs of the graph and Y alone is its output. The exit status is 1 while it does.
"""

import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

NAMES = ["X", "scale", "B", "input_mean", "input_var"]
feed = {name: np.full(2, value, np.float32) for name, value in zip(NAMES[1:], (2, 3, 5, 7))}
feed["X"] = np.array([[1, 2], [3, 5], [4, 4]], np.float32)
node = helper.make_node("BatchNormalization", NAMES, ["Y", "mean", "var"], training_mode=1)
infos = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, feed[name].shape) for name in NAMES}
output = helper.make_tensor_value_info("Y", TensorProto.FLOAT, feed["X"].shape)
graph = helper.make_graph([node], "training", list(infos.values()), [output])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8).SerializeToString()

before = {name: array.copy() for name, array in feed.items()}
onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, feed)
changed = [name for name in NAMES if not np.array_equal(feed[name], before[name])]
print("onnxruntime", onnxruntime.__version__)
for name in changed:
    print(name, "was", before[name], "and is", feed[name])
sys.exit(bool(changed))
