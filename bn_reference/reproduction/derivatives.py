"""The calls that differentiate a layer of torch further, or otherwise, as code: without this package."""

from __future__ import annotations

from bn_reference.cases.directions import Direction
from bn_reference.cases.layouts import Placement, is_contiguous
from bn_reference.reproduction.layers import LayerReplay
from bn_reference.reproduction.replay import Layer
from bn_reference.targets.trace import Call, Number

__all__ = ["DerivativeReplay"]

GRADIENTS = ("grad_x", "grad_weight", "grad_bias")  # as they are asked for


class DerivativeReplay(LayerReplay):
    """The code of a trace of calls on layers of torch or NumPy, with those of derivatives beyond the first backward pass."""

    def second(self, call: Call, grad_y: Placement, along: Direction) -> list[str]:
        step = self.steps[call.on]
        upstream, grads, second = self.name("upstream"), self.name("grads"), self.name("second")
        sources = [step.names["x"], *self._parameters(step.layer)]
        by = [*sources[:1], upstream, *sources[1:2]]
        vectors = [self._lying("u", along.x)]
        vectors += [f"{self._array('direction', v)}.clone()" for v in (along.weight, along.bias) if v is not None]
        gave = [f"copied({second}[{place}])" for place in range(len(by))]
        of_x, of_grad_y, of_weight = [*gave, ""][:3]
        return [
            f"{upstream} = {self._lying('grad_y', grad_y)}.requires_grad_()",
            f"{grads} = torch.autograd.grad({step.names['output']}, ({', '.join(sources)},), {upstream}, create_graph=True)",
            f"{second} = torch.autograd.grad({grads}, ({', '.join(by)},), ({', '.join(vectors)},), allow_unused=True)",
            *self.assigned(call, [*self._each(grads, GRADIENTS[: len(sources)]), of_x, of_weight, of_grad_y]),
        ]

    def pile(self, call: Call, grad_y: Placement) -> list[str]:
        step, upstream = self.steps[call.on], self.name("upstream")
        leaves = (step.names["x"], f"{step.layer.name}.weight", f"{step.layer.name}.bias")
        return [
            f"{upstream} = {self._lying('grad_y', grad_y)}",
            f"{step.names['output']}.backward({upstream})",
            *self.assigned(call, [f'copied(getattr({leaf}, "grad", None))' for leaf in leaves]),
        ]

    def beside(self, call: Call, grad_y: Placement, other: Number, other_grad_y: Placement) -> list[str]:
        step, names = self.steps[call.on], self.steps[other].names
        upstreams, grads = [self.name("upstream"), self.name("upstream")], self.name("grads")
        sources = [step.names["x"], *self._parameters(step.layer), names["x"]]
        outputs = f"{step.names['output']}, {names['output']}"
        return [
            *(f"{name} = {self._lying('grad_y', dy)}" for name, dy in zip(upstreams, (grad_y, other_grad_y), strict=True)),
            f"{grads} = torch.autograd.grad(({outputs}), ({', '.join(sources)}), ({', '.join(upstreams)}), allow_unused=True)",
            *self.assigned(call, [*self._each(grads, GRADIENTS[: len(sources) - 1]), f"copied({grads}[-1])"]),
        ]

    def tangent(self, call: Call, x: Placement, along: Direction, training: bool) -> list[str]:
        layer, name, output = self.layers[call.on], self.name("x"), self.name("output")
        made, step = (
            [f"{name} = forward_ad.make_dual({self._lying('x', x)}, {self._lying('u', along.x)})"],
            f"{layer.name}({name})",
        )
        vectors = {"weight": along.weight, "bias": along.bias}
        of = [f"id({layer.name}.{each}): {self._array('direction', v)}.clone()" for each, v in vectors.items() if v is not None]
        if of:
            made += [
                f"along = {{{', '.join(of)}}}",
                f"own = {{name: each for name, each in {layer.name}.named_parameters() if id(each) in along}}",
                "duals = {name: forward_ad.make_dual(each.detach(), along[id(each)]) for name, each in own.items()}",
            ]
            step = f"torch.func.functional_call({layer.name}, duals, ({name},))"
        kept = self.assigned(call, [f"copied(forward_ad.unpack_dual({output}).tangent)"])
        return [
            "from torch.autograd import forward_ad",
            self._mode(layer, training),
            "with forward_ad.dual_level():",
            *(f"    {line}" for line in (*made, f"{output} = {step}", *kept)),
        ]

    def mapped(self, call: Call, batches: tuple[Placement, ...]) -> list[str]:
        layer, outputs = self.layers[call.on], self.name("outputs")
        return [
            self._mode(layer, training=False),
            "with torch.no_grad():",
            f"    {outputs} = torch.func.vmap({layer.name})(torch.stack([{', '.join(self._lying('x', x) for x in batches)}]))",
            *self.assigned(call, [f"copied({outputs}[{place}])" for place in range(len(call.quantities))]),
        ]

    def ask(self, call: Call, names: tuple[str, ...]) -> list[str]:
        layer = self.layers[call.on]
        layer.input_gradient = "x" in names
        asked = zip(("weight", "bias"), self._parameters(layer), strict=False)
        return [f"{parameter}.requires_grad_({name in names})" for name, parameter in asked]

    def _parameters(self, layer: Layer) -> list[str]:
        return [f"{layer.name}.weight", f"{layer.name}.bias"] if layer.case.affine else []

    def _lying(self, base: str, placement: Placement) -> str:
        """A tensor of its own that lies as the placement does."""
        placed = self._placed(base, placement)[1]
        return placed if is_contiguous(placement) else f"({placed})"
