"""`feedline`: one command line for the local stack, every role, migrations and settings."""

from __future__ import annotations

import runpy
import sys

import click

from deploy.command.lazy import LazyGroup

_PLACES = {
    "accounts": "deploy.command.accounts:accounts",
    "dead-letters": "deploy.command.dead_letters:dead_letters",
    "login-link": "deploy.command.people:login_link",
    "migrate": "deploy.command.migrations:migrate",
    "people": "deploy.command.people:people",
    "probe": "deploy.command.probe:probe",
    "queues": "deploy.command.queues:queues",
    "run": "deploy.command.run:run",
    "secrets": "deploy.command.secrets:secrets",
    "settings": "deploy.command.reference:show_settings",
    "shards": "deploy.command.shards:shards",
    "tokens": "deploy.command.accounts:tokens",
    "top": "deploy.command.top:top",
    "trace": "deploy.command.trace:trace",
}


@click.group(cls=LazyGroup, places=_PLACES, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Feedline: vendor inventory in, rows in Postgres out. Settings are environment variables (`feedline settings`)."""


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


if __name__ == "__main__":
    main()
