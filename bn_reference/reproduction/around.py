"""What a script asserts of what stands round the numbers: what a layer shows, has and holds, and what a step leaves."""

from __future__ import annotations

from collections.abc import Iterator

from bn_reference.cases.facts import FAKE, META, Fact, Kind
from bn_reference.reports.sentences import say_fact
from bn_reference.reproduction.assertion import Evidence, so
from bn_reference.reproduction.replay import Replay

__all__ = ["STANDS_ROUND", "around"]

# what a step must leave as it is, by the name that the protocol has for it: what makes a change of it seen, and its code
STANDS_ROUND = {
    "the random state of Python": ("random.random()", "random.getstate()"),
    "the random state of NumPy": ("np.random.random()", "str(np.random.get_state())"),
    "the list of warning filters": ("warnings.simplefilter('default', ImportWarning)", "tuple(warnings.filters)"),
    "the random state of torch": ("torch.rand(1)", "torch.get_rng_state().tolist()"),
    "standard output": ("", "(sys.stdout, getattr(sys.stdout, 'closed', None))"),
    "the garbage collector of Python": ("gc.enable()", "gc.isenabled()"),
    "the default dtype of torch": ("torch.set_default_dtype(torch.float32)", "torch.get_default_dtype()"),
    "the default device of torch": ("torch.set_default_device(None)", "torch.get_default_device()"),
    "whether torch records gradients": ("torch.set_grad_enabled(True)", "torch.is_grad_enabled()"),
    "the number of threads of torch": ("torch.set_num_threads(1)", "torch.get_num_threads()"),
    "whether torch is deterministic": (
        "torch.use_deterministic_algorithms(False)",
        "torch.are_deterministic_algorithms_enabled()",
    ),
}
WITHOUT_NUMBERS = {  # how tensors come to have none: what a step gives of such, and what it is compared with
    FAKE: ("forms(fakes.from_tensor, fakes)", "forms(torch.clone, nullcontext())"),
    META: ("forms(lambda own: own.to('meta'), nullcontext())", "forms(torch.clone, nullcontext(), 'meta')"),
}
BEGINNING = 64  # steps, before what is held is counted


def around(replay: Replay, fact: Fact) -> Iterator[Evidence]:
    """Of the layer that was looked at last, or of its last step; nothing of another kind of fact."""
    layers = [replay.layers[call.on or call.made].name for call in replay.lines if call.method in ("open", "settle")]
    forwards = [call for call in replay.lines if call.method == "forward"]
    match fact.kind:
        case Kind.SHOWN | Kind.PARAMETERS if layers and fact.kind.value in replay.words:
            yield Evidence(so(fact, replay.words[fact.kind.value].format(layer=layers[-1], what=fact.what, found=fact.found)))
        case Kind.HOLDS if forwards and fact.kind.value in replay.words:
            call = next(call for call in forwards if call.on == forwards[-1].on)
            steps = replay.words[fact.kind.value].format(**replay.steps[call.made].names)
            counted = [f"steps({BEGINNING})", "before = held()", f"steps({fact.wanted})", "more = held() - before"]
            message = f"message = {say_fact(fact)!r}"
            yield Evidence((*steps.splitlines(), *counted, message, f"assert more < {fact.wanted // 4}, message"), until=call)
        case Kind.WITHOUT_NUMBERS if forwards and fact.kind.value in replay.words:
            form = fact.found or fact.wanted
            strides = ", [stride * (size > 1) for stride, size in zip(own.stride(), own.shape)]" * bool(form.strides)
            made = replay.words[fact.kind.value].format(strides=strides, **replay.steps[forwards[-1].made].names)
            found, wanted = WITHOUT_NUMBERS[form.where]
            yield Evidence((*made.splitlines(), *so(fact, f"{found} == {wanted}")))
        case Kind.PRINTED if forwards:
            said = ("said = sys.stdout = io.StringIO()",)
            yield Evidence(("sys.stdout = sys.__stdout__", *so(fact, "not said.getvalue()")), since=forwards[-1], before=said)
        case Kind.SURROUNDINGS if forwards and all(name in STANDS_ROUND for name in fact.found):
            stirred, codes = zip(*(STANDS_ROUND[name] for name in fact.found), strict=True)
            before = (*filter(None, stirred), *(f"before_{n} = {code}" for n, code in enumerate(codes)))
            kept = (f"{code} == before_{n}" for n, code in enumerate(codes))
            step = next((call for call in reversed(forwards) if call.options["training"] == fact.wanted), forwards[-1])
            backwards = [call for call in replay.lines if call.method == "backward" and call.on == step.made]
            yield Evidence(so(fact, *kept), since=step, before=before, until=[step, *backwards][-1])
