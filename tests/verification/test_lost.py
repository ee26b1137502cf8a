"""A device that is lost: what lost it is told once, and nothing that a dead device says is told of the target."""

import textwrap
from pathlib import Path

import torch

from bn_reference.arithmetic.precision import PAIRS
from bn_reference.properties import PROPERTIES
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.verification.api import verify
from bn_reference.verification.judge import Judge
from bn_reference.verification.selection import Budget

RUNNING = [property for property in PROPERTIES if property.family == "running"][:3]
NAMES = [property.name for property in RUNNING]
TARGET = """
    import torch
    from bn_reference.targets.forms.torch_module import TorchImplementation

    class Fragile(TorchImplementation):
        '''torch's layer on a device that is lost at the third layer of the process.'''
        name, built = "fragile", 0

        def __init__(self):
            super().__init__(torch.nn.BatchNorm1d, self.name)

        def _build(self, case):
            Fragile.built += 1
            if Fragile.built > 3:
                raise RuntimeError("misaligned address")
            return super()._build(case)

        def alive(self):
            return Fragile.built <= 3
"""


class Fragile(TorchImplementation):
    """torch's layer on a device that is lost as soon as a layer has rows enough."""

    lost = False

    def open(self, case, **options):
        self.lost = self.lost or case.rows > 8
        if self.lost:
            raise RuntimeError("misaligned address")
        return super().open(case, **options)

    def alive(self) -> bool:
        return not self.lost


def test_after_the_device_is_lost_nothing_more_is_tried_in_that_process() -> None:
    judge = Judge(Fragile(torch.nn.BatchNorm1d, "fragile"), Budget(examples=20))
    messages = [result.message for result in judge.check_together(RUNNING, PAIRS[0])]
    assert "the device cpu answered nothing more in that process: RuntimeError: misaligned address" in messages[0]
    assert all(message.startswith("not tried") for message in messages[1:])
    assert judge.check(PROPERTIES[0], PAIRS[0]).message.startswith("not tried")


def test_another_worker_process_tries_what_is_left(tmp_path: Path) -> None:
    file = tmp_path / "fragile.py"
    file.write_text(textwrap.dedent(TARGET))
    report = verify(f"{file}:Fragile", dtypes=["float32"], properties=NAMES, examples=5, jobs=2, isolated=True)
    told = [result.message for result in report.results if "answered nothing more" in result.message]
    assert len(told) >= 2
    assert all("misaligned address" in message for message in told)
    assert not any("crashed in an example" in result.message for result in report.results)
