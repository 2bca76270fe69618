"""`feedline run`: the whole system on this machine, in the foreground."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from deploy.local.addresses import Refused
from deploy.local.folder import AlreadyRunning, Incomplete, Local
from deploy.local.processes import CHECKOUT, follow_parent
from deploy.local.screen import Screen
from deploy.local.stack import Stack
from schemas.settings import Settings, load


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=CHECKOUT / ".local",
    help="Where the private servers, logs and stack.json live.  [default: .local of the checkout]",
)
def run(folder: Path) -> None:
    """Start the whole system here, in the foreground; Ctrl-C stops it."""
    if "MAKELEVEL" in os.environ:
        follow_parent()  # a make that is killed takes the stack with it
    screen = Screen()
    screen.begin("starting")
    local = Local(folder)
    try:
        local.lock()
        explicit = frozenset(name for name in Settings.model_fields if os.environ.get(name.upper()))
        private = {"database_url": "postgresql://private", "amqp_url": "amqp://private"}
        local.check()
        private["secret_key"] = local.secret("secret-key")
        settings = load(**{name: value for name, value in private.items() if name not in explicit})
        code = asyncio.run(Stack(local, settings, screen, explicit).run())
        local.unlock()
    except PermissionError as error:
        screen.trouble(f"{error.filename} belongs to another user: run as that user, or remove {folder}.")
        code = 1
    except (AlreadyRunning, Incomplete, Refused) as reason:
        screen.trouble(str(reason))
        code = 1
    sys.exit(code)
