"""A batch-norm layer by name, and any implementation as a layer of a torch model."""

import numpy as np
import pytest
import torch

from bn_reference import BatchNorm1d, verify
from bn_reference.mnist.layers import ImplementationLayer, layer_named
from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.properties.mechanics import BEYOND_THE_FIRST
from bn_reference.targets.protocol import Misbehaviour, UnusableTarget


def reference_layer(num_features: int, **options: object) -> torch.nn.Module:
    return layer_named("reference")(num_features, **options)


def test_the_reference_as_a_torch_module_conforms() -> None:
    report = verify(reference_layer, examples=5)

    assert report.conforms, [result.message for result in report.violations]
    assert {result.status for result in report.results} <= {"passed", "unsupported"}
    assert {result.property for result in report.results if result.status == "unsupported"} == BEYOND_THE_FIRST | {
        "a_step_without_numbers_gives_the_form_of_a_real_one"
    }


def test_the_reference_as_a_torch_module_computes_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = reference_layer(3), torch.randn(4, 3, requires_grad=True)
    for name in ("batch_norm", "native_batch_norm", "var_mean", "mean"):
        monkeypatch.setattr(torch, name, None)
    monkeypatch.setattr(torch.nn.functional, "batch_norm", None)

    (grad_x,) = torch.autograd.grad(layer(x), x, torch.ones(4, 3))

    assert isinstance(layer, ImplementationLayer)
    assert grad_x.shape == (4, 3)


def test_its_numbers_are_those_of_the_numpy_layer() -> None:
    x, upstream = torch.randn(8, 3), torch.randn(8, 3)
    module, layer = reference_layer(3), BatchNorm1d(3)

    y = module(x.requires_grad_())
    y.backward(upstream)

    grads = (x.grad, module.weight.grad, module.bias.grad)
    assert np.array_equal(y.detach().numpy(), layer(x.detach().numpy()))
    for ours, numpys in zip(grads, layer.backward(upstream.numpy()), strict=True):
        assert np.array_equal(ours.numpy(), numpys)
    assert np.array_equal(module.running_var.numpy(), layer.running_var)
    assert int(module.num_batches_tracked) == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("torch", torch.nn.BatchNorm1d),
        ("reference", ImplementationLayer),
        ("bn_reference:BatchNorm1d", ImplementationLayer),
        ("bn_reference.power.clean:CleanBatchNorm1d", CleanBatchNorm1d),
    ],
)
def test_a_layer_is_found_by_name(name: str, kind: type) -> None:
    assert type(layer_named(name)(3, dtype=torch.float64)) is kind


def test_a_layer_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(UnusableTarget, match="there is no module 'tensorflow_port'"):
        layer_named("tensorflow_port:BatchNorm")


def test_what_a_numpy_layer_does_wrong_is_said_in_one_sentence() -> None:
    class Forgetful(BatchNorm1d):
        def __call__(self, x: np.ndarray) -> None:  # type: ignore[override]
            super().__call__(x)

    from bn_reference.targets.forms.numpy_layer import NumpyImplementation

    layer = ImplementationLayer(NumpyImplementation(Forgetful, "forgetful"), 3)

    with pytest.raises(Misbehaviour, match=r"^forward returned None, not a NumPy array$"):
        layer(torch.ones(4, 3))
