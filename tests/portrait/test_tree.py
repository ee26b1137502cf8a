"""The tree of a sum is revealed from the sizes of its subtrees, named, measured and drawn."""

import numpy as np
import pytest

from bn_reference.portrait.computes import ANOTHER, FOLDED_HALVES, PAIRWISE, REVERSED, SEQUENTIAL, SIDE_BY_SIDE
from bn_reference.portrait.naming import name_of, named
from bn_reference.portrait.tree import depth, drawn, is_binary, leaves, node, reveal, sizes, summed

NAMES = (SEQUENTIAL, REVERSED, PAIRWISE, SIDE_BY_SIDE, FOLDED_HALVES)


def any_tree(seed: int, rows: int, most: int):
    """Some of the trees are added, up to so many at once, until one is left."""
    rng, parts = np.random.default_rng(seed), list(range(rows))
    while len(parts) > 1:
        taken = min(len(parts), int(rng.integers(2, most + 1)))
        order = rng.permutation(len(parts))
        parts = [node(*(parts[at] for at in order[:taken])), *(parts[at] for at in order[taken:])]
    return parts[0]


def revealed(tree, rows: int):
    table = sizes(tree, rows)
    return reveal(rows, lambda pairs: [table[pair] for pair in pairs])


@pytest.mark.parametrize("rows", [2, 3, 7, 16, 37, 64])
@pytest.mark.parametrize("name", NAMES)
def test_a_tree_that_has_a_name_is_revealed_and_named(name: str, rows: int) -> None:
    tree = named(name, rows)

    assert revealed(tree, rows) == tree
    assert named(name_of(tree, rows), rows) == tree


@pytest.mark.parametrize("most", [2, 5])
def test_any_tree_is_revealed_also_with_several_operands(most: int) -> None:
    for seed in range(50):
        tree = any_tree(seed, 21, most)

        assert revealed(tree, 21) == tree
        assert is_binary(tree) == (most == 2)


def test_sizes_of_no_tree_reveal_none() -> None:
    table = sizes(named(PAIRWISE, 8), 8)
    table[0, 1] = 3

    assert reveal(8, lambda pairs: [table[pair] for pair in pairs]) is None
    assert reveal(8, lambda pairs: [-1 for _ in pairs]) is None


def test_a_tree_asks_no_more_than_it_must() -> None:
    asked: list[tuple[int, int]] = []
    table = sizes(named(SEQUENTIAL, 64), 64)
    reveal(64, lambda pairs: asked.extend(pairs) or [table[pair] for pair in pairs])

    assert len(asked) == 63


def test_lanes_and_blocks_are_named_by_their_number() -> None:
    lanes = node(*(node(node(node(lane, lane + 4), lane + 8), lane + 12) for lane in range(2)), 99)

    assert name_of(lanes, 16) == ANOTHER
    rows = [node(node(node(lane, lane + 4), lane + 8), lane + 12) for lane in range(4)]
    assert name_of(node(node(node(rows[0], rows[1]), rows[2]), rows[3]), 16) == "4 lanes, then sequential"
    blocks = [node(node(node(at, at + 1), at + 2), at + 3) for at in range(0, 16, 4)]
    assert name_of(node(node(blocks[0], blocks[1]), node(blocks[2], blocks[3])), 16).startswith("blocks of 4, each sequential")


def test_depth_counts_the_additions_of_the_longest_way() -> None:
    assert depth(named(SEQUENTIAL, 64)) == depth(named(REVERSED, 64)) == 63
    assert depth(named(PAIRWISE, 64)) == depth(named(FOLDED_HALVES, 64)) == 6


def test_a_sum_is_rounded_as_its_tree_says() -> None:
    rows = np.array([[2.0**24], [1.0], [1.0], [-(2.0**24)]], np.float32)

    assert summed(named(SEQUENTIAL, 4), rows) == 0
    assert summed(named(REVERSED, 4), rows) == 2
    assert sorted(leaves(named(REVERSED, 4))) == [0, 1, 2, 3]


def test_runs_of_rows_are_drawn_as_runs() -> None:
    assert drawn(named(SEQUENTIAL, 64)) == "(0 + 1 .. 63)"
    assert drawn(named(PAIRWISE, 4)) == "((0 + 1) + (2 + 3))"
    assert drawn(node(node(0, 4), 8)) == "(0 + 4 .. 8 by 4)"
