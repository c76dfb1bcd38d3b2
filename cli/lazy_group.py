"""A group of commands that imports one when it is called, so that its help is there at once."""

from collections.abc import Mapping
from importlib import import_module

import click


class LazyGroup(click.Group):
    """Lists its commands in the order of `table`, a help line for each; each is a module whose `command` it is.

    `package` holds the modules; `modules` names those that are not called as their command.
    """

    def __init__(
        self, table: Mapping[str, str], package: str, modules: Mapping[str, str] | None = None, **settings: object
    ) -> None:
        super().__init__(**settings)  # type: ignore[arg-type]
        self.table = table
        self.package = package
        self.modules = modules or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module; None for an unknown name."""
        if cmd_name not in self.table:
            return None
        command: click.Command = import_module(self.modules.get(cmd_name, f".{cmd_name}"), self.package).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help of the group without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))
