"""What happens to a layer beside its steps as code, for torch and for NumPy."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["HAPPENED", "called", "contexts_of"]

GAPS = "torch.stack([own.data, torch.full_like(own.data, math.nan)], 1).flatten()[::2]"
OTHERS = "{{name: 0.5 - own.detach() for name, own in {layer}.named_parameters()}}"
EVERYWHERE: dict[str, tuple[str, ...]] = {
    "copy": ("{layer} = copy.deepcopy({layer})",),
    "pickle": ("{layer} = pickle.loads(pickle.dumps({layer}))",),
    "load": ("{layer}.load_state_dict({layer}.state_dict())",),
}
HAPPENED: dict[str, dict[str, tuple[str, ...]]] = {
    "numpy": EVERYWHERE,
    "torch": {
        **EVERYWHERE,
        "load without the counter": (
            'saved = {{name: own for name, own in {layer}.state_dict().items() if not name.endswith("num_batches_tracked")}}',
            "{layer}.load_state_dict(saved, strict=False)",
        ),
        "reset": (
            'for name in ("reset_running_stats", "reset_parameters"):',
            "    getattr({layer}, name, lambda: None)()",
        ),
        "reset statistics": ("{layer}.reset_running_stats()",),
        "convert": ("{layer} = {layer}.to(torch.float64).to({parameters})",),
        "freeze": (
            "{layer}.requires_grad_(False)",
            "{layer}.train()({batch})",
            "{layer}.requires_grad_(True)",
        ),
        "stop tracking": (
            "{layer}.track_running_stats = False",
            "{layer}.train()({batch})",
            "{layer}.track_running_stats = True",
        ),
        "replace parameters": (
            "others = {{own: torch.nn.Parameter(own.detach().clone(), own.requires_grad) for own in {layer}.parameters()}}",
            "for holder in list({layer}.modules()):",
            "    for name, own in list(holder.named_parameters(recurse=False, remove_duplicate=False)):",
            "        setattr(holder, name, others[own])",
        ),
        "spread": (
            "for own in [*{layer}.parameters(), *{layer}.buffers()]:",
            "    if own.ndim == 1 and own.is_floating_point():",
            f"        own.data = {GAPS}",
            "with torch.no_grad():",
            "    {layer}.eval()({batch})",
        ),
        "lend parameters": (
            "with torch.no_grad():",
            f"    torch.func.functional_call({{layer}}.eval(), {OTHERS}, ({{batch}},))",
        ),
        "another thread": ("beside_{layer}, batch = copy.deepcopy({layer}).eval(), {other}",),
        "poison": (
            "poison = [torch.full(size, math.nan, dtype={inputs}{device}) for size in [{shape}, ({channels},)] * 2]",
            "del poison",
        ),
    },
}


def called(output: str, call: str, contexts: list[str], beside: str = "") -> list[str]:
    """A forward pass of torch, in these contexts, and in another thread where there is something to evaluate beside it."""
    inside = f"with {', '.join(contexts)}:"
    if not beside:
        step = f"{output} = {call}"
        return [inside, f"    {step}"] if contexts else [step]
    body = [f"    {inside}", f"        return {call}"] if contexts else [f"    return {call}"]
    return [
        "def step():",
        *body,
        "",
        "with concurrent.futures.ThreadPoolExecutor(1) as thread:",
        "    stepped = thread.submit(step)",
        f"    {beside}",
        f"    {output} = stepped.result()",
        beside,
    ]


def contexts_of(words: Collection[str], record: bool, training: bool, device: str) -> list[str]:
    """In which a forward pass of torch is called."""
    unrecorded = "inference_mode" if "inference mode" in words and not training else "no_grad"
    kind = device.partition(":")[0]
    narrow = f"torch.autocast({kind!r}, dtype=torch.{'bfloat16' if kind == 'cpu' else 'float16'})"
    return [*[f"torch.{unrecorded}()"] * (not record), *[narrow] * ("autocast" in words)]
