"""Circumstances: what must not matter to the step that is judged. What the layer went through before it, and how it is called.

A rule holds in any of them, so they are drawn with the case, none of them half of the time. After its life a layer is given the
case's parameters and state, as an optimizer and a saved state would: what is expected is what is expected of a fresh one.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "ASKS",
    "BETWEEN",
    "CIRCUMSTANCES",
    "EVENTS",
    "FOLDED",
    "FOLDS",
    "HAPPENINGS",
    "LIVES",
    "MANNERS",
    "OF_A_STEP",
    "RESET",
    "SETTLINGS",
    "STEPS",
    "Circumstances",
]

Circumstances = tuple[str, ...]  # events in their order, then manners; none: a fresh layer, called as usual

STEPS = (  # events of a layer that any can be asked for
    "train",  # a training step on another batch of the same shape
    "train on fewer",  # on half as many samples
    "train on more",  # on a sample or two more
    "evaluate",
    "evaluate unrecorded",  # under no_grad
    "evaluate nothing",  # an empty batch
    "go back",  # a training step, and the backward pass through it
    "go back in eval",
    "train often",  # a good dozen of training steps
    "be refused",  # a batch with a channel too many
)
HAPPENINGS = (  # of a layer that has what they need
    "copy",  # deepcopy, and the copy goes on
    "pickle",  # written and read again
    "load",  # its own saved state, loaded
    "load without the counter",  # which is not strict
    "reset",  # the running statistics, then the parameters
    "convert",  # to float64 and back
    "join a parent",  # whose train() and eval() it is told by from now on, and who gives it x
    "freeze",  # parameters without gradients, a training step, and with them again
    "replace parameters",  # by others of the same numbers
    "stop tracking",  # for a training step, and track again
    "spread",  # parameters and running statistics lie with gaps from now on
    "lend parameters",  # evaluated with others, by torch.func.functional_call
    "poison",  # freed memory of the sizes of the step is full of NaN
)
SETTLINGS = (  # how the layer gets to the case
    "settle by data",  # parameters are written through .data, where no version counter sees it
    "settle by loading",  # running statistics come from a saved state
    "settle hyperparameters",  # eps and momentum were others when the layer was built
)
EVENTS = STEPS + HAPPENINGS + SETTLINGS
RESET = "reset statistics"  # what a rule asks for by itself: it is no part of a life
CALLS = (  # how a step is called
    "unrecorded",  # y and state under no_grad; gradients are of another step
    "inference mode",  # the same in eval, under inference_mode
    "default float64",  # the default dtype is another than the layer's
    "autocast",  # inside autocast, of which batch norm is to take no notice
    "another thread",  # while the one that built the layer evaluates a copy of it
    "same memory",  # x lies where the last batch lay, in the same tensor; no version counter has noticed
)
BETWEEN = "step between"  # another step of the layer, between the step and its backward pass
ASKS = {  # of x, weight and bias, who asks for a gradient: all three elsewhere
    "x alone": ("x",),
    "weight alone": ("weight",),
    "bias alone": ("bias",),
    "x and weight": ("x", "weight"),
    "x and bias": ("x", "bias"),
    "weight and bias": ("weight", "bias"),
}
OF_A_STEP = (BETWEEN, *ASKS)  # which show in its gradients, and in what is recorded for them
ELSEWHERE = ("autocast", "another thread")
FOLDS = (  # how the positions of a batch are spread over the axes of who takes (N, C, H, W) or more
    "column",  # (N, C, L, 1): what lies channels last and what lies in order may claim to be either
    "row",  # (N, C, 1, L)
)
MANNERS = CALLS + OF_A_STEP + FOLDS

OF_THE_SAME_SHAPE = ("train", "evaluate", "evaluate unrecorded")
MOST = 12  # events of a life
LONG_LIVES = 40


def _lives() -> list[Circumstances]:
    """Single ones first, to which a longer life shrinks; then pairs around training; then a few of all lengths."""
    rng = np.random.default_rng(14)
    lives: list[Circumstances] = [(word,) for word in (*STEPS, *HAPPENINGS)]
    lives += [("train", word) for word in (*SETTLINGS, *CALLS) if word not in ELSEWHERE]
    lives += [("evaluate", word) for word in (*SETTLINGS, "same memory")]
    lives += [("unrecorded",), ("inference mode",), ("default float64",)]
    folded = ("evaluate unrecorded", "unrecorded")
    lives += [folded, (*folded, "same memory"), (*folded, "settle by loading"), ("evaluate unrecorded", "inference mode")]
    lives += [("train", "evaluate"), ("evaluate", "train"), ("train", "train", "copy", "train")]
    lives += [life for word in (*ELSEWHERE, BETWEEN) for life in ((word,), ("train", word), ("evaluate", word))]
    lives += [life for word in ASKS for life in ((word,), ("train", word))]
    for length in sorted(rng.integers(4, MOST + 1, LONG_LIVES).tolist()):
        events = rng.choice([*STEPS, *HAPPENINGS], length).tolist()
        settled = [word for word in SETTLINGS if rng.integers(4) == 0]
        called = ([], ["unrecorded"], ["inference mode"], ["default float64"])[rng.integers(4)]
        if rng.integers(2):  # which shows after a batch of the same shape alone
            events[-1], called = str(rng.choice(OF_THE_SAME_SHAPE)), [*called, "same memory"]
        asks, part, other = tuple(ASKS)[len(lives) % len(ASKS)], rng.integers(4), rng.integers(4)
        called = [*called, *[ELSEWHERE[0]] * int(other % 2), *[ELSEWHERE[1]] * int(other == 2)]
        called = [*called, *[BETWEEN] * int(part % 2), *[asks] * int(part // 2 and "unrecorded" not in called)]
        lives.append((*events, *settled, *called))
    return lives


LIVES = _lives()
CIRCUMSTANCES: list[Circumstances] = [()] * len(LIVES) + LIVES  # shrinks to none
FOLDED: list[Circumstances] = [(fold,) for fold in FOLDS] * 15 + [(*life, fold) for life in LIVES[::6] for fold in FOLDS]
