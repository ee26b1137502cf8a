"""``python -m bn_reference.power.history docs/history.md`` writes the page anew, in some ten minutes."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch

from bn_reference.power.history.page import fates, lines


def _main(file: str) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of layers that are wrong on purpose
    Path(file).write_text("\n".join([*lines(fates()), ""]), encoding="utf-8")


if __name__ == "__main__":
    _main(*sys.argv[1:])
