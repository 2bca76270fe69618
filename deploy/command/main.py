"""`feedline`: one command line for the local stack, every role, migrations and settings."""

from __future__ import annotations

import asyncio
import os
import runpy
import sys
from pathlib import Path

import click

from deploy.command.accounts import accounts, tokens
from deploy.command.database import database_option
from deploy.command.dead_letters import dead_letters
from deploy.command.migrations import wait_for_migrations
from deploy.command.people import login_link, people
from deploy.command.probe import probe
from deploy.command.queues import queues
from deploy.command.reference import as_markdown, as_text
from deploy.command.secrets import secrets
from deploy.command.shards import shards
from deploy.command.top import top
from deploy.command.trace import trace
from deploy.local.addresses import Refused, check_database
from deploy.local.folder import AlreadyRunning, Incomplete, Local
from deploy.local.processes import CHECKOUT, follow_parent
from deploy.local.screen import Screen
from deploy.local.stack import Stack
from deploy.migrate import migrate as apply_migrations
from schemas.settings import Settings, load


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Feedline: vendor inventory in, rows in Postgres out. Settings are environment variables (`feedline settings`)."""


main.add_command(accounts)
main.add_command(dead_letters)
main.add_command(login_link)
main.add_command(people)
main.add_command(probe)
main.add_command(queues)
main.add_command(secrets)
main.add_command(shards)
main.add_command(tokens)
main.add_command(top)
main.add_command(trace)


@main.command()
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


def _role(module: str, *arguments: str) -> None:
    """Become `python -m MODULE ARGUMENTS` in this process."""
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


@main.command()
def edge() -> None:
    """Run one edge process (the webhook endpoint)."""
    _role("ingest", "edge")


@main.command()
def api() -> None:
    """Run one API process (the resources)."""
    _role("ingest", "api")


@main.command()
def pull() -> None:
    """Run one puller process (feeds that are fetched)."""
    _role("ingest", "pull")


@main.command()
def deliver() -> None:
    """Tell endpoints and the exchange what changed (python -m ingest deliver)."""
    _role("ingest", "deliver")


@main.command()
def worker() -> None:
    """Run one worker process (from the queue to the table)."""
    _role("workers")


@main.command()
def watch() -> None:
    """Run one watcher process (ages of the shards, canary); of several, one is active."""
    _role("workers", "watch")


@main.command()
@database_option
@click.option("--check", is_flag=True, help="Apply nothing: exit 1 while the database lacks what this release needs.")
@click.option("--wait-s", type=click.FloatRange(0), default=0.0, help="With --check: how long to wait for it.")
def migrate(database_url: str, *, check: bool, wait_s: float) -> None:
    """Bring the database to the newest shape; does nothing when it is."""
    if check:
        wait_for_migrations(database_url, wait_s)
        return
    try:
        check_database(database_url)
        applied = apply_migrations(database_url)
    except Refused as reason:
        raise click.ClickException(str(reason)) from None
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("nothing to apply")


@main.command("settings")
@click.option("--markdown", is_flag=True, help="As docs/settings.md.")
def show_settings(markdown: bool) -> None:
    """List every setting: variable, default, meaning."""
    click.echo(as_markdown() if markdown else as_text(), nl=False)


if __name__ == "__main__":
    main()
