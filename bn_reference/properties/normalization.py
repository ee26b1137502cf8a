"""Normalization statistics: what training makes of a batch."""

from __future__ import annotations

import numpy as np

from bn_reference.cases.case import Case
from bn_reference.cases.layouts import from_matrix, to_matrix
from bn_reference.oracle import relations
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, same_bits, within
from bn_reference.properties import transform
from bn_reference.properties.premises import require_batch_statistics
from bn_reference.properties.registry import IOFFE_SZEGEDY, TORCH_DOCS, Property, family
from bn_reference.properties.trial import Trial

PROPERTIES: list[Property] = []
prop = family("normalization", PROPERTIES, "training")


@prop(source=f"{IOFFE_SZEGEDY}, Algorithm 1", direct=True)
def output_is_the_normalized_batch(trial: Trial) -> Comparison:
    """y = gamma (x - mu) / sqrt(var + eps) + beta, mu and var the mean and biased variance of the channel's N L values."""
    return within("y", trial.train().y, trial.expected().y)


@prop(source=f"{IOFFE_SZEGEDY}, section 3", implied_by=("output_is_the_normalized_batch",))
def output_mean_is_the_bias(trial: Trial) -> Comparison:
    """mean(y) = beta in each channel, for mean(x_hat) = 0."""
    require_batch_statistics(trial)
    measured = relations.output_mean(trial.modelled(trial.case), trial.train().y, trial.expected().y)
    return within("y", *measured, Aspect.MEAN)


@prop(source=f"{IOFFE_SZEGEDY}, section 3", implied_by=("output_is_the_normalized_batch",))
def output_variance_is_what_eps_leaves(trial: Trial) -> Comparison:
    """var(y) = gamma^2 var / (var + eps) in each channel, biased variances both."""
    require_batch_statistics(trial)
    measured = relations.output_variance(trial.modelled(trial.case), trial.train().y, trial.expected().y)
    return within("y", *measured, Aspect.VARIANCE)


@prop(source=TORCH_DOCS)
def momentum_one_shows_the_batch_statistics(trial: Trial) -> Comparison:
    """With momentum 1 the running statistics are the batch's mean and unbiased variance."""
    trial.require(trial.case.tracks)
    case = transform.with_fresh_state(trial.case, momentum=1.0)
    state, expected = trial.train(case).state, trial.expected(case).state
    return all_of(
        within("running_mean", state.mean, expected.mean),
        within("running_var", state.var, expected.var),
    )


@prop(source=f"{IOFFE_SZEGEDY}, section 3")
def adding_a_constant_to_a_channel_changes_nothing(trial: Trial) -> Comparison:
    """BN(x + b) = BN(x) for any b per channel (where x + b rounds, the difference that the rounding makes is expected)."""
    require_batch_statistics(trial)
    shifted = transform.shifted(trial.case)
    difference = relations.difference(trial.expected(shifted).y, trial.expected().y)
    measured = relations.subtract(trial.case.precision, trial.train(shifted).y, trial.train().y)
    return within("y", measured, difference, Aspect.SHIFTED)


@prop(source=f"{IOFFE_SZEGEDY}, section 3.3; IEEE 754: a power of two is an exact factor")
def scaling_by_powers_of_two_changes_no_bit(trial: Trial) -> Comparison:
    """BN(2^k x; 4^k eps) = BN(x; eps) bit for bit, unless a root that is not correctly rounded moves its last place."""
    require_batch_statistics(trial)
    case = trial.modelled(trial.case)
    scaled, safe = transform.scaled(trial.case, case)
    trial.require(safe.size > 0)
    y, y_scaled = trial.train().y[:, safe], trial.train(scaled).y[:, safe]
    exact = same_bits("y", y_scaled, y, Aspect.SCALED, channels=safe)
    if exact.holds:
        return exact
    allowance = relations.last_place_of_the_root(case).columns(safe)
    return within("y", relations.subtract(case.precision, y_scaled, y), allowance, Aspect.SCALED, channels=safe)


