"""What torch.compile does at the moment is seen from outside, and what it leaves uncompiled is said."""

import time
from typing import Any

import pytest
import torch

from bn_reference.support.compiling import compiles_now, left_uncompiled
from bn_reference.verification.time_limit import TimedOut, TimeLimit

SECONDS = 0.1


class Compiler:
    """A backend of torch.compile that takes its time, and remembers whether it was seen."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.seen = seconds, list[bool]()

    def __call__(self, module: Any, inputs: Any) -> Any:
        self.seen.append(compiles_now())
        time.sleep(self.seconds)
        return module.forward


def doubled(x: torch.Tensor) -> torch.Tensor:
    return x + x


@pytest.fixture
def compiled() -> Any:
    """Compiles anew, whatever was compiled before."""
    torch._dynamo.reset()
    yield lambda compiler: torch.compile(doubled, backend=compiler)
    torch._dynamo.reset()


def test_torch_is_seen_to_compile_while_it_does(compiled) -> None:
    compiler = Compiler()

    compiled(compiler)(torch.ones(2))

    assert compiler.seen == [True]
    assert not compiles_now()


def test_what_torch_compiles_does_not_count_against_the_limit(compiled) -> None:
    limit = TimeLimit(SECONDS)
    with limit.in_force():
        with limit:
            y = compiled(Compiler(5 * SECONDS))(torch.ones(2))
        with pytest.raises(TimedOut), limit:
            time.sleep(5 * SECONDS)

    assert y.tolist() == [2.0, 2.0]


def test_what_torch_leaves_uncompiled_is_said_of_what_it_compiled_alone(compiled) -> None:
    layer = torch.nn.BatchNorm1d(2)

    assert left_uncompiled(layer) == left_uncompiled(doubled) == ()
    for made in (torch.compile(layer, backend=Compiler()), compiled(Compiler())):
        [note] = left_uncompiled(made)
        assert note.startswith(
            f"torch.compile compiles code for {torch._dynamo.config.recompile_limit} kinds of input and layer"
        )
