"""Conventions as a target keeps them, measured: each from a step or two, held against what every value would give.

A value is found where all that was seen lies within its bounds, the values in the order in which they are demanded, torch's
first. Where none does, or nothing could be asked, the demanded one stays, and the rules tell what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from bn_reference.arithmetic.precision import PAIRS, Pair
from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.layouts import place
from bn_reference.conventions import VALUES, Conventions
from bn_reference.oracle.bounded import Bounded
from bn_reference.oracle.compare import within
from bn_reference.oracle.step import expect_inference, expect_training
from bn_reference.targets.protocol import Implementation, Misbehaviour, Session, Unsupported, had
from bn_reference.verification.accuracy import is_one_pass
from bn_reference.verification.generic import generic_cases, subnormal

__all__ = ["measured"]

BATCHES = (6, 4, 9)  # rows of the batches that a layer is trained on: n / (n - 1) is another in each
MOMENTUM = 0.25


def measured(implementation: Implementation, demanded: Conventions, *, accuracy: bool) -> Conventions:
    """The conventions that the implementation keeps, as far as they can be told.

    Args:
        implementation: a watched one, which raises nothing but Unsupported and Misbehaviour.
        demanded: those that are tried first.
        accuracy: whether a less stable variance is one of them; it is not found unless it is looked for.
    """
    pairs = [pair for pair in PAIRS if _supports(implementation, pair)]
    if not pairs:
        return demanded
    found = demanded.but(momentum_weights=implementation.momentum_weights)
    for settle in (_formats, _subnormals, _hyperparameters, *((_variance,) if accuracy else ()), _averages, _single_value):
        try:
            found = settle(implementation, pairs, found)
        except (Unsupported, Misbehaviour):  # it cannot be asked for that, or goes wrong there: for the rules to tell
            continue
    return found


def _supports(implementation: Implementation, pair: Pair) -> bool:
    try:
        return implementation.domain.takes_pair(pair) and implementation.supports(pair)
    except (Unsupported, Misbehaviour):
        return False


# what is tried


def _case(implementation: Implementation, pair: Pair) -> Case:
    """Generic data of a kind that the target takes, with the statistics of its own beginning."""
    domain = implementation.domain
    shape = (4, domain.channels) if 2 in domain.dimensions else (4, domain.channels, 2)
    x, vector = np.ones(shape, pair.input_dtype), np.ones(shape[1], pair.parameter_dtype)
    affine, tracks = True in domain.affine, True in domain.tracks
    plain = Case(
        pair,
        x,
        x,
        weight=vector if affine else None,
        bias=vector if affine else None,
        running_mean=vector if tracks else None,
        running_var=vector if tracks else None,
        momentum=MOMENTUM,
    )
    return domain.nearest(generic_cases(domain.nearest(plain))[0])


def _forward(session: Session, case: Case, *, training: bool) -> Array:
    return session.forward(place(case.x, case.layout), training=training).y


def _kept(
    found: Conventions, names: Sequence[str], holds: Callable[[Conventions], bool], without: tuple[str, ...] = ()
) -> Conventions:
    """The first values of these conventions with which all that was seen is within bounds; those demanded come first."""
    options = [[getattr(found, name), *(value for value in VALUES[name] if value not in without)] for name in names]
    for values in product(*options):
        candidate = found.but(**dict(zip(names, values, strict=True)))
        if holds(candidate):
            return candidate
    return found


def _near(what: str, actual: Array | None, expected: Bounded | None) -> bool:
    """Whether something that was seen is within a bound that says something."""
    if actual is None or expected is None or not np.isfinite(expected.bound).any():
        return False
    return within(what, actual, expected).holds


# formats


def _formats(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """dtypes of outputs and of running statistics, which say it themselves; they must say the same in every pair."""
    outputs, statistics = set(VALUES["output"]), set(VALUES["statistics"])
    for pair in pairs:
        session = implementation.open(case := _case(implementation, pair))
        y = _forward(session, case, training=True).dtype.name
        outputs &= {value for value in outputs if _output(value, pair) == y}
        if case.tracks:
            kept = had(session.state().var)
            statistics &= {value for value in statistics if kept is not None and _statistics(value, pair) == kept.dtype.name}
    changes = {}
    for name, left in (("output", outputs), ("statistics", statistics)):
        if left and getattr(found, name) not in left:
            changes[name] = next(value for value in VALUES[name] if value in left)
    return found.but(**changes)


def _output(value: str, pair: Pair) -> str:
    return pair.input if value == "input" or pair.input == pair.parameters else pair.parameters


def _statistics(value: str, pair: Pair) -> str:
    return {"parameters": pair.parameters, "float32": "float32", "input": pair.input}[value]


def _subnormals(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """An evaluation of subnormal numbers, with nothing added to them: flushed where zero comes out, and the truth is none."""
    case = implementation.domain.nearest(subnormal(_case(implementation, pairs[0])))
    y = _forward(implementation.open(case), case, training=not case.tracks)
    expect = expect_inference if case.tracks else expect_training
    if _near("y", y, expect(case.kept_by(found)).y) or np.any(y):
        return found
    flushed = found.but(subnormals="flushed")
    return flushed if _near("y", y, expect(case.kept_by(flushed)).y) else found


def _hyperparameters(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """eps, and momentum, where float32 has too few digits to hold them: an evaluation with a variance of zero, and a step."""
    wide = [pair for pair in pairs if pair.input == "float64"]
    if not wide:
        return found
    case = _case(implementation, wide[0])
    if not case.tracks:
        return found
    assert case.running_var is not None
    nothing = case.but(running_var=np.zeros_like(case.running_var))
    session = implementation.open(case)
    y = _forward(implementation.open(nothing), nothing, training=False)
    _forward(session, case, training=True)
    mean = had(session.state().mean)

    def holds(kept: Conventions) -> bool:
        step = expect_training(case.kept_by(kept)).state
        return _near("y", y, expect_inference(nothing.kept_by(kept)).y) and (mean is None or _near("mean", mean, step.mean))

    return _kept(found, ["hyperparameters"], holds)


def _variance(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    one_pass = is_one_pass(implementation, _case(implementation, pairs[0]), found)
    return found.but(variance="one_pass") if one_pass else found


# running statistics


def _averages(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """Training steps on batches of several sizes, each judged from the statistics that were seen before it."""
    case = _case(implementation, pairs[0])
    if not case.tracks:
        return found
    case = case.but(batches=0)
    session, before = implementation.open(case), case
    steps: list[tuple[Case, State]] = []
    for size, batch in zip(BATCHES, _batches(case), strict=True):
        now = before.but(x=batch, grad_y=batch, batches=len(steps))
        _forward(session, now, training=True)
        state = session.state()
        steps.append((now, state))
        before = now.but(running_mean=had(state.mean), running_var=had(state.var))
        assert size == len(batch)
    found = _kept(
        found,
        ["first_batches", "running_variance"],
        lambda kept: all(_followed(now, state, kept) for now, state in steps),
        without=("debiased_in_eval",),
    )
    if found.first_batches != "prior":
        return found
    last = before.but(batches=len(steps))
    y = _forward(session, last, training=False)
    return _kept(
        found,
        ["first_batches"],
        lambda kept: _near("y", y, expect_inference(last.kept_by(kept)).y),
        without=("copied", "debiased"),
    )


def _batches(case: Case) -> Iterator[Array]:
    rng = np.random.default_rng(0)
    for size in BATCHES:
        shape = (size, *case.x.shape[1:])
        yield (rng.standard_normal(shape) + rng.uniform(-2.0, 2.0, shape[1:])).astype(case.x.dtype)


def _followed(case: Case, state: State, kept: Conventions) -> bool:
    expected = expect_training(case.kept_by(kept)).state
    mean, var = had(state.mean), had(state.var)
    return _near("running_mean", mean, expected.mean) and _near("running_var", var, expected.var)


# one value a channel


def _single_value(implementation: Implementation, pairs: list[Pair], found: Conventions) -> Conventions:
    """A training step of one value a channel: refused, or y = bias, or x returned; NaN and infinity are told as such."""
    case = _case(implementation, pairs[0])
    one = case.but(x=case.x[:1, :, :1] if case.x.ndim == 3 else case.x[:1])
    one = one.but(grad_y=one.x)
    session = implementation.open(one)
    try:
        y = _forward(session, one, training=True)
    except Misbehaviour as misbehaviour:
        return found.but(single_value="refused") if misbehaviour.raised else found
    state = session.state() if case.tracks else State()
    seen = [y, *(values for values in (state.mean, state.var) if isinstance(values, np.ndarray))]
    if not all(np.isfinite(values.astype(np.float64)).all() for values in seen):
        return found.but(single_value="undefined")
    if np.array_equal(y, one.x.astype(y.dtype)):
        return found.but(single_value="input")
    if _near("y", y, expect_training(replace(one, recipe=None).kept_by(found)).y):
        return found.but(single_value="bias")
    return found
