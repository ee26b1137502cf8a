"""What a figure was measured on."""

from __future__ import annotations

import platform

from bn_reference.support.threads import processors
from bn_reference.verification.api import environment

__all__ = ["differences", "machine"]

DECISIVE = ("processor", "cores", "torch", "numpy")


def machine(device: str) -> dict[str, str]:
    """Versions, processor, number of cores, and the accelerator where it is not the processor itself."""
    found = {**environment(), "processor": _processor(), "cores": str(processors())}
    if device.startswith("cuda"):
        import torch

        found["accelerator"] = torch.cuda.get_device_name(device)
    return found


def differences(now: dict[str, str], then: dict[str, str]) -> list[str]:
    """In words, where two environments differ in what moves a fraction of a copy's speed."""
    names = (*DECISIVE, "accelerator")
    return [
        f"{name} {now.get(name, 'none')}, not {then.get(name, 'none')}" for name in names if now.get(name) != then.get(name)
    ]


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
