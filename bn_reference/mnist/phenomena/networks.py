"""Deep networks of one width, to see what depth does to gradients and to training."""

from __future__ import annotations

from torch import Tensor, nn

from bn_reference.mnist.models import LayerFactory, perceptron, seeded

__all__ = ["ACTIVATIONS", "DEPTHS", "WIDTH", "deep_network", "hidden_weights"]

ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}
DEPTHS = (2, 5, 10, 20, 30, 50)  # hidden layers
WIDTH = 64


def deep_network(
    inputs: int, depth: int, activation: str, layer: LayerFactory | None, seed: int, *, designed: bool = False
) -> nn.Sequential:
    """``depth`` hidden layers of 64 units.

    Args:
        inputs: numbers in an image.
        depth: hidden layers.
        activation: sigmoid, tanh or ReLU.
        layer: builds the batch-norm layers; None leaves them out.
        seed: of the initial weights.
        designed: draw the weights as was designed for the activation, Glorot & Bengio (2010) for sigmoid and tanh, He et al.
            (2015, arXiv:1502.01852) for ReLU, with biases zero; otherwise as torch does unless told, which is what the
            lecture uses.
    """

    def build() -> nn.Sequential:
        model = perceptron(inputs, layer, hidden=(WIDTH,) * depth, activation=ACTIVATIONS[activation])
        for module in model if designed else ():
            if isinstance(module, nn.Linear):
                _draw_as_designed(module, activation)
        return model

    return seeded(seed, build)


def _draw_as_designed(linear: nn.Linear, activation: str) -> None:
    if activation == "ReLU":
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    else:
        nn.init.xavier_normal_(linear.weight)
    nn.init.zeros_(linear.bias)


def hidden_weights(model: nn.Sequential) -> list[Tensor]:
    """The square weights between hidden layers, from the input's side: the second to the last hidden layer's."""
    return [module.weight for module in model if isinstance(module, nn.Linear)][1:-1]
