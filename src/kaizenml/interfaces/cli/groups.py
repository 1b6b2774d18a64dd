"""Commands of commands: their lists say whole sentences, and a misspelt name is told the closest."""

from __future__ import annotations

import click

from kaizenml.errors import bounded, close_match


class Group(click.Group):
    """A command that has commands."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, each with the first sentence of its help, uncut."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_sentence(each.help or "")) for name, each in found if each is not None])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was called, or say which was meant."""
        name, known = args[0] if args else "", self.list_commands(ctx)
        if name and not name.startswith("-") and name not in known:
            match = close_match(name, known)
            path = ctx.command_path
            offer = f"Did you mean `{path} {match}`?" if match else f"Known: {bounded(known)}."
            raise click.UsageError(f"There is no command {name!r} of `{path}`. {offer}", ctx)
        return super().resolve_command(ctx, args)


def first_sentence(text: str) -> str:
    """Return what stands before the first full stop, in one line.

    Examples
    --------
    >>> first_sentence('Let it go again;\\nit is the same. More.')
    'Let it go again; it is the same.'
    """
    said = " ".join(text.partition("\n\n")[0].split())
    head, stop, _ = said.partition(". ")
    return f"{head}." if stop else said
