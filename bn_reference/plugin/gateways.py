"""The gateways of pytest-xdist: what they are told, what a rule's neighbours are there, and what they cannot use.

A gateway may be another process, another folder, or another machine; what it is to try it finds by itself.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from bn_reference.plugin.options import NAME

__all__ = ["Units", "is_like_here", "refuse", "refused"]

ADDED = "execmodel=main_thread_only//"  # by pytest-xdist, to what --tx says


class Units(LoadScopeScheduling):  # type: ignore[misc]  # has no types in releases before 3.7
    """Deals out tests one by one, but rules that share their cases to one gateway."""

    def _split_scope(self, nodeid: str) -> str:
        from bn_reference.verification.selection import select_properties

        above, _, rule = nodeid.rpartition("::")
        if not nodeid.startswith(f"{NAME}::"):
            return nodeid
        return f"{above}::{select_properties([rule])[0].family}"


def is_like_here(spec: Any) -> bool:
    """Whether a gateway sees what whoever asks sees: it has no other folder, Python, environment or machine."""
    return bool(spec.popen) and not (spec.chdir or spec.python or spec.env)


def refuse(config: pytest.Config, why: str) -> None:
    """In a gateway: end, and let whoever asks know why."""
    config.workeroutput[NAME] = why  # type: ignore[attr-defined]
    pytest.exit(why, returncode=pytest.ExitCode.USAGE_ERROR)


def refused(node: Any) -> str:
    """Why a gateway ended, and which; empty where it did not."""
    why = getattr(node, "workeroutput", {}).get(NAME)
    return f"{why}, on the gateway {str(node.gateway.spec).removeprefix(ADDED)}" if why else ""
