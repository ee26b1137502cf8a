"""Contract: what a layer owes its caller beside the numbers."""

from __future__ import annotations

import numpy as np

from bn_reference.cases.layouts import LAYOUTS, place
from bn_reference.oracle.compare import Comparison, all_of, fact, same_bits, within
from bn_reference.properties import transform
from bn_reference.properties.registry import TORCH_DOCS, Property, family
from bn_reference.properties.trial import Trial, contiguous

PROPERTIES: list[Property] = []
prop = family("contract", PROPERTIES)


@prop(source=TORCH_DOCS)
def output_has_the_form_of_the_input(trial: Trial) -> Comparison:
    """y and dx have shape, dtype and device of x; dgamma and dbeta those of the parameters."""
    case = trial.case
    batch, vector = (case.x.shape, case.pair.input), ((case.channels,), case.pair.parameters)
    compared = []
    for observed in (trial.train(), trial.evaluate()):
        expected = {"y": (observed.y, batch), "grad_x": (observed.grads.x, batch)}
        if case.affine:
            expected |= {"grad_weight": (observed.grads.weight, vector), "grad_bias": (observed.grads.bias, vector)}
        for what, (array, form) in expected.items():
            found = None if array is None else (array.shape, array.dtype.name)
            compared.append(fact(what, found == form, f"{what} has (shape, dtype) {found} and must have {form}"))
        here = observed.device.split(":")[0] == trial.implementation.device.split(":")[0]
        compared.append(fact("y", here, f"y lies on {observed.device}, x on {trial.implementation.device}"))
    return all_of(*compared)


@prop(source="github.com/flagos-ai/FlagGems/issues/6332: the input used as scratch memory")
def the_input_is_never_modified(trial: Trial) -> Comparison:
    """The memory of x holds the same bits after the forward and the backward pass, with and without tracking."""
    bare = trial.case.but(running_mean=None, running_var=None, batches=0)
    changed = [o.input_changed for o in (trial.train(), trial.evaluate(), trial.train(bare))]
    return fact("x", not any(changed), "the memory of x was written to")


@prop(source="github.com/pytorch/pytorch/issues/63224: a permuted input gave permuted numbers")
def every_layout_agrees_with_the_contiguous_one(trial: Trial) -> Comparison:
    """However x lies in memory, y, dx and the running statistics are those of a contiguous x, within the bound."""
    case, expected = trial.case, trial.expected()
    compared = []
    for layout in LAYOUTS:
        session = trial.open()
        step = session.forward(place(case.x, layout), training=True)
        compared += [
            within("y", step.y, expected.y),
            within("grad_x", step.backward(place(case.grad_y, layout)).x, expected.grad_x),
            *transform.state_within(session.state(), expected.state),
        ]
    return all_of(*compared)


@prop(source="github.com/pytorch/pytorch/pull/13263: a race gave other numbers in each run")
def repeated_training_gives_the_same_bits(trial: Trial) -> Comparison:
    """The same step from the same state gives the same bits: output, gradients, running statistics."""
    case, first = trial.case, trial.train()
    session = trial.open()
    step = session.forward(place(case.x, case.layout), training=True)
    state, grads = session.state(), step.backward(place(case.grad_y, case.grad_layout))
    return all_of(
        same_bits("y, repeated", step.y, first.y),
        same_bits("running_mean, repeated", state.mean, first.state.mean),
        same_bits("running_var, repeated", state.var, first.state.var),
        same_bits("grad_x, repeated", grads.x, first.grads.x),
        same_bits("grad_weight, repeated", grads.weight, first.grads.weight),
        same_bits("grad_bias, repeated", grads.bias, first.grads.bias),
    )


@prop(source=TORCH_DOCS)
def a_fresh_layer_starts_neutral(trial: Trial) -> Comparison:
    """A new layer has weight 1, bias 0, running mean 0, running variance 1 and has seen no batch; None where it has none."""
    case, dtype = trial.case, trial.case.pair.parameter_dtype
    weight, bias, state = trial.implementation.fresh(case)
    zeros = np.zeros(case.channels, dtype)
    affine, tracked = (zeros + 1, zeros) if case.affine else (None, None), (zeros, zeros + 1) if case.tracks else (None, None)
    batches = 0 if case.tracks else None
    return all_of(
        same_bits("weight", weight, affine[0]),
        same_bits("bias", bias, affine[1]),
        same_bits("running_mean", state.mean, tracked[0]),
        same_bits("running_var", state.var, tracked[1]),
        fact("num_batches_tracked", state.batches == batches, f"num_batches_tracked is {state.batches}, not {batches}"),
    )


@prop(source="docs of torch.nn.BatchNorm1d; github.com/pytorch/pytorch/issues/1381: NaN in the statistics for ever")
def bad_input_is_refused(trial: Trial) -> Comparison:
    """Twice the channels raise; one value per channel in training raises, or at least leaves no NaN in the statistics.

    (A layer without parameters and statistics has nothing of C elements, and torch's then takes any number of channels.)
    """
    case = trial.case
    trial.require(case.tracks and case.channels > 1)
    wide, single = trial.open(), trial.open()
    twice = np.concatenate([case.x, case.x], axis=1)
    refused = trial.refuses(lambda: wide.forward(contiguous(twice), training=True))
    one = np.ones((1, *case.x.shape[1:2], *(1 for _ in case.x.shape[2:])), case.x.dtype)
    trial.refuses(lambda: single.forward(contiguous(one), training=True))
    state = single.state()
    finite = all(array is None or bool(np.isfinite(array.astype(np.float64)).all()) for array in (state.mean, state.var))
    return all_of(
        fact("x", refused, f"an input of shape {twice.shape} was accepted by a layer of {case.channels} channels"),
        fact(
            "running_var", finite, "one value per channel was accepted in training, and left the running statistics not finite"
        ),
    )
