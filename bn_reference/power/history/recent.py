"""Reports of 2025 and 2026 that the catalogue did not know, each written as a layer from what it says.

Each was read before its layer was written; and each has a witness, on which the layer is shown to be wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Case
from bn_reference.power.declaration import issue, pull
from bn_reference.power.history.declaration import Recent

__all__ = ["RECENT"]

FLOAT32 = PAIRS[0]
[MIXED] = [pair for pair in PAIRS if (pair.input, pair.parameters) == ("float16", "float32")]
EVALUATION, OUTPUT = "evaluation_uses_the_running_statistics", "output_is_the_normalized_batch"
MEAN, GRAD_X = "one_step_moves_the_running_mean", "training_gradient_of_the_input"


def _case(
    x: Any, mean: float = 0.0, var: float = 1.0, *, pair: Pair = FLOAT32, layout: str = "contiguous", **others: Any
) -> Case:
    """A batch in a layer whose weight is 1 and bias 0; the upstream gradient counts its elements."""
    batch = np.asarray(x, pair.input_dtype)
    grad_y = (1.0 + np.arange(batch.size).reshape(batch.shape) ** 2).astype(batch.dtype)
    ones = np.ones(batch.shape[1], pair.parameter_dtype)
    given = {"weight": ones, "bias": 0 * ones, "running_mean": mean * ones, "running_var": var * ones, **others}
    return Case(pair, batch, grad_y, layout=layout, **given)


def _without_tracking(x: Any) -> Case:
    return _case(x, running_mean=None, running_var=None)


RECENT = (
    Recent(
        "inverse_deviation_taken_for_the_variance",
        (issue("ROCm/rocm-libraries", 2459),),
        "2025-11",
        "inference is handed 1 / sqrt(var + eps) where it expects the variance, and the tests pass all the same",
        EVALUATION,
        lambda: _case([[1.0], [3.0]], var=4.0),
    ),
    Recent(
        "reciprocal_root_taken_twice",
        (issue("flagos-ai/FlagGems", 5222),),
        "2026-08",
        "the backward pass takes the saved inverse deviation for a variance; right only where the variance is near 1",
        GRAD_X,
        lambda: _case([[0.0], [3.0], [9.0]]),
    ),
    Recent(
        "batch_statistics_in_eval",
        (issue("apache/tvm", 19574),),
        "2026-05",
        "a lowering computes mean and variance of the input in inference, and ignores those that it is given",
        EVALUATION,
        lambda: _case(np.ones((1, 1, 16)), mean=2.0),
    ),
    Recent(
        "statistics_never_move",
        (pull("apache/tvm", 18518), issue("HomericIntelligence/Odyssey", 5543), issue("HomericIntelligence/Odyssey", 5575)),
        "2025-11",
        "the updated running statistics that training returns are thrown away, and inference has those of a new layer",
        MEAN,
        lambda: _case([[1.0], [3.0]]),
    ),
    Recent(
        "statistics_per_sample_without_tracking",
        (pull("apache/tvm", 18609),),
        "2025-12",
        "without running statistics a batch norm is lowered as an instance norm, which ignores the batch axis",
        OUTPUT,
        lambda: _without_tracking([[[0.0, 1.0]], [[4.0, 7.0]]]),
    ),
    Recent(
        "trains_on_copies_of_its_state",
        (pull("pytorch/executorch", 21056),),
        "2026-07",
        "a quantizer observes weight, bias and running statistics as if they were activations; training no longer reaches the "
        "registered ones",
        MEAN,
        lambda: _case([[1.0], [3.0]]),
    ),
    Recent(
        "offset_ignored_where_channels_lie_last",
        (issue("pytorch/pytorch", 174345),),
        "2026-02",
        "wrong for a channels-last input whose storage offset is not zero, and right where it is",
        EVALUATION,
        lambda: _case([[[1.0, 2.0], [5.0, 9.0]]], layout="channels last at an offset"),
        missed="no layout was both, channels last and inside its memory; there is one, drawn with the cases",
    ),
    Recent(
        "other_axes_summed_going_back",
        (pull("pytorch/pytorch", 169372),),
        "2025-12",
        "for a permuted, channels-last input the axes that are summed over are wrong, and so are the gradients",
        GRAD_X,
        lambda: _case([[[1.0, 2.0], [5.0, 9.0]], [[0.0, 3.0], [4.0, 4.0]]], layout="channels last"),
    ),
    Recent(
        "permuted_batch_refused_going_back",
        (issue("braindecode/braindecode", 1086), pull("pytorch/pytorch", 188371)),
        "2026-06",
        "the backward pass raises from a view of an input that was permuted; the forward pass does not",
        GRAD_X,
        lambda: _case([[[1.0, 2.0], [5.0, 9.0]], [[0.0, 3.0], [4.0, 4.0]]], layout="channels last"),
    ),
    Recent(
        "channel_of_another_vector",
        (pull("microsoft/onnxruntime", 24404),),
        "2025-04",
        "a shader that works on vectors finds the channel of a vector from its number times its width",
        EVALUATION,
        lambda: _case(np.ones((1, 2, 4)), running_mean=np.array([0.0, 1.0], np.float32)),
    ),
    Recent(
        "two_axes_refused",
        (pull("microsoft/onnxruntime", 26659),),
        "2025-11",
        "a batch (N, C) is an error, as at least three dimensions are needed to move the channels",
        OUTPUT,
        lambda: _case([[1.0], [3.0]]),
    ),
    Recent(
        "channels_past_the_end",
        (issue("pytorch/pytorch", 194798),),
        "2026-08",
        "an update reads and writes running statistics by the input's number of channels, of which there are fewer",
        "bad_input_is_refused",
        lambda: _case([[1.0, 2.0], [3.0, 7.0]], weight=None, bias=None),
    ),
    Recent(
        "reciprocal_of_the_count_rounded",
        (issue("tenstorrent/tt-metal", 23876),),
        "2025-06",
        "batch norm is wrong in training because the mean of ones is not one",
        MEAN,
        lambda: _case([[1.0], [1.0], [1.0]]),
    ),
    Recent(
        "statistics_taken_for_constants",
        (pull("tinygrad/tinygrad", 14670),),
        "2026-02",
        "the backward pass of training does not know that the statistics depend on the batch",
        GRAD_X,
        lambda: _case([[0.0], [1.0], [5.0]]),
    ),
    Recent(
        "updated_one_step_late",
        (issue("ml-explore/mlx", 1960),),
        "2025-03",
        "after a training step the running statistics are those of before; they change, but not right away",
        MEAN,
        lambda: _case([[1.0], [3.0]]),
    ),
    Recent(
        "halves_refused_beside_statistics",
        (issue("llvm/torch-mlir", 4480),),
        "2026-03",
        "a decomposition gives running statistics of float32 the input's dtype, and is invalid where that is another",
        EVALUATION,
        lambda: _case([[1.0], [3.0]], pair=MIXED),
    ),
    Recent(
        "momentum_twice",
        (pull("tenstorrent/tt-mlir", 5440),),
        "2025-10",
        "a lowering takes the statistics of a batch from an update of empty ones with momentum 0.1, which should be 1",
        MEAN,
        lambda: _case([[1.0], [3.0]]),
    ),
    Recent(
        "empty_batch_fails_going_back",
        (issue("pytorch/pytorch", 189831),),
        "2026-07",
        "the backward pass of a batch that has channels and no elements reads through a null pointer",
        "one_row_and_none_can_be_evaluated",
        lambda: _case(np.ones((4, 2, 3))),
        missed="nobody went back through an empty batch; the rule does, and wants empty gradients and zeros",
    ),
)
