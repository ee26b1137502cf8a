"""Loading a target: every form that is accepted, and for all that is not the sentence that says why."""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from bn_reference import BatchNorm1d
from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array, Case, State
from bn_reference.targets.forms.formed import FormedLayers
from bn_reference.targets.forms.numpy_layer import NumpyImplementation
from bn_reference.targets.forms.torch_module import TorchImplementation
from bn_reference.targets.protocol import Implementation, Session, Unsupported, UnusableTarget
from bn_reference.targets.recognition import load_target, name_of

MODULE_TEXT = """
import torch
import neighbour

class Layer(torch.nn.BatchNorm1d):
    class Inner(torch.nn.BatchNorm1d):
        pass

def factory(num_features, **options):
    return Layer(num_features, **options)

def refuses(num_features, **options):
    raise RuntimeError("no\\n room")

def exits(num_features, **options):
    raise SystemExit(3)

def builds_a_list(num_features, **options):
    return [num_features]

def builds_nothing(num_features, **options):
    pass

def builds_a_module_without_device(num_features, eps, momentum, affine, track_running_stats, dtype):
    return Layer(num_features)

number = 3
"""
MODULE = "a torch.nn.Module whose first argument is the number of channels"
PLAIN = "a plain class whose layers are called, or have a method forward"
NEITHER = "can neither be called nor has a method forward"


def unrecognized(name: str, nearest: str) -> str:
    offer = f"mend that, or let `bn-reference probe {name} --write FILE.py` write a wrapper for it"
    return f"the target {name} is nearest to {nearest}; {offer}"


class Adapter(Implementation):
    name = "an adapter"

    def supports(self, pair: Pair) -> bool:
        return False

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        raise Unsupported("it is a stand-in")

    def fresh(self, case: Case) -> tuple[Array | None, Array | None, State]:
        raise Unsupported("it is a stand-in")