@prop(source="IEEE 754: rounding to nearest is symmetric")
def negating_the_input_mirrors_the_output(trial: Trial) -> Comparison:
    """BN(-x; -gamma, beta) = BN(x; gamma, beta), and BN(-x) = -BN(x) without affine parameters, bit for bit."""
    require_batch_statistics(trial)
    case = trial.case
    mirrored = trial.train(case.but(x=-case.x, weight=None if case.weight is None else -case.weight)).y
    return same_bits("y", mirrored if case.affine else -mirrored, trial.train().y, Aspect.MIRRORED)


@prop(source=f"{IOFFE_SZEGEDY}, Algorithm 1: the batch is a set")
def permuting_rows_permutes_the_output(trial: Trial) -> Comparison:
    """BN(P x) = P BN(x) for any order P of the N L rows; the running statistics do not notice."""
    case = trial.case
    order = np.random.default_rng(case.rows).permutation(case.rows)
    permuted = trial.train(case.but(x=from_matrix(to_matrix(case.x)[order], case.x.shape)))
    return all_of(
        within("y", permuted.y, trial.expected().y.rows(order)),
        *transform.state_within(permuted.state, trial.expected().state),
    )


@prop(source=f"{IOFFE_SZEGEDY}, section 3: each dimension is normalized by itself")
def permuting_channels_permutes_the_output(trial: Trial) -> Comparison:
    """Channels in another order, with their parameters, give their outputs in that order."""
    trial.require(trial.case.channels > 1)
    order = np.random.default_rng(trial.case.channels).permutation(trial.case.channels)
    permuted = transform.channels_taken(trial.case, order)
    return within("y", trial.train(permuted).y, trial.expected().y.columns(order))


@prop(source=f"{IOFFE_SZEGEDY}, section 3: each dimension is normalized by itself")
def no_channel_changes_a_bit_of_another(trial: Trial) -> Comparison:
    """Whatever one channel holds, NaN and infinity included, the bits of every other channel stay."""
    trial.require(trial.case.channels > 1)
    case, disturbed, others = transform.one_channel_disturbed(trial.case)
    before, after = trial.train(case), trial.train(disturbed)
    sides = {
        "y": (after.y, before.y),
        "grad_x": (after.grads.x, before.grads.x),
        "running_mean": (after.state.mean, before.state.mean),
        "running_var": (after.state.var, before.state.var),
    }
    taken, beside = transform.taken, Aspect.BESIDE_ANOTHER_CHANNEL
    return all_of(
        *(same_bits(what, taken(a, others), taken(b, others), beside, channels=others) for what, (a, b) in sides.items())
    )


@prop(source=f"{IOFFE_SZEGEDY}, section 3.2: every position is one more row")
def positions_are_rows(trial: Trial) -> Comparison:
    """BN of (N, C, L) is BN of (N L, C), and BN of (N, C) is BN of (1, C, N)."""
    case = trial.case
    other = to_matrix(case.x) if case.x.ndim == 3 else np.ascontiguousarray(case.x.T)[None]
    reshaped: Case = transform.with_batch(case, other)
    observed = trial.train(reshaped)
    return all_of(
        within("y", observed.y, trial.expected().y),
        *transform.state_within(observed.state, trial.expected().state),
    )


@prop(source=f"{IOFFE_SZEGEDY}, Algorithm 1")
def stacking_the_batch_on_itself_changes_nothing(trial: Trial) -> Comparison:
    """BN of [x; x] is [BN(x); BN(x)]: mean and biased variance stay, the unbiased variance shrinks to its new m / (m - 1)."""
    stacked = transform.with_batch(trial.case, np.concatenate([trial.case.x, trial.case.x]))
    observed, expected = trial.train(stacked), trial.expected(stacked)
    return all_of(within("y", observed.y, expected.y), *transform.state_within(observed.state, expected.state))


@prop(source=f"{IOFFE_SZEGEDY}, Algorithm 1")
def a_constant_channel_gives_the_bias(trial: Trial) -> Comparison:
    """Where x does not vary, y = beta: the variance is zero and eps keeps the quotient finite."""
    require_batch_statistics(trial)
    constant = transform.with_batch(trial.case, np.broadcast_to(trial.case.x[:1, :, ...], trial.case.x.shape).copy())
    if constant.x.ndim == 3:
        constant = transform.with_batch(constant, np.broadcast_to(constant.x[:, :, :1], constant.x.shape).copy())
    return within("y", trial.train(constant).y, trial.expected(constant).y)
