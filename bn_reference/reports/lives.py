"""Circumstances in words: what a layer went through before the step that is judged, and how it was called."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from bn_reference.cases.circumstances import MANNERS, SETTLINGS, Circumstances
from bn_reference.reports.results import Result

__all__ = ["lives_of", "said_of"]

WORDS = {
    "train": "a training step on another batch",
    "train on fewer": "a training step on a batch of half the size",
    "train on more": "a training step on a larger batch",
    "train often": "thirteen training steps",
    "evaluate": "an evaluation of another batch",
    "evaluate unrecorded": "an evaluation of another batch under no_grad",
    "evaluate nothing": "an evaluation of an empty batch",
    "go back": "a training step on another batch and its backward pass",
    "go back in eval": "an evaluation of another batch and its backward pass",
    "be refused": "a batch of one channel too many",
    "copy": "deepcopy, of which the copy goes on",
    "pickle": "being pickled, of which the copy goes on",
    "load": "loading its own state_dict",
    "load without the counter": "loading its own state_dict without num_batches_tracked",
    "reset": "reset_running_stats() and reset_parameters()",
    "convert": "conversion to float64 and back",
    "join a parent": "joining a torch.nn.Sequential, which tells it train() and eval(), with x from an operation",
    "freeze": "a training step with frozen parameters",
    "stop tracking": "a training step with track_running_stats set to False, and then to True again",
    "replace parameters": "its parameters being replaced by others",
    "spread": "its parameters and running statistics lying with gaps",
    "lend parameters": "an evaluation with other parameters by torch.func.functional_call",
    "poison": "memory being freed that was full of NaN",
    "settle by data": "weight and bias written through .data, where no version counter moves",
    "settle by loading": "running statistics loaded from a saved state",
    "settle hyperparameters": "eps and momentum set after construction",
    "unrecorded": "called under no_grad",
    "inference mode": "called under inference_mode in eval",
    "default float64": "called where the default dtype is float64",
    "autocast": "called inside autocast",
    "another thread": "called in another thread, while the first one evaluates a copy",
    "same memory": "x in the memory of the last batch, whose version counter did not move",
    "step between": "another step between the step and its backward pass",
    "x alone": "gradients asked for of x alone",
    "weight alone": "gradients asked for of the weight alone",
    "bias alone": "gradients asked for of the bias alone",
    "x and weight": "gradients asked for of x and weight, not of the bias",
    "x and bias": "gradients asked for of x and bias, not of the weight",
    "weight and bias": "gradients asked for of weight and bias, not of x",
    "column": "positions in one column, (N, C, L, 1)",
    "row": "positions in one row, (N, C, 1, L)",
}


def said_of(circumstances: Circumstances) -> str:
    """A phrase: what came before, and how it was called; empty of no circumstances."""
    before = [word for word in circumstances if word not in MANNERS and word not in SETTLINGS]
    counted = [(WORDS[word], len(list(same))) for word, same in groupby(before)]
    after = ", ".join(f"{phrase}{f' ({times} times)' if times > 1 else ''}" for phrase, times in counted)
    others = [WORDS[word] for word in circumstances if word in SETTLINGS or word in MANNERS]
    return "; ".join([*([f"after {after}"] if after else []), *others])


def lives_of(results: Iterable[Result]) -> str:
    """How many examples were of a layer that lived before its step, which "in all circumstances" rests on; empty of none."""
    compared = [(result.examples, *result.lived) for result in results if result.examples]
    examples, settled, unsettled = (sum(counts) for counts in zip(*compared, strict=True)) if compared else (0, 0, 0)
    if not examples:
        return ""
    beside = (
        f"; in {unsettled:,} more it could not be brought to the case after it, and a fresh one was judged" if unsettled else ""
    )
    return f"in {settled:,} of {examples:,} examples the layer had a life before the step{beside}"
