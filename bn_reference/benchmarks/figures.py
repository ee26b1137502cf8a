"""Throughput against size, under the copy's, and the table in Markdown."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bn_reference.benchmarks.operations import OPERATIONS
from bn_reference.benchmarks.plan import BASE
from bn_reference.benchmarks.report import duration, label_of, size, where
from bn_reference.benchmarks.rows import Row
from bn_reference.support.plotting import GREY, label_ends, new_figure, save, styled

__all__ = ["draw_throughput", "markdown", "write_figures"]

# Okabe & Ito (2008)
COLOURS = ("#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000")
SPEEDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)  # GB/s, where ticks may stand
FORMS = {2: "(N, C)", 3: "(N, C, L)"}


def write_figures(rows: Sequence[Row], directory: Path) -> list[str]:
    """Draw what can be drawn of the rows, and write ``table.md``; the names of the figures."""
    names = draw_throughput(rows, directory)
    (directory / "table.md").write_text(markdown(rows), encoding="utf-8")
    return names


def draw_throughput(rows: Sequence[Row], directory: Path) -> list[str]:
    """A figure for each operation, dtype and rank: GB/s against the bytes that must be moved, and the copy's as a roofline."""
    plain = [row for row in rows if row.setting.but(operation=BASE.operation, shape=BASE.shape, dtype=BASE.dtype) == BASE]
    groups: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for row in plain:
        if len(row.setting.shape) == 3 or row.setting.shape[1] == BASE.shape[1]:  # one number of channels: one curve
            groups[row.setting.operation, row.setting.dtype, len(row.setting.shape)].append(row)
    names = []
    with styled():
        for (operation, dtype, rank), group in groups.items():
            if len({row.setting.shape for row in group}) > 1:
                words = operation.replace("+", " ").replace(" ", "_")
                names.append(f"throughput_{words}_{dtype}_{rank}d")
                _draw(group, f"{operation.capitalize()}, {dtype}, {FORMS[rank]}", names[-1], directory)
    return names


def _draw(rows: list[Row], title: str, name: str, directory: Path) -> None:
    figure, axes = new_figure()
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    roofline: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        moved, speed = row.setting.bytes, row.gigabytes_per_second
        curves[label_of(row.target)].append((moved, speed))
        roofline[moved].append(speed / row.fraction_of_copy)
    # each target's rows timed a copy of their own: the roofline is the median over them
    copy = sorted((moved, statistics.median(speeds)) for moved, speeds in roofline.items())
    axes.fill_between(*zip(*copy, strict=True), y2=1e-3, color="#F2F2F2", zorder=0)
    axes.plot(*zip(*copy, strict=True), color=GREY, linestyle="--")
    ends: list[tuple[float, float, str, str]] = [(*copy[-1], "copy", GREY)]
    for colour, (label, points) in zip(COLOURS * len(curves), curves.items(), strict=False):
        points.sort()
        axes.plot(*zip(*points, strict=True), color=colour, marker="o")
        ends.append((*points[-1], label, colour))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    lowest, highest = min(speed for points in curves.values() for _, speed in points), max(speed for _, speed in copy)
    axes.set_ylim(lowest / 1.5, highest * 1.5)
    shown = sorted({row.setting.bytes for row in rows})
    axes.set_xticks(shown, [size(moved) for moved in shown])
    axes.minorticks_off()
    ticks = [speed for speed in SPEEDS if lowest / 1.5 < speed < highest * 1.5]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlabel("bytes that must be moved")
    axes.set_ylabel("GB/s of those bytes")
    axes.set_title(title)
    figure.draw_without_rendering()
    label_ends(axes, ends)
    save(figure, directory, name)


def markdown(rows: Sequence[Row]) -> str:
    """A table an operation: time, GB/s and the fraction of the copy's speed, a column a target."""
    targets = list(dict.fromkeys(row.target for row in rows))
    lines = []
    for operation in OPERATIONS:
        of_operation = [row for row in rows if row.setting.operation == operation]
        if not of_operation:
            continue
        found = {(row.target, row.setting): row for row in of_operation}
        lines += [f"### {operation.capitalize()}", "", f"| | bytes | {' | '.join(map(label_of, targets))} |"]
        lines += ["|---|---:|" + "---:|" * len(targets)]
        for setting in dict.fromkeys(row.setting for row in of_operation):
            cells = [_cell(found.get((target, setting))) for target in targets]
            lines += [f"| {where(setting)} | {size(setting.bytes)} | {' | '.join(cells)} |"]
        lines += [""]
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    return f"{duration(row.samples.median_seconds)}, {row.gigabytes_per_second:.3g} GB/s, {100 * row.fraction_of_copy:.0f} %"
