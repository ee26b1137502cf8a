"""The experiment of the lecture: both models see the same, and a run can be repeated bit for bit."""

import numpy as np
import pytest
import torch

from bn_reference.mnist.dataset import Dataset, Split
from bn_reference.mnist.layers import layer_named
from bn_reference.mnist.learning import batches, score
from bn_reference.mnist.models import batch_norm_layers, model_pair, perceptron, seeded
from bn_reference.mnist.training import History, Settings, steps_of, train
from bn_reference.support.threads import on_threads

SHORT = Settings(epochs=2, limit=320)


@pytest.fixture(scope="module")
def noise() -> Dataset:
    """Random images of 12 pixels."""
    rng = np.random.default_rng(0)

    def split(count: int) -> Split:
        return Split(rng.random((count, 12), dtype=np.float32), rng.integers(0, 10, count))

    return Dataset("noise", "a generator", split(400), split(100))


def bits(history: History) -> list[bytes]:
    states = [model.state_dict() for model in (history.batch_norm, history.plain) if model is not None]
    return [values.numpy().tobytes() for state in states for values in state.values()]


@pytest.mark.parametrize("layer", ["torch", "reference"])
def test_the_same_seed_and_threads_give_the_same_bits(noise: Dataset, layer: str) -> None:
    first, second = (train(noise, SHORT, layer_named(layer)) for _ in range(2))

    assert bits(first) == bits(second)
    assert first.to_json() == second.to_json()


def test_another_seed_gives_other_bits(noise: Dataset) -> None:
    one, other = (train(noise, Settings(epochs=1, limit=320, seed=seed), torch.nn.BatchNorm1d) for seed in (0, 1))

    assert bits(one) != bits(other)


def test_a_run_leaves_the_generator_and_the_threads_alone(noise: Dataset) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)

    with on_threads(2):
        train(noise, SHORT, torch.nn.BatchNorm1d)
        after = torch.get_num_threads()

    assert after == 2
    assert torch.equal(torch.rand(3), expected)


def test_both_models_start_from_the_same_weights() -> None:
    with_bn, plain = model_pair(12, torch.nn.BatchNorm1d, seed=3)

    def parameters(model: torch.nn.Sequential) -> list[torch.Tensor]:
        return [p for module in model if isinstance(module, torch.nn.Linear) for p in module.parameters()]

    assert all(torch.equal(a, b) for a, b in zip(parameters(with_bn), parameters(plain), strict=True))
    assert batch_norm_layers(with_bn) == [1, 4]
    assert batch_norm_layers(plain) == []


def test_the_models_are_the_lectures() -> None:
    model = seeded(0, lambda: perceptron(784, torch.nn.BatchNorm1d))

    assert [type(module).__name__ for module in model] == ["Linear", "BatchNorm1d", "ReLU"] * 2 + ["Linear"]
    assert [tuple(m.weight.shape) for m in model if isinstance(m, torch.nn.Linear)] == [(32, 784), (32, 32), (10, 32)]


def test_an_epoch_shows_each_image_once_and_drops_the_last_incomplete_batch() -> None:
    seen = list(batches(100, torch.Generator().manual_seed(0)))

    assert [len(batch) for batch in seen] == [32, 32, 32]
    assert len(torch.cat(seen).unique()) == 96


def test_the_history_scores_both_models_after_each_epoch_in_eval(noise: Dataset) -> None:
    steps: list[None] = []
    history = train(noise, SHORT, torch.nn.BatchNorm1d, advance=lambda: steps.append(None))

    last, model = history.epochs[-1], history.batch_norm
    assert model is not None
    images, labels = torch.tensor(noise.test.images), torch.tensor(noise.test.labels)
    assert [epoch.epoch for epoch in history.epochs] == [1, 2]
    assert len(steps) == steps_of(noise, SHORT) == 20
    assert score(model, images, labels) == score(model, images, labels)
    assert last.batch_norm.test_loss == score(model, images, labels).loss
    assert model.training


def test_an_interrupted_run_keeps_its_finished_epochs(noise: Dataset) -> None:
    history, steps = History(), iter(range(15))

    def interrupt() -> None:
        if next(steps, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(noise, SHORT, torch.nn.BatchNorm1d, history, interrupt)

    assert [epoch.epoch for epoch in history.epochs] == [1]
