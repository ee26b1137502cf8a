"""Several values after one option: ``--dtype A B`` stands for ``--dtype A --dtype B``."""

from __future__ import annotations

from collections.abc import Iterator

import click

__all__ = ["Several"]


class Several(click.Command):
    """A command whose options that may be repeated take all values that follow them, up to a target: a colon, and no ``://``.

    An option whose value may be left out takes none where a target, another option, or nothing follows.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(self._spread(args)))

    def _spread(self, args: list[str]) -> Iterator[str]:
        repeated = {name for param in self.params if isinstance(param, click.Option) and param.multiple for name in param.opts}
        alone = {
            name: param.flag_value
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag and isinstance(param.flag_value, str)
            for name in param.opts
        }
        option, has_value = "", False
        for number, argument in enumerate(args):
            if argument == "--":  # what follows is no option's
                yield from args[number:]
                return
            if argument in alone:
                following = args[number + 1] if number + 1 < len(args) else "-"
                option = ""
                if following.startswith("-") or ":" in following:
                    yield f"{argument}={alone[argument]}"
                    continue
            elif argument.startswith("-"):
                name, equals, _ = argument.partition("=")
                option, has_value = (name if name in repeated else ""), bool(equals)
            elif ":" in argument and "://" not in argument and has_value:
                option = ""
            elif option and has_value:
                yield option
            else:
                has_value = True
            yield argument
