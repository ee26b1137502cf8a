"""Hypothesis profiles for this checkout's own tests, and which images they train on. Options are the plugin's.

``HYPOTHESIS_PROFILE`` names the profile; without it, ``CI`` decides between ``ci`` and ``dev``. The option
``--hypothesis-profile`` beats both.
"""

import os
import sys

# Before torch is loaded: its threads wait for each other at every channel, and with a process on every core they wait long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

from bn_reference.plugin.groups import name_groups

default = settings.get_profile("default")  # named, because Hypothesis starts from a profile of its own where CI is set

settings.register_profile("dev", default, max_examples=100, deadline=None, print_blob=True)
settings.register_profile(
    "ci",
    default,
    max_examples=100,
    deadline=None,
    print_blob=True,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine is no reason to shut the gate
)
settings.register_profile("nightly", default, max_examples=5000, deadline=None, print_blob=True)

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Tests that share a costly fixture stay in one process."""
    name_groups(session.items)


@pytest.fixture(autouse=True)
def torch_as_ever() -> None:
    """Layers that are known to be wrong leave torch otherwise, in the process of the tests that come after."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)


def pytest_report_header() -> str:
    """Which handwritten digits the tests train on."""
    from bn_reference.mnist.sources import locate

    found = locate()
    return f"images: MNIST in {found}" if found else "images: the digits of scikit-learn, as there is no MNIST here"
