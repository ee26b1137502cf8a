"""Contract, at its edge: what is no batch of the layer's, hyperparameters beyond the usual, what is shown and what is saved.

What a layer is not made for it refuses, or gives the numbers that its formula has there; what it must never give is something
else without a word. Of what there is to try each case takes a part, which follows from its sizes.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import DTYPES, HALVES, Pair
from bn_reference.cases.case import Array, Case, Seen
from bn_reference.cases.facts import Fact, Kind, Missing
from bn_reference.cases.layouts import place
from bn_reference.oracle.aspect import Aspect
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, unseen, within
from bn_reference.properties import transform
from bn_reference.properties.registry import TORCH_DOCS, Property, family
from bn_reference.properties.running import same_state
from bn_reference.properties.trial import Trial, asked, contiguous
from bn_reference.targets.protocol import Misbehaviour, Session, Unsupported

PROPERTIES: list[Property] = []
prop = family("contract", PROPERTIES, "training", "eval")

OTHER_DTYPES = ("int64", "float64", "bool", "float16", "complex64", "uint8", "bfloat16", "float32", "int32")
BAD_EPS = (-1.0, math.nan, 0.0)
WIDE_MOMENTUM = (1.5, -0.5, math.nan)


def _number(case: Case) -> int:
    """Which part of what there is to try is this case's."""
    return case.batches + 3 * case.channels + case.rows


