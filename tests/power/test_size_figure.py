"""The figure of power against size: what one-row data shows, random data loses, and how it is drawn."""

from pathlib import Path

from bn_reference.power.mutants.sizes import ROWS
from bn_reference.power.size import NAME, Share, draw, shares


def test_a_lost_row_is_seen_with_one_row_data_and_not_with_random_data() -> None:
    killed = {(share.data, share.row): share.killed for share in shares(range(14, 15), range(2))}

    assert killed == {("one row", row): 1.0 for row in ROWS} | {("random", row): 0.0 for row in ROWS}


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    points = [Share(data, row, rows, 1.0) for data in ("random", "one row") for row in ROWS for rows in (257, 513)]

    draw(points, tmp_path)

    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{NAME}.png", f"{NAME}.svg"]
