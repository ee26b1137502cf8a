"""A batch of no rows in training leaves the running statistics as NaN, in every library here that is installed and does so.

The exit status is 1 while one does.
"""

import sys
from importlib.metadata import version

import numpy as np


def mlx():
    import mlx.core as mx
    from mlx import nn

    layer = nn.BatchNorm(2)
    layer(mx.zeros((0, 2)))
    return layer.running_mean, layer.running_var


def onnxruntime():
    import onnxruntime as ort
    from onnx import TensorProto, helper

    names = ["X", "scale", "B", "input_mean", "input_var"]
    feed = {"X": np.zeros((0, 2), np.float32), **dict.fromkeys(names[1:], np.ones(2, np.float32))}
    outputs = ["Y", "mean", "var"]
    node = helper.make_node("BatchNormalization", names, outputs, training_mode=1)
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, feed[name].shape) for name in names]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph([node], "training", infos, given)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(outputs[1:], feed)


def flax():
    import jax.numpy as jnp
    from flax import nnx

    layer = nnx.BatchNorm(2, rngs=nnx.Rngs(0))
    layer(jnp.zeros((0, 2)), use_running_average=False)
    return layer.mean[...], layer.var[...]


def dm_haiku():
    import haiku as hk
    import jax
    import jax.numpy as jnp

    norm = hk.transform_with_state(lambda x: hk.BatchNorm(True, True, 0.9)(x, is_training=True))
    x = jnp.zeros((0, 2))
    _, state = norm.apply(*norm.init(jax.random.key(0), x), None, x)
    return state["batch_norm/~/mean_ema"]["average"], state["batch_norm/~/var_ema"]["average"]


def keras():
    import keras

    layer = keras.layers.BatchNormalization()
    layer.build((None, 2))
    layer(np.zeros((0, 2), np.float32), training=True)
    return [keras.ops.convert_to_numpy(value) for value in (layer.moving_mean, layer.moving_variance)]


def equinox():
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(2, "batch", mode="batch")
    _, state = jax.vmap(lambda row: layer(row, state), axis_name="batch", out_axes=(0, None))(jnp.zeros((0, 2)))
    return state.get(layer.batch_state_index)


def tinygrad():
    from tinygrad import Tensor, nn
    from tinygrad.helpers import Context

    layer = nn.BatchNorm(2)
    with Context(TRAINING=1):
        layer(Tensor.zeros(0, 2)).realize()
    return layer.running_mean.numpy(), layer.running_var.numpy()


def paddlepaddle():
    import paddle

    layer = paddle.nn.BatchNorm1D(2)
    layer(paddle.zeros([0, 2]))
    return layer._mean.numpy(), layer._variance.numpy()


broken = False
for library in (mlx, onnxruntime, flax, dm_haiku, keras, equinox, tinygrad, paddlepaddle):
    name = library.__name__.replace("_", "-")
    try:
        statistics = [np.asarray(value) for value in library()]
    except ImportError:
        continue
    except Exception as error:
        print(name, version(name), "refuses it:", type(error).__name__)
        continue
    broken |= any(np.isnan(value).any() for value in statistics)
    print(name, version(name), "mean", statistics[0], "variance", statistics[1])
sys.exit(broken)
