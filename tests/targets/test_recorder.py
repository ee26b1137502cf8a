"""``record`` writes what enters the batch norms of any torch model, and leaves the model as it is."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bn_reference import record, verify
from bn_reference.cases.recording import Batch, UnusableRecording, read_recording


class Residual(nn.Module):
    """One batch norm that is called twice, an in-place ReLU after it, and more outputs than one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4, momentum=None)
        self.last = nn.BatchNorm1d(4, affine=False, eps=1e-3)

    def forward(self, x: Tensor, scale: float = 1.0) -> dict[str, Any]:
        y = torch.relu_(self.norm(self.conv(x) * scale))
        z = self.norm(y + 1.0)
        return {"pooled": self.last(z.mean((2, 3))), "label": torch.ones(2, dtype=torch.int64)}


def recorded(tmp_path: Path, model: nn.Module, batches: list[Any], **options: Any) -> list[Batch]:
    path = tmp_path / "met.npz"
    record(model, batches, path, **options)
    read_recording.cache_clear()
    return list(read_recording(str(path)).batches)


def images(seed: int, samples: int = 4) -> Tensor:
    return torch.randn(samples, 3, 5, 6, generator=torch.Generator().manual_seed(seed))


def test_each_call_of_each_layer_is_recorded_with_what_it_was_before(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Residual()
    met = recorded(tmp_path, model, [images(0), (images(1), 2.0), {"x": images(2), "scale": 3.0}])

    assert [batch.title for batch in met[:3]] == [
        "norm, training, batch 0",
        "norm, training, batch 0, call 2",
        "last, training, batch 0",
    ]
    assert [batch.x.shape for batch in met] == 3 * [(4, 4, 12), (4, 4, 12), (4, 4)]
    assert [batch.num_batches_tracked for batch in met] == [0, 1, 0, 2, 3, 1, 4, 5, 2]
    assert [(batch.momentum, batch.eps) for batch in met[:3]] == [(None, 1e-5), (None, 1e-5), (0.1, 1e-3)]
    assert [batch.weight is None for batch in met[:3]] == [False, False, True]
    x = model.conv(images(1)) * 2.0
    assert np.array_equal(met[3].x, x.detach().flatten(2).numpy())


def test_the_upstream_gradient_is_that_of_the_output_as_it_came_whatever_is_written_over_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(inplace=True))
    [met] = recorded(tmp_path, model, [images(0)], loss=lambda y, batch: (y * batch.flip(0)).sum())

    y = nn.BatchNorm2d(3)(images(0)).detach().requires_grad_()
    (torch.relu(y) * images(0).flip(0)).sum().backward()
    assert y.grad is not None
    assert np.array_equal(met.grad_y, y.grad.flatten(2).numpy())
    assert met.grad_y.min() < 0 < met.grad_y.max()


def test_the_model_and_the_random_state_stay_as_they_are(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)).requires_grad_(False)
    before, state = deepcopy(model.state_dict()), torch.get_rng_state()
    batch = torch.randn(5, 3)
    state = torch.get_rng_state()
    met = recorded(tmp_path, model, [batch])

    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert [(p.grad, p.requires_grad) for p in model.parameters()] == 4 * [(None, False)]
    assert batch.grad is None
    assert np.abs(met[0].grad_y).max() > 0


@pytest.mark.parametrize(
    ("build", "shape", "dtype", "kept"),
    [
        (lambda: nn.BatchNorm1d(3, track_running_stats=False), (4, 3), torch.float32, "float32"),
        (lambda: nn.BatchNorm1d(3, affine=False), (4, 3, 5), torch.float64, "float64"),
        (lambda: nn.BatchNorm2d(3, momentum=0.3), (4, 3, 5, 2), torch.float16, "float16"),
        (lambda: nn.BatchNorm3d(3), (2, 3, 2, 2, 2), torch.bfloat16, "float32"),
        (lambda: nn.SyncBatchNorm(3).eval(), (4, 3), torch.float32, "float32"),
    ],
)
def test_any_affine_momentum_and_dtype(
    tmp_path: Path, build: Callable[[], nn.Module], shape: tuple[int, ...], dtype: torch.dtype, kept: str
) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    [met] = recorded(tmp_path, build().to(dtype), [x])

    assert met.x.dtype.name == kept
    assert np.array_equal(
        met.x, x.float().numpy().reshape(met.x.shape) if dtype == torch.bfloat16 else x.reshape(met.x.shape).numpy()
    )
    assert np.abs(met.grad_y).max() > 0


def test_a_right_layer_conforms_on_what_was_recorded_and_a_wrong_one_is_told_where(tmp_path: Path) -> None:
    recorded(tmp_path, nn.Sequential(Residual()).eval(), [images(0)])
    options: dict[str, Any] = {
        "dtypes": ["float32"],
        "properties": ["running", "evaluation"],
        "examples": 20,
        "cases": tmp_path / "met.npz",
    }
    right, wrong = verify("bn_reference:BatchNorm1d", **options), verify(Wrong, **options)

    assert right.conforms
    assert right.environment["cases"] == "3 batches, what entered the batch norms of Sequential"
    assert "; met on 0." in wrong.violations[0].message


class Wrong(nn.BatchNorm1d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 1.01


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x: Tensor) -> Tensor:
        return x


class Silent(nn.BatchNorm1d):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).detach()


X = torch.ones(4, 3)


@pytest.mark.parametrize(
    ("model", "batches", "options", "said"),
    [
        (
            nn.Linear(3, 3),
            [X],
            {},
            "the model is a Linear, but must have a BatchNorm1d, BatchNorm2d or BatchNorm3d of torch.nn",
        ),
        (nn.LazyBatchNorm1d(), [X], {}, "the model cannot be copied (ValueError), but is recorded on a copy, so that it stays"),
        (nn.BatchNorm1d(3), [], {}, "batches has none in it, but must have one at least; pass what the model is called with"),
        (Unused(), [X], {}, "the model calls none of its batch norms, but must call one at least; record another model"),
        (Silent(3), [X], {}, "what the model puts out is a Tensor, but must have a tensor of floating numbers that "),
        (
            nn.BatchNorm1d(3),
            [X],
            {"loss": lambda y, x: y},
            "the loss of batch 0 is no such thing, but must be a tensor of one ",
        ),
        (
            nn.BatchNorm1d(3).eval(),
            [X[:1]],
            {},
            "what enters BatchNorm1d, eval, batch 0 has the shape (1, 3), but must have two ",
        ),
        (
            nn.BatchNorm1d(3),
            [X, X / 0],
            {},
            "x of BatchNorm1d, training, batch 1 holds NaN or infinity, but must be finite; give",
        ),
        (
            nn.BatchNorm1d(3),
            [X],
            {"path": "no/such/met.npz"},
            "path is no/such/met.npz, but there is no directory no/such; make ",
        ),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    tmp_path: Path, model: nn.Module, batches: list[Tensor], options: dict[str, Any], said: str
) -> None:
    path = options.pop("path", tmp_path / "met.npz")

    with pytest.raises(UnusableRecording) as refused:
        record(model, batches, path, **options)

    assert str(refused.value).startswith(said)
