"""What was measured, in sentences and small tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bn_reference.mnist.phenomena.gradients import Profile, predicted_growth
from bn_reference.mnist.phenomena.measure import SEEN_DEPTH, Measurements
from bn_reference.mnist.phenomena.networks import ACTIVATIONS, DEPTHS

__all__ = ["print_account"]


def print_account(found: Measurements, console: Console) -> None:
    """Three phenomena, each with its numbers."""
    console.print("[bold]Gradients through depth[/]", highlight=False)
    console.print(
        f"The squared norm of a layer's gradient, going back through {SEEN_DEPTH} hidden layers, is multiplied a layer by\n"
        "(below 1 it vanishes, above 1 it explodes; the theory is of wide networks and large batches):\n"
    )
    console.print(_growth_table(found))
    console.print("\nTest accuracy after 300 steps, with batch norm / without, by number of hidden layers:\n")
    console.print(_depth_table(found))
    console.print("\n[bold]Internal covariate shift[/]", highlight=False)
    console.print(_shift_account(found))
    console.print("\n[bold]Training and eval[/]", highlight=False)
    console.print(_companions_account(found))


def profile_of(found: Measurements, activation: str, batch_norm: bool, designed: bool = False, step: int = 0) -> Profile:
    """The profile of one network at one moment."""
    wanted = (activation, batch_norm, designed, step)
    return next(p for p in found.profiles if (p.activation, p.batch_norm, p.designed, p.step) == wanted)


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, title in enumerate(titles):
        table.add_column(title, justify="right" if number else "left", no_wrap=True)
    return table


def _growth_table(found: Measurements) -> Table:
    steps = sorted({profile.step for profile in found.profiles})
    told = [f"after {steps[1]} step", f"after {steps[2]}"]
    table = _table("", "batch norm", "theory", *told, "without", "without, weights as designed")
    for activation in ACTIVATIONS:
        start, first, later = (profile_of(found, activation, True, step=step) for step in steps)
        plain, designed = (profile_of(found, activation, False, designed) for designed in (False, True))
        theory = predicted_growth(activation)
        growths = (start.growth, theory, first.growth, later.growth, plain.growth, designed.growth)
        table.add_row(activation, *(f"{growth:.3f}" for growth in growths))
    return table


def _depth_table(found: Measurements) -> Table:
    table = _table("", *map(str, DEPTHS))
    reached = {(learnt.activation, learnt.batch_norm, learnt.depth): learnt.accuracy for learnt in found.learnt}
    for activation in ACTIVATIONS:
        pairs = ((reached[activation, True, depth], reached[activation, False, depth]) for depth in DEPTHS)
        table.add_row(activation, *(f"{with_bn:.2f} / {without:.2f}" for with_bn, without in pairs))
    return table


def _shift_account(found: Measurements) -> str:
    with_bn, without = found.shifts
    moved, before = float(with_bn.mean.mean()), float(without.mean.mean())
    gradient, gradient_before = float(with_bn.gradient.mean()), float(without.gradient.mean())
    return (
        f"In one step the mean of an activation's input moves by {moved:.4f} of its deviation with batch norm, by "
        f"{before:.4f} without: {before / moved:.0f} times as far.\n"
        f"By the other definition, how much a layer's gradient changes when the layers before it take their step, it is "
        f"{gradient:.3f} with batch norm and {gradient_before:.3f} without: much nearer to each other."
    )


def _companions_account(found: Measurements) -> str:
    seen = found.companions
    at = {int(size): number for number, size in enumerate(seen.sizes)}
    return (
        f"In training the logits for an image move by {seen.training[at[32]]:.2f} nats with the companions in its batch of 32, "
        f"by {seen.training[at[512]]:.2f} in one of 512:\nas the batch size to the power {seen.slope:.2f}. "
        f"In eval they move by {seen.evaluation.max():g}."
    )
