"""The reference layer: ``torch.nn.BatchNorm1d`` in NumPy alone, to be read and run.

Here are the state and the rules for using it. The mathematics is in ``specification``, its passes over whole batches in
``blocks``, and what is refused in ``checks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference import specification as spec
from bn_reference.arithmetic.precision import DTYPES, dtype_named, usual_compute
from bn_reference.reference import blocks
from bn_reference.reference.checks import checked_batch, checked_state, is_real, require

__all__ = ["BatchNorm1d"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class _Pass:
    """What a backward pass needs of its forward pass: ``centred``, x - mu, with ``sigma, gamma: (C,)``, computing dtype."""

    dtype: np.dtype[Any]
    centred: Array
    sigma: Array
    gamma: Array
    through_statistics: bool


class BatchNorm1d:
    r"""Batch normalization of ``(N, C)`` or ``(N, C, L)``, :math:`y = \gamma (x - \mu) / \sqrt{\sigma^2 + \epsilon} + \beta`.

    In training mu and var are those of the batch, and the running statistics move towards them; in eval they are the running
    statistics, or the batch's where there are none. Sums and products are computed in float64 for float64, else in float32.

    Source: Ioffe & Szegedy (2015), arXiv:1502.03167; state and options follow ``torch.nn.BatchNorm1d``.

    Attributes:
        weight, bias: (C,) gamma and beta in ``dtype``; None with ``affine=False``.
        running_mean, running_var: (C,) in ``dtype``, the variance unbiased; None with ``track_running_stats=False``.
        num_batches_tracked: () int64; None with ``track_running_stats=False``.
        training: whether the layer normalizes with the batch's statistics and updates the running ones.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        """Build a layer with weight 1, bias 0, running mean 0 and running variance 1, in training.

        Args:
            num_features: C, the number of channels.
            eps: added to the variance; positive, but in eval with running statistics it may be zero.
            momentum: the weight of the new batch in the running statistics; None weights all batches alike.
            affine: whether there are weight and bias.
            track_running_stats: whether there are running statistics.
            dtype: of weight, bias and running statistics: float16, bfloat16 (that of ml_dtypes), float32 or float64.

        Raises:
            TypeError: num_features is no integer, or eps or momentum no number.
            ValueError: num_features is negative, or the dtype none of the four.
        """
        require("num_features", num_features, Integral, "an integer; pass the number of channels C")
        if num_features < 0:
            raise ValueError(f"num_features is {num_features}, but must not be negative; pass the number of channels C")
        require("eps", eps, Real, "a real number; pass a float")
        require("momentum", 0.0 if momentum is None else momentum, Real, "a real number or None; pass a float")
        self.num_features = int(num_features)
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.dtype = dtype_named(dtype if isinstance(dtype, str) else np.dtype(dtype).name)
        self.training = True
        self.weight: Array | None = np.ones(num_features, self.dtype) if affine else None
        self.bias: Array | None = np.zeros(num_features, self.dtype) if affine else None
        self.running_mean: Array | None = np.zeros(num_features, self.dtype) if track_running_stats else None
        self.running_var: Array | None = np.ones(num_features, self.dtype) if track_running_stats else None
        self.num_batches_tracked: Array | None = np.zeros((), np.int64) if track_running_stats else None
        self._latest: _Pass | None = None

    def __repr__(self) -> str:
        return (
            f"BatchNorm1d({self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}, dtype={self.dtype.name})"
        )

    def __call__(self, x: Array) -> Array:
        """Normalize a batch, and in training update the running statistics in place.

        A batch of no rows gives no rows: it leaves the running statistics alone and counts as a batch, as in torch.

        Args:
            x: (N, C) or (N, C, L), any strides, never changed; of the layer's dtype, or of half precision in a float32 layer.

        Returns:
            y: shape and dtype of x, contiguous.

        Raises:
            TypeError: x is no NumPy array, or its dtype does not go with the layer's.
            ValueError: x has another rank or number of channels; the batch's statistics are needed and there is one value a
                channel or eps is not positive; eps is negative. The layer is then unchanged.
        """
        stored = None if self.training else self._running()
        holds, use_batch = bool(self._state()), stored is None
        pair = checked_batch(x, self.num_features, self.dtype, self.eps, holds=holds, use_batch=use_batch)
        real = DTYPES[usual_compute(pair.input).name].type
        with np.errstate(all="ignore"):  # NaN, infinities and overflow go through without a word
            rows: Array = np.ascontiguousarray(x, dtype=real)
            centred = self._place_for_centred(x, rows)
            if stored is None:
                mu = blocks.mean(rows)
                var = blocks.variance(rows, mu, centred)
            else:
                mu, var = stored[0].astype(real), stored[1].astype(real)
                blocks.centre(rows, mu, centred)
            sigma = spec.deviation(var, real(self.eps))
            gamma = np.ones_like(mu) if self.weight is None else self.weight.astype(real)
            beta = None if self.bias is None else self.bias.astype(real)
            y = np.empty_like(rows)
            blocks.scale_and_shift(centred, gamma / sigma, beta, y)
            if self.training and self.track_running_stats:
                self._track(mu, var, blocks.rows(x))
            self._latest = _Pass(pair.input_dtype, centred, sigma, gamma, stored is None)
            return y.astype(pair.input_dtype, copy=False)

    def backward(self, grad_y: Array) -> tuple[Array, Array | None, Array | None]:
        """Gradients of ``sum(grad_y * y)`` through the latest forward pass as it was; may be asked for more than once.

        Args:
            grad_y: shape of the latest y; any real dtype, rounded to that of y.

        Returns:
            grad_x: shape and dtype of x. grad_weight, grad_bias: (C,) in the layer's dtype, None with ``affine=False``.

        Raises:
            RuntimeError: there was no forward pass.
            TypeError: grad_y is no array of real numbers.
            ValueError: grad_y has another shape than y.
        """
        if self._latest is None:
            raise RuntimeError("backward needs a forward pass to go back through, and there was none; call the layer first")
        latest = self._latest
        require("grad_y", grad_y, np.ndarray, "a NumPy array; convert it first")
        if not is_real(grad_y.dtype):
            raise TypeError(f"grad_y has dtype {grad_y.dtype}, but must hold real numbers; convert it first")
        if grad_y.shape != (shape := latest.centred.shape):
            raise ValueError(f"grad_y has shape {grad_y.shape}, but must have that of the latest output; pass {shape}")
        with np.errstate(all="ignore"):
            rounded = grad_y.astype(latest.dtype, copy=False)
            dy: Array = np.ascontiguousarray(rounded, dtype=latest.centred.dtype)
            plain, weighted = blocks.gradient_sums(dy, latest.centred)
            scale, grad_gamma, dx = latest.gamma / latest.sigma, weighted / latest.sigma, np.empty_like(dy)
            if latest.through_statistics:
                level, slope = (blocks.over_rows(total, blocks.rows(dy)) for total in (plain, grad_gamma / latest.sigma))
                blocks.training_input_gradient(dy, latest.centred, scale, level, slope, dx)
            else:
                blocks.scale_and_shift(dy, scale, None, dx)
            grad_x = dx.astype(latest.dtype, copy=False)
            if not self.affine:
                return grad_x, None, None
            return grad_x, grad_gamma.astype(self.dtype), plain.astype(self.dtype)

    def train(self, mode: bool = True) -> BatchNorm1d:
        """Use the batch's statistics and update the running ones (or, with False, as ``eval``); returns the layer.

        Raises:
            TypeError: mode is no bool.
        """
        require("mode", mode, bool, "True or False; pass a bool")
        self.training = mode
        return self

    def eval(self) -> BatchNorm1d:
        """Use the running statistics, where there are any, and leave them alone; returns the layer."""
        return self.train(False)

    def reset_running_stats(self) -> None:
        """Running mean 0, running variance 1, no batch seen; in place."""
        state = self._state()
        for name, value in (("running_mean", 0), ("running_var", 1), ("num_batches_tracked", 0)):
            if name in state:
                state[name][...] = value

    def reset_parameters(self) -> None:
        """Weight 1 and bias 0 in place, and the running statistics reset."""
        self.reset_running_stats()
        if self.weight is not None and self.bias is not None:
            self.weight[...], self.bias[...] = 1, 0

    def state_dict(self) -> dict[str, Array]:
        """Copies of the arrays that the layer has, by name, in torch's order."""
        return {name: array.copy() for name, array in self._state().items()}

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Copy a saved state into the layer's arrays, in place, rounded to its dtype.

        ``num_batches_tracked`` may be missing, and the counter is then kept: states saved before torch 0.4.1 have none.

        Raises:
            ValueError: an entry is missing, unknown or of another shape. Nothing is then changed, unlike in torch.
            TypeError: an entry holds no real numbers, or the counter no integer. Nothing is then changed.
        """
        own = self._state()
        given = checked_state(state, own)
        with np.errstate(all="ignore"):
            for name, array in given.items():
                own[name][...] = array.astype(own[name].dtype)

    def _state(self) -> dict[str, Array]:
        names = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def _running(self) -> tuple[Array, Array] | None:
        return None if self.running_mean is None or self.running_var is None else (self.running_mean, self.running_var)

    def _place_for_centred(self, x: Array, rows: Array) -> Array:
        """Memory of the layer's own for x - mu: a copy that was made of x, or what the last pass used; fresh pages are slow."""
        if not np.may_share_memory(x, rows):
            return rows
        last = self._latest
        fits = last is not None and (last.centred.shape, last.centred.dtype) == (rows.shape, rows.dtype)
        return last.centred if last is not None and fits else np.empty_like(rows)

    def _track(self, mu: Array, var: Array, m: int) -> None:
        """One running update (Algorithm 2, line 10, for the variance), in the computing dtype, kept in the layer's."""
        stored = self._running()
        if stored is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked[...] += 1
        if m == 0:
            return
        real = mu.dtype.type
        momentum = real(1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum)
        for running, new in zip(stored, (mu, spec.unbiased_variance(var, m)), strict=True):
            running[...] = spec.exponential_average(running.astype(real), new, momentum)
