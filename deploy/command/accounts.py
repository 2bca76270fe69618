"""`feedline accounts` and `feedline tokens`: who may use the system, from the command line.

They need just `DATABASE_URL`. A new token is written to standard output, alone on its line, and cannot be shown again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncpg
import click
from pydantic import TypeAdapter, ValidationError

from deploy.command.database import database_option, run_on
from schemas import queries
from schemas.attributes import INT32_MAX, Name, TimeZone
from schemas.secrets import new_token, token_digest

_LEAST_RATE, _LARGEST_RATE = 0.01, 1_000_000.0
_SCOPES = ("read", "write", "admin")

_account = click.option("--account", "account_id", type=click.IntRange(1), required=True, help="The account's id.")


def _checked(of: Any) -> Callable[[click.Context, click.Parameter, str], str]:
    """Return a click callback that takes what the API would take."""

    def check(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
        try:
            checked: str = TypeAdapter(of).validate_python(value)
        except ValidationError as error:
            raise click.BadParameter(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None
        return checked

    return check


def _rate(_context: click.Context, _parameter: click.Parameter, value: str) -> float | None:
    """Take a positive number, or "none"."""
    if value == "none":
        return None
    try:
        rate = float(value)
    except ValueError:
        rate = 0.0
    if not _LEAST_RATE <= rate <= _LARGEST_RATE:
        raise click.BadParameter(f"expected a number from {_LEAST_RATE} to {_LARGEST_RATE}, or none")
    return rate


@click.group()
def accounts() -> None:
    """Create and list accounts."""


@accounts.command("create")
@click.argument("name", callback=_checked(Name))
@click.option("--plan", default="standard", show_default=True, callback=_checked(Name))
@click.option("--daily-sku-limit", type=click.IntRange(0, INT32_MAX), help="Feed variants a day.  [default: unlimited]")
@click.option("--time-zone", default="UTC", show_default=True, callback=_checked(TimeZone))
@database_option
def create_account(database_url: str, **attributes: Any) -> None:
    """Create an account and write its id."""
    row = run_on(database_url, lambda connection: queries.load("accounts").account_create(connection, **attributes))
    click.echo(row["id"])


@accounts.command("list")
@database_option
def list_accounts(database_url: str) -> None:
    """List all accounts: id, name, plan, daily limit, time zone."""

    async def read(connection: asyncpg.Connection) -> list[Any]:
        return [row async for row in queries.load("accounts").account_list(connection)]

    for row in run_on(database_url, read):
        limit = "unlimited" if row["daily_sku_limit"] is None else row["daily_sku_limit"]
        click.echo(f"{row['id']}\t{row['name']}\t{row['plan']}\t{limit}\t{row['time_zone']}")


@accounts.command("rate-limit")
@click.argument("account_id", type=click.IntRange(1))
@click.argument("rate", callback=_rate)
@database_option
def limit_rate(database_url: str, account_id: int, rate: float | None) -> None:
    """Let an account make RATE changes, or twice as many reads, a second by the API; "none" lifts the limit."""
    query = queries.load("accounts").account_rate_limit
    if run_on(database_url, lambda connection: query(connection, account_id=account_id, rate=rate)) is None:
        raise click.ClickException(f"there is no account {account_id}")


@click.group()
def tokens() -> None:
    """Create, list and revoke API tokens."""


@tokens.command("create")
@_account
@click.option("--name", required=True, callback=_checked(Name), help="What it is for.")
@click.option("--scope", type=click.Choice(_SCOPES), default="read", show_default=True)
@database_option
def create_token(database_url: str, **attributes: Any) -> None:
    """Create a token and write it, this one time."""
    token = new_token()
    attributes["token_hash"] = token_digest(token)
    try:
        run_on(database_url, lambda connection: queries.load("tokens").token_create(connection, **attributes))
    except asyncpg.ForeignKeyViolationError:
        raise click.ClickException(f"there is no account {attributes['account_id']}") from None
    click.echo(token)


@tokens.command("list")
@_account
@database_option
def list_tokens(database_url: str, account_id: int) -> None:
    """List an account's tokens: id, name, scope, last used, revoked."""

    async def read(connection: asyncpg.Connection) -> list[Any]:
        query = queries.load("tokens").token_list
        return [row async for row in query(connection, account_id=account_id, after=None, limit=INT32_MAX)]

    for row in run_on(database_url, read):
        used = f"used {row['last_used_at']:%Y-%m-%d %H:%M}" if row["last_used_at"] else "never used"
        revoked = f"revoked {row['revoked_at']:%Y-%m-%d %H:%M}" if row["revoked_at"] else "valid"
        click.echo(f"{row['id']}\t{row['name']}\t{row['scope']}\t{used}\t{revoked}")


@tokens.command("revoke")
@click.argument("token_id", type=click.IntRange(1))
@_account
@database_option
def revoke_token(database_url: str, account_id: int, token_id: int) -> None:
    """Revoke a token by its id; running API processes forget it within seconds."""
    query = queries.load("tokens").token_revoke
    row = run_on(database_url, lambda connection: query(connection, account_id=account_id, id=token_id))
    if row is None:
        raise click.ClickException(f"account {account_id} has no token {token_id}")
    click.echo(f"revoked {row['name']}")
