"""`feedline migrate --check`: what a role waits for before it starts, while another process migrates."""

from __future__ import annotations

import time

import click
import psycopg

from deploy.migrate import missing

_EVERY_S = 1.0


def wait_for_migrations(database_url: str, wait_s: float) -> None:
    """Return once the database has all migrations of this release; raises `ClickException` after `wait_s` seconds."""
    until = time.monotonic() + wait_s
    while True:
        trouble = _trouble(database_url)
        if trouble is None:
            click.echo("the database is of this release's shape")
            return
        if time.monotonic() + _EVERY_S > until:
            raise click.ClickException(trouble)
        time.sleep(_EVERY_S)


def _trouble(database_url: str) -> str | None:
    try:
        names = missing(database_url)
    except psycopg.OperationalError as error:
        return f"Postgres cannot be reached: {str(error).splitlines()[0]}"
    return f"the database lacks {', '.join(names)}: run `feedline migrate`" if names else None
