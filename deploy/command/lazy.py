"""A group of commands whose modules are imported when they are asked for: a health check loads no parser of files."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """`places`: name of a command → "module:attribute". Commands that are added in the usual way come beside them."""

    def __init__(self, *arguments: Any, places: Mapping[str, str], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, without an import."""
        return sorted({*super().list_commands(ctx), *self._places})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, its module imported; None when there is none of this name."""
        if cmd_name not in self._places:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._places[cmd_name].partition(":")
        gc.disable()  # what modules make stays: to look through it again and again is a seventh of the loading
        try:
            found = getattr(import_module(module), attribute)
        finally:
            gc.enable()
        assert isinstance(found, click.Command)
        return found
