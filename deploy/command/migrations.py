"""`feedline migrate`, and with `--check` what a role waits for before it starts, while another process migrates."""

from __future__ import annotations

import time

import click
import psycopg

from deploy.command.database import database_option
from deploy.local.addresses import Refused, check_database
from deploy.migrate import migrate as apply_migrations
from deploy.migrate import missing

_EVERY_S = 1.0


@click.command()
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
