"""What is told of how a layer computes, topic by topic; and how a layer declares it.

A value is one of the words below, the name of a format, or the name of a tree (``naming``), as a portrait tells it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

__all__ = [
    "ANOTHER",
    "APPROXIMATE",
    "COMPENSATED",
    "EACH_STEP",
    "FLUSHED",
    "FOLDED",
    "FOLDED_HALVES",
    "FUSED",
    "INVERSE_ROUNDED_ONCE",
    "IN_DOUBLE",
    "KEPT",
    "MERGED",
    "NOT_FUSED",
    "ONCE",
    "ONE_PASS",
    "PAIRWISE",
    "REVERSED",
    "ROOT_THEN_DIVISION",
    "SEQUENTIAL",
    "SHIFTED",
    "SIDE_BY_SIDE",
    "SUBTRACTED",
    "TOPICS",
    "TWO_PASS",
    "UPDATED",
    "Computes",
]

# orders of a sum; lanes and blocks are named by ``naming``
SEQUENTIAL, REVERSED, PAIRWISE = "sequential", "reversed", "pairwise"
SIDE_BY_SIDE, FOLDED_HALVES, ANOTHER = "pairwise, side by side", "pairwise, halves folded", "another tree"
COMPENSATED = "compensated"  # an accumulator; others are formats

TWO_PASS, ONE_PASS, SHIFTED = "two-pass", "one-pass", "shifted by the first row"
UPDATED, MERGED = "updated row by row", "merged"

ROOT_THEN_DIVISION, INVERSE_ROUNDED_ONCE = "a root, then a division", "an inverse root, rounded once"
IN_DOUBLE, APPROXIMATE = "in float64, rounded once", "approximate"

SUBTRACTED, FOLDED = "the mean is subtracted first", "scale and shift are folded"
FUSED, NOT_FUSED = "fused", "not fused"
ONCE, EACH_STEP = "once, at the end", "after each step"
KEPT, FLUSHED = "kept", "flushed"

TOPICS = {
    "order": "order of the sum",
    "accumulator": "accumulator",
    "variance": "variance",
    "squares": "squares and their sum",
    "root": "inverse root",
    "evaluation": "output in eval",
    "evaluation_multiply_add": "multiply-add in eval",
    "evaluation_format": "format in eval",
    "training": "output in training",
    "training_multiply_add": "multiply-add in training",
    "training_format": "format in training",
    "halves": "halves are rounded",
    "subnormals": "subnormal numbers",
}


@dataclass(frozen=True)
class Computes:
    """How a layer computes in a pair of dtypes; None: that is left open, or is its framework's doing.

    Attributes:
        order: the name of the tree in which 64 rows are summed, or merged.
        accumulator: the format of sums, or COMPENSATED.
        variance: the formula: TWO_PASS and what is beside it.
        squares: FUSED where a square and its addition are rounded once, else NOT_FUSED.
        root: how 1 / sqrt(var + eps) comes about: ROOT_THEN_DIVISION and what is beside it.
        evaluation, training: FOLDED or SUBTRACTED.
        evaluation_multiply_add, training_multiply_add: FUSED where a product and an addition are rounded once, else NOT_FUSED.
        evaluation_format, training_format: in which the output is computed.
        halves: where halves are rounded: ONCE or EACH_STEP.
        subnormals: KEPT or FLUSHED.
    """

    order: str | None = None
    accumulator: str | None = None
    variance: str | None = None
    squares: str | None = None
    root: str | None = None
    evaluation: str | None = None
    evaluation_multiply_add: str | None = None
    evaluation_format: str | None = None
    training: str | None = None
    training_multiply_add: str | None = None
    training_format: str | None = None
    halves: str | None = None
    subnormals: str | None = None

    def but(self, **changes: str | None) -> Computes:
        """The same with some topics otherwise."""
        return replace(self, **changes)

    def output(self, form: str | None, multiply_add: str | None, working: str | None) -> Computes:
        """The same with the output otherwise, in training and in eval."""
        both = {
            f"{mode}{what}": value
            for mode in ("evaluation", "training")
            for what, value in (("", form), ("_multiply_add", multiply_add), ("_format", working))
        }
        return self.but(**both)

    def declared(self) -> dict[str, str]:
        """What is said, by topic."""
        return {topic: value for topic, value in asdict(self).items() if value is not None}
