"""The calls that differentiate a layer of torch further, or otherwise, as code: without this package."""

from __future__ import annotations

from dataclasses import replace

from bn_reference.cases.layouts import Placement, is_contiguous
from bn_reference.reproduction.layers import LayerReplay
from bn_reference.reproduction.replay import Output
from bn_reference.targets.trace import Ask, Beside, Mapped, Pile, Rectify, Second, Tangent

__all__ = ["DerivativeReplay"]

SECOND = ("second_grad_x", "second_grad_grad_y", "second_grad_weight")  # as they are asked for


class DerivativeReplay(LayerReplay):
    """The code of a trace of calls on layers of torch or NumPy, with those of derivatives beyond the first backward pass."""

    def second(self, call: Second) -> list[str]:
        forward, names = self.steps[call.step]
        layer, affine = self.layers[forward.session][1], call.along.weight is not None
        upstream, grads, second = self.name("upstream"), self.name("grads"), self.name("second")
        sources, by = [names["x"]], [names["x"], upstream]
        along = [self._lying("u", call.along.x)]
        if affine:
            sources, by = [*sources, f"{layer}.weight", f"{layer}.bias"], [*by, f"{layer}.weight"]
            along += [f"{self._array('direction', vector)}.clone()" for vector in (call.along.weight, call.along.bias)]
        lines = [
            f"{upstream} = {self._lying('grad_y', call.grad_y)}.requires_grad_()",
            f"{grads} = torch.autograd.grad({names['output']}, ({', '.join(sources)},), {upstream}, create_graph=True)",
            f"{second} = torch.autograd.grad({grads}, ({', '.join(by)},), ({', '.join(along)},), allow_unused=True)",
        ]
        for name, kinds in ((grads, ("grad_x", "grad_weight", "grad_bias")[: len(sources)]), (second, SECOND[: len(by)])):
            for place, kind in enumerate(kinds):
                lines += self.assigned(call, f"copied({name}[{place}])", (kind,))
        return lines

    def pile(self, call: Pile) -> list[str]:
        forward, names = self.steps[call.step]
        layer, upstream = self.layers[forward.session][1], self.name("upstream")
        lines = [f"{upstream} = {self._lying('grad_y', call.grad_y)}", f"{names['output']}.backward({upstream})"]
        for kind, leaf in (("grad_x", names["x"]), ("grad_weight", f"{layer}.weight"), ("grad_bias", f"{layer}.bias")):
            lines += self.assigned(call, f'copied(getattr({leaf}, "grad", None))', (kind,))
        return lines

    def beside(self, call: Beside) -> list[str]:
        (forward, names), (_, others) = self.steps[call.step], self.steps[call.other]
        layer, affine = self.layers[forward.session][1], self.layers[forward.session][0].case.affine
        upstreams, grads = [self.name("upstream"), self.name("upstream")], self.name("grads")
        sources = [names["x"], *[f"{layer}.weight", f"{layer}.bias"] * affine, others["x"]]
        lines = [
            f"{name} = {self._lying('grad_y', dy)}"
            for name, dy in zip(upstreams, (call.grad_y, call.other_grad_y), strict=True)
        ]
        outputs = f"{names['output']}, {others['output']}"
        lines.append(
            f"{grads} = torch.autograd.grad(({outputs}), ({', '.join(sources)}), ({', '.join(upstreams)}), allow_unused=True)"
        )
        for place, kind in enumerate(("grad_x", "grad_weight", "grad_bias")[: len(sources) - 1]):
            lines += self.assigned(call, f"copied({grads}[{place}])", (kind,))
        self.outputs.append(Output(call, "grad_x", call.other_x, self.name("grad_x")))
        return [*lines, f"{self.outputs[-1].name} = copied({grads}[-1])"]

    def rectify(self, call: Rectify) -> list[str]:
        return [f"{self.steps[call.step][1]['output']}.relu_()"]

    def tangent(self, call: Tangent) -> list[str]:
        layer, x, output = self.layers[call.session][1], self.name("x"), self.name("output")
        vectors = {"weight": call.along.weight, "bias": call.along.bias}
        names = {f"id({layer}.{name})": values for name, values in vectors.items() if values is not None}
        made = [f"    {x} = forward_ad.make_dual({self._lying('x', call.x)}, {self._lying('u', call.along.x)})"]
        step = f"    {output} = {layer}({x})"
        if names:
            along = ", ".join(f"{name}: {self._array('direction', values)}.clone()" for name, values in names.items())
            made += [
                f"    along = {{{along}}}",
                f"    own = {{name: each for name, each in {layer}.named_parameters() if id(each) in along}}",
                "    duals = {name: forward_ad.make_dual(each.detach(), along[id(each)]) for name, each in own.items()}",
            ]
            step = f"    {output} = torch.func.functional_call({layer}, duals, ({x},))"
        kept = self.assigned(call, f"copied(forward_ad.unpack_dual({output}).tangent)")
        return [
            "from torch.autograd import forward_ad",
            f"{self._told(call.session)}.{'train' if call.training else 'eval'}()",
            "with forward_ad.dual_level():",
            *made,
            step,
            *(f"    {line}" for line in kept),
        ]

    def mapped(self, call: Mapped) -> list[str]:
        layer, outputs = self.layers[call.session][1], self.name("outputs")
        batches = ", ".join(self._lying("x", x) for x in call.batches)
        lines = [
            f"{self._told(call.session)}.eval()",
            "with torch.no_grad():",
            f"    {outputs} = torch.func.vmap({layer})(torch.stack([{batches}]))",
        ]
        for place, y in enumerate(call.ys):
            self.outputs.append(Output(call, "y", y, self.name("y")))
            lines.append(f"{self.outputs[-1].name} = copied({outputs}[{place}])")
        return lines

    def ask(self, call: Ask) -> list[str]:
        opened, layer = self.layers[call.session]
        self.layers[call.session] = replace(opened, input_gradient="x" in call.names), layer
        names = ("weight", "bias") if opened.case.affine else ()
        return [f"{layer}.{name}.requires_grad_({name in call.names})" for name in names]

    def _lying(self, base: str, placement: Placement) -> str:
        """A tensor of its own that lies as the placement does."""
        placed = self._placed(base, placement)[1]
        return placed if is_contiguous(placement) else f"({placed})"
