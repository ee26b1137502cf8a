"""What happens to a layer beside its steps as code, for torch and for NumPy."""

from __future__ import annotations

__all__ = ["HAPPENED", "recorded"]

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
        "poison": (
            "poison = [torch.full(size, math.nan, dtype={inputs}{device}) for size in [{shape}, ({channels},)] * 2]",
            "del poison",
        ),
    },
}


def recorded(step: str, record: bool, inference: bool) -> list[str]:
    """A forward pass of torch in which a way back is recorded, or not."""
    if record:
        return [step]
    return [f"with torch.{'inference_mode' if inference else 'no_grad'}():", f"    {step}"]