def _usual(case: Case, shape: tuple[int, ...]) -> tuple[Case, Array]:
    """A fresh layer of the case's options whose numbers every dtype holds, and a batch of whole numbers."""
    counted = np.arange(math.prod(shape)).reshape(shape)
    x = (counted * counted + counted // 3) % 4
    vectors = {
        "weight": (1.0, -2.0, 0.5),
        "bias": (0.5, 0.0, -1.0),
        "running_mean": (1.0, 0.5),
        "running_var": (1.0, 0.25, 2.0),
    }
    given: dict[str, Any] = {}
    for name, numbers in vectors.items():
        if (values := getattr(case, name)) is not None:
            given[name] = np.resize(numbers, case.channels).astype(values.dtype)
    y = x.astype(case.x.dtype)
    return case.but(x=y, grad_y=y, layout="contiguous", grad_layout="contiguous", circumstances=(), kinds=(), **given), x


def _given(session: Session, x: Array, training: bool) -> Array | None:
    """What an input gives; None where it is refused, or cannot be asked for."""
    try:
        return session.forward(contiguous(x), training=training, record=False).y
    except Unsupported:
        return None
    except Misbehaviour as misbehaviour:
        if misbehaviour.raised:
            return None
        raise


def _after_refusal(session: Session, case: Case) -> Comparison:
    """The running statistics hold the same bits; of the batch that was refused the counter may know, as torch's does."""
    state = session.state()
    counted = state.batches
    same = same_state(state, case, Aspect.AFTER_A_REFUSAL)
    if not isinstance(counted, int) or not case.tracks:
        return same
    return all_of(same, fact(counted - case.batches in (0, 1), Fact(Kind.COUNT, "num_batches_tracked", counted, case.batches)))


@prop(source=TORCH_DOCS)
def what_is_no_batch_is_refused(trial: Trial) -> Comparison:
    """Channels too many, too few, or one for many, a number, and a vector in training raise, and leave the statistics as they
    were; four dimensions, and a vector in eval, raise as well, or are taken for what they are: more positions, one sample.
    """
    case = trial.case
    trial.require((case.affine or case.tracks) and case.conventions.single_value == "refused")
    usual, _ = _usual(case, (4, case.channels) if case.x.ndim == 2 else (2, case.channels, 2))
    counts = [n for n in (case.channels + 1, 1, case.channels - 1) if n > 0 and n != case.channels]
    tries = [(rank, training) for rank in (1, 4, 0) for training in (True, False)]
    rank, in_training = tries[_number(case) % len(tries)]
    channels, training = [(n, training) for n in counts for training in (False, True)][_number(case) % (2 * len(counts))]
    return all_of(_of_channels(trial, usual, channels, training), _of_rank(trial, usual, rank, in_training))


def _require_whole(session: Session) -> None:
    if not session.whole:
        raise Unsupported("it does not promise what torch.nn.BatchNorm1d refuses")


def _of_channels(trial: Trial, case: Case, channels: int, training: bool) -> Comparison:
    session = trial.open(case)
    _require_whole(session)
    x = np.take(case.x, np.arange(channels) % case.channels, axis=1)
    try:
        refused = _given(session, x, training) is None
    except Misbehaviour:  # what came is of another form, but was given
        refused = False
    return all_of(fact(refused, Fact(Kind.ACCEPTED, "x", x.shape, case.channels)), _after_refusal(session, case))


def _of_rank(trial: Trial, case: Case, rank: int, training: bool) -> Comparison:
    deep, _ = _usual(case, (2, case.channels, 2, 2))
    x = {0: np.ones((), case.x.dtype), 1: case.x.reshape(-1)[: case.channels], 4: deep.x}[rank]
    session, accepted = trial.open(case), Fact(Kind.ACCEPTED, "x", x.shape, case.channels)
    try:
        y = _given(session, x, training)
    except Misbehaviour:
        return fact(False, accepted)
    if y is None:
        return _after_refusal(session, case)
    if rank == 0 or (rank == 1 and training):
        return fact(False, accepted)
    shape = (2, case.channels, 4) if rank == 4 else (1, case.channels)
    taken = transform.with_batch(case, x.reshape(shape))
    expected = trial.expected(taken) if training else trial.expected_evaluation(taken)
    return within("y", y.reshape(shape), expected.y, Aspect.OF_FOUR_DIMENSIONS if rank == 4 else Aspect.OF_ONE_ROW)


@prop(source=TORCH_DOCS)
def other_dtypes_are_refused_or_right(trial: Trial) -> Comparison:
    """Integers, truth values, complex numbers and floats of another precision raise, give what the same numbers give in the
    layer's own dtypes, within the bound of the least precise of them, or come out in a dtype of their own that holds no such
    number: integers as integers."""
    case, n = trial.case, _number(trial.case)
    names = [
        name for name in OTHER_DTYPES if name != case.pair.input and not (name in HALVES and case.pair.parameters in HALVES)
    ]
    name, training = names[n % len(names)], (n // len(names)) % 2 == 0
    usual, whole_numbers = _usual(case, (4, case.channels) if case.x.ndim == 2 else (2, case.channels, 2))
    x = (whole_numbers % 2 if name == "bool" else whole_numbers).astype(DTYPES.get(name, np.dtype(name)))
    if name == "complex64":
        x = x + 1j * (whole_numbers // 2).astype(np.float32)
    session = trial.open(usual)
    _require_whole(session)
    try:
        y = _given(session, x, training)
    except Misbehaviour as misbehaviour:
        came = str(misbehaviour.fact.found)
        alike = came == name or (name == "complex64" and came.startswith("complex"))
        if misbehaviour.fact.kind is not Kind.DTYPE_KIND or not alike:
            raise
        return fact(True, misbehaviour.fact)  # whoever gives integers sees integers come out
    if y is None:
        return _after_refusal(session, usual)
    if name == "complex64":
        return fact(False, Fact(Kind.OTHER_NUMBERS, "x", name, y.dtype.name))
    return within("y", y, _expected_of(trial, usual, x, training), Aspect.OF_OTHER_NUMBERS)


def _expected_of(trial: Trial, case: Case, x: Array, training: bool) -> Any:
    """What the numbers give in the least precise of the formats: all of them hold what goes in."""
    used = next((name for name in (x.dtype.name, case.pair.parameters) if name in HALVES), "float32")
    pair = Pair(used, used)
    vectors = {name: getattr(case, name) for name in ("weight", "bias", "running_mean", "running_var")}
    narrow = {name: None if values is None else values.astype(pair.parameter_dtype) for name, values in vectors.items()}
    taken = case.but(x=x.astype(pair.input_dtype), grad_y=x.astype(pair.input_dtype), pair=pair, model=None, **narrow)
    return (trial.expected(taken) if training else trial.expected_evaluation(taken)).y


@prop(source=TORCH_DOCS)
def eps_and_momentum_are_refused_or_used(trial: Trial) -> Comparison:
    """eps of 0, -1 and NaN, and momentum beyond 0 and 1 and NaN, raise when the layer is built or called, or are what the
    formula has: var + eps < 0 has no root, and the average goes beyond the new value."""
    case, n = trial.case, _number(trial.case)
    trial.require(case.tracks and case.conventions.first_batches == "prior" and case.conventions.training == "batch")
    usual, _ = _usual(case, (4, case.channels) if case.x.ndim == 2 else (2, case.channels, 2))
    eps, momentum = BAD_EPS[n % len(BAD_EPS)], WIDE_MOMENTUM[n % len(WIDE_MOMENTUM)]
    of_eps = asked(lambda: _with_eps(trial, usual.but(eps=eps), training=n % 2 == 0 and eps != 0.0), "y")
    if not of_eps.holds:  # what was called last is what went wrong
        return of_eps
    return all_of(of_eps, asked(lambda: _with_momentum(trial, usual.but(momentum=momentum)), "running_mean"))


def _stepped(trial: Trial, case: Case, training: bool) -> tuple[Session, Array] | None:
    """A fresh layer after a step, and what it gave; None where its building is refused, or the step.

    Raises:
        Unsupported: it cannot be asked for.
    """
    try:
        try:
            session = trial.open(case)
            return session, session.forward(contiguous(case.x), training=training, record=False).y
        except Unsupported:  # who cannot go without recording is called as ever
            session = trial.open(case)
            return session, session.forward(contiguous(case.x), training=training).y
    except Misbehaviour as misbehaviour:
        if misbehaviour.raised:
            return None
        raise


def _with_eps(trial: Trial, case: Case, training: bool) -> Comparison:
    stepped = _stepped(trial, case, training)
    if stepped is None:
        return fact(True, Fact(Kind.ABSENT, "y"))
    y = stepped[1]
    if case.eps == 0.0:
        return within("y", y, trial.expected_evaluation(case).y)
    axes = tuple(axis for axis in range(y.ndim) if axis != 1)
    variance = case.x.astype(np.float64).var(axis=axes) if training else np.asarray(case.running_var, np.float64)
    rootless = np.flatnonzero(~(variance + case.eps > -0.25))
    return _no_value("y", y, f"eps={case.eps}", rootless)


def _with_momentum(trial: Trial, case: Case) -> Comparison:
    stepped = _stepped(trial, case, True)
    if stepped is None:
        return fact(True, Fact(Kind.ABSENT, "running_mean"))
    state = stepped[0].state()
    if case.momentum is not None and math.isnan(case.momentum):
        sides = {"running_mean": state.mean, "running_var": state.var}
        return all_of(*(_no_value(what, seen, "momentum=nan") for what, seen in sides.items()))
    return all_of(*transform.state_within(state, trial.expected(case).state))


def _no_value(what: str, seen: Seen, option: str, channels: Array | None = None) -> Comparison:
    """Nothing finite stands in these channels."""
    if not isinstance(seen, np.ndarray):
        return unseen(what, seen or Missing("there is none"))
    looked_at = np.ones(seen.shape, bool)
    if channels is not None:
        if not channels.size:
            return Comparison(what, True, vacuous=True)
        looked_at[:] = False
        looked_at[:, channels] = True
    finite = np.argwhere(looked_at & np.isfinite(seen.astype(np.float64)))
    found = (tuple(finite[0].tolist()), float(seen[tuple(finite[0])])) if len(finite) else None
    return fact(found is None, Fact(Kind.NO_VALUE, what, found, option))


@prop(source=TORCH_DOCS)
def what_a_layer_shows_is_so(trial: Trial) -> Comparison:
    """What extra_repr shows as num_features, eps, momentum, affine and track_running_stats is what the layer was given last."""
    case = trial.case
    shown = trial.open().shown()
    given = {
        "num_features": case.channels,
        "eps": case.eps,
        "momentum": case.momentum,
        "affine": case.affine,
        "track_running_stats": case.tracks,
    }
    wrong = [(name, text) for name, text in shown.items() if name in given and not _says(text, given[name])]
    name, text = wrong[0] if wrong else ("", "")
    return fact(not wrong, Fact(Kind.SHOWN, name, text, repr(given.get(name))))


def _says(text: str, value: object) -> bool:
    """Whether a text is the value's, a number as far as its digits go."""
    if text == str(value) or isinstance(value, bool) or value is None:
        return text == str(value)
    try:
        shown = Decimal(text)
        return shown == round(Decimal(str(value)), -int(shown.as_tuple().exponent))
    except (ArithmeticError, ValueError):
        return False


@prop(source=TORCH_DOCS)
def without_affine_there_are_no_parameters(trial: Trial) -> Comparison:
    """affine=False: there is nothing for an optimizer to change."""
    many = trial.open(trial.case.but(weight=None, bias=None)).learned()
    return fact(many == 0, Fact(Kind.PARAMETERS, "parameters", many, 0))


@prop(source="docs of torch.nn.Module.state_dict")
def a_saved_state_restores_the_layer(trial: Trial) -> Comparison:
    """A new layer of the same hyperparameters that loads what was saved has the same statistics, and evaluates alike."""
    case = trial.case
    trial.require(case.affine or case.tracks)
    restored = trial.open().restored()
    state = restored.state()
    if not case.tracks:
        y = restored.forward(place(case.x, case.layout), training=False).y
        return within("y", y, trial.expected_evaluation().y, Aspect.AS_RESTORED)
    return all_of(
        same_bits("running_mean", state.mean, case.running_mean, Aspect.AS_RESTORED),
        same_bits("running_var", state.var, case.running_var, Aspect.AS_RESTORED),
        within(
            "y",
            restored.forward(place(case.x, case.layout), training=False).y,
            trial.expected_evaluation().y,
            Aspect.AS_RESTORED,
        ),
    )
