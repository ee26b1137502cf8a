"""Figures are the same bytes every time, keep labels apart, and leave others' matplotlib alone."""

from pathlib import Path

import matplotlib
import numpy as np

from bn_reference.mnist.phenomena.figures import draw_phenomena
from bn_reference.mnist.phenomena.measure import Measurements
from bn_reference.support.plotting import label_ends, new_figure, styled


def test_the_same_measurements_give_the_same_bytes(measurements: Measurements, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        draw_phenomena(measurements, tmp_path / name)

    first, second = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("first", "second"))
    assert len(first) == 10
    assert first == second


def test_the_style_is_ours_alone() -> None:
    before = dict(matplotlib.rcParams)

    with styled():
        inside = matplotlib.rcParams["font.size"]

    assert inside != before["font.size"]
    assert dict(matplotlib.rcParams) == before


def test_labels_that_would_touch_are_pushed_apart() -> None:
    with styled():
        figure, axes = new_figure()
        axes.set_ylim(0, 1)
        figure.draw_without_rendering()
        label_ends(axes, [(1.0, 0.500, "a", "black"), (1.0, 0.501, "b", "black"), (1.0, 0.9, "c", "black")])
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in axes.texts]

    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert np.isclose(boxes[2].y0 + boxes[2].height / 2, axes.transData.transform((1, 0.9))[1], atol=boxes[2].height)