class NeedsMore(Adapter):
    def __init__(self, size: int) -> None:
        self.size = size


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a module of layers, its neighbour, and a module that fails to import."""
    (tmp_path / "layers_here.py").write_text(MODULE_TEXT)
    (tmp_path / "neighbour.py").write_text("")
    (tmp_path / "broken_here.py").write_text("raise OSError('the licence\\nhas run out')")
    (tmp_path / "needs_here.py").write_text("import surely_not_installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


def refusal(target: object, device: str = "cpu") -> str:
    with pytest.raises(UnusableTarget) as caught:
        load_target(target, device)
    return str(caught.value)


@pytest.mark.parametrize("target", ["torch.nn:BatchNorm1d", "torch:nn.BatchNorm1d", torch.nn.BatchNorm1d])
def test_a_torch_class_by_name_or_itself(target: object) -> None:
    assert isinstance(load_target(target), TorchImplementation)


@pytest.mark.parametrize("target", ["bn_reference:BatchNorm1d", BatchNorm1d])
def test_a_numpy_layer_by_name_or_itself(target: object) -> None:
    assert isinstance(load_target(target), NumpyImplementation)


def test_a_file_may_import_its_neighbours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")

    implementation = load_target(f"{folder}/layers_here.py:Layer.Inner")

    assert implementation.name == f"{folder}/layers_here.py:Layer.Inner"


def test_a_file_is_read_again_each_time(folder: Path) -> None:
    load_target("layers_here.py:Layer")
    (folder / "layers_here.py").write_text(
        MODULE_TEXT.replace("class Layer", "class Renamed").replace("return Layer", "return Renamed")
    )

    assert refusal("layers_here.py:Layer").startswith("layers_here.py has no attribute 'Layer'")


def test_a_file_named_like_a_module_in_use_does_not_replace_it(folder: Path) -> None:
    (folder / "torch.py").write_text(MODULE_TEXT)

    load_target("./torch.py:Layer")

    assert sys.modules["torch"] is torch


def test_a_module_of_the_working_directory(folder: Path) -> None:
    assert isinstance(load_target("layers_here:factory"), TorchImplementation)


def test_a_factory_may_take_no_device(folder: Path) -> None:
    implementation = load_target("layers_here:builds_a_module_without_device")

    assert isinstance(implementation, FormedLayers)
    assert implementation.form == "torch.nn.Module"


def test_a_layer_is_no_target(folder: Path) -> None:
    (folder / "layers_here.py").write_text(MODULE_TEXT + "\nlayer = Layer(3)\n")

    assert refusal("layers_here.py:layer") == (
        "the target layers_here.py:layer is a layer already, but must be what builds layers; name its class"
    )


def test_an_adapter_is_used_as_it_is() -> None:
    adapter = Adapter()

    assert load_target(adapter) is adapter
    assert isinstance(load_target(Adapter), Adapter)


def test_the_name_of_an_object_is_where_it_is_found() -> None:
    assert name_of(torch.nn.BatchNorm1d) == "torch.nn.modules.batchnorm:BatchNorm1d"
    assert name_of(Adapter()) == "an adapter"


@pytest.mark.parametrize("target", ["torch.nn", ":BatchNorm1d", "torch.nn:", ""])
def test_a_target_has_two_parts(target: str) -> None:
    rule = "must be module:attribute or path/to/file.py:attribute; write for example torch.nn:BatchNorm1d"
    assert refusal(target) == f"the target is {target!r}, but {rule}"


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (
            "surely_not_installed:Layer",
            "there is no module 'surely_not_installed'; check the name, and that it is installed in this environment",
        ),
        ("torch.nnn:BatchNorm1d", "there is no module 'torch.nnn'; did you mean torch.nn or torch.mtia?"),
        ("broken_here:Layer", "broken_here fails to import: OSError: the licence has run out; mend that first"),
        ("broken_here.py:Layer", "broken_here.py fails to import: OSError: the licence has run out; mend that first"),
        (
            "needs_here:Layer",
            "needs_here fails to import: ModuleNotFoundError: No module named 'surely_not_installed'; mend that first",
        ),
        ("layers_here:Leyer", "layers_here has no attribute 'Leyer'; did you mean Layer?"),
        ("layers_here:Layer.xyzzy", "layers_here:Layer has no attribute 'xyzzy'; check its name"),
        (
            "layers_here:number",
            "the target layers_here:number is of type int, which cannot be called, but it must be a class or a function that "
            "builds a layer, or an adapter; name one of those",
        ),
        (
            "layers_here:refuses",
            unrecognized("layers_here:refuses", f"{MODULE}, but it refuses the arguments (3): RuntimeError: no room"),
        ),
        ("layers_here:exits", unrecognized("layers_here:exits", f"{MODULE}, but it refuses the arguments (3): SystemExit: 3")),
        (
            "layers_here:builds_a_list",
            unrecognized("layers_here:builds_a_list", f"{PLAIN}, but it builds a list, which {NEITHER}"),
        ),
        (
            "layers_here:builds_nothing",
            unrecognized("layers_here:builds_nothing", f"{PLAIN}, but it builds None, which {NEITHER}"),
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(folder: Path, target: str, sentence: str) -> None:
    said = refusal(target)

    if "did you mean torch.nn" in sentence:  # which other modules torch has changes with its version
        assert said.startswith("there is no module 'torch.nnn'; did you mean torch.nn")
    else:
        assert said == sentence


def test_a_file_that_is_not_there(folder: Path) -> None:
    assert (
        refusal("no/such.py:Layer") == f"the target's file no/such.py is not there; check the path, which is read from {folder}"
    )


@pytest.mark.parametrize(
    ("target", "device", "sentence"),
    [
        (
            "torch.nn:BatchNorm1d",
            "abacus",
            "the device is 'abacus', but it must be one that torch knows; try cpu, cuda, cuda:1 or mps",
        ),
        (
            "torch.nn:BatchNorm1d",
            "cpu:x",
            "the device is 'cpu:x', but it must be one that torch knows; try cpu, cuda, cuda:1 or mps",
        ),
        (
            "torch.nn:BatchNorm1d",
            "meta",
            "the device is 'meta', whose tensors hold no numbers; choose one that computes, such as cpu",
        ),
        (
            "bn_reference:BatchNorm1d",
            "cuda",
            "the device is 'cuda', but bn_reference:BatchNorm1d builds NumPy layers, which live on the CPU; use the device cpu",
        ),
        (Adapter(), "cuda", "the device is 'cuda', but the adapter an adapter keeps its arrays on 'cpu'; use that device"),
    ],
)
def test_a_device_that_cannot_be_used(target: object, device: str, sentence: str) -> None:
    assert refusal(target, device) == sentence


def test_a_device_that_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    said = "the device is 'cuda', but torch finds none here; use the device cpu, or a machine that has it"
    assert refusal("torch.nn:BatchNorm1d", "cuda") == said


def test_an_adapter_class_that_needs_arguments() -> None:
    said = refusal(NeedsMore)

    assert said.startswith(f"the adapter {__name__}:NeedsMore cannot be built: TypeError: ")
    assert said.endswith("; an adapter class is built without arguments; pass an instance that needs none")


def test_an_interruption_is_not_taken_for_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.default_int_handler)  # be it ignored where this runs

    def interrupts(num_features: int, **options: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_target(interrupts)


def test_modules_are_imported_before_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "made_first.py").write_text("KNOWN = 3\n")
    (tmp_path / "needs_it.py").write_text(
        "import sys, torch\nassert sys.modules['made_first'].KNOWN\nBN = torch.nn.BatchNorm1d\n"
    )

    assert isinstance(load_target("needs_it:BN", imports=["made_first"]), TorchImplementation)
    with pytest.raises(UnusableTarget, match="there is no module 'made_second'"):
        load_target("needs_it:BN", imports=["made_second"])
