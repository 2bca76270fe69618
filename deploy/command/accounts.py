"""`feedline accounts` and `feedline tokens`: who may use the system, from the command line.

They need just `DATABASE_URL`. A new token is written to standard output, alone on its line, and cannot be shown again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import click
from pydantic import TypeAdapter, ValidationError

from deploy.command.database import database_option, run_on
from ingest.accounts import sandbox, store
from ingest.accounts.store import ACCOUNTS, TOKENS
from schemas.attributes import INT32_MAX, Name, TimeZone
from schemas.secrets import new_token, token_digest

_LEAST_RATE, _LARGEST_RATE = 0.01, 1_000_000.0
_SCOPES = ("read", "write", "admin", "operator")

_id = click.argument("account_id", type=click.IntRange(1))
_account = click.option("--account", "account_id", type=click.IntRange(1), required=True, help="The account's id.")


def _checked(of: Any) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """Return a click callback that takes what the API would take."""

    def check(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
        if value is None:
            return None
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


def _in_utc(_context: click.Context, _parameter: click.Parameter, value: datetime | None) -> datetime | None:
    return value and value.replace(tzinfo=UTC)


def _limit(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int | None] | None:
    """Take a whole number, or "none" for unlimited, as a tuple of one; None when nothing was given."""
    if value == "":
        return None
    if value == "none":
        return (None,)
    if not value.isdecimal() or int(value) > INT32_MAX:
        raise click.BadParameter(f"expected a whole number up to {INT32_MAX}, or none")
    return (int(value),)


@click.group()
def accounts() -> None:
    """Create, list, limit, suspend and delete accounts."""


@accounts.command("create")
@click.argument("name", callback=_checked(Name))
@click.option("--plan", default="standard", show_default=True, callback=_checked(Name))
@click.option("--daily-sku-limit", type=click.IntRange(0, INT32_MAX), help="Feed variants a day.  [default: unlimited]")
@click.option("--time-zone", default="UTC", show_default=True, callback=_checked(TimeZone))
@database_option
def create_account(database_url: str, **attributes: Any) -> None:
    """Create an account and write its id."""
    row = run_on(database_url, lambda connection: ACCOUNTS.account_create(connection, **attributes))
    click.echo(row["id"])


@accounts.command("list")
@database_option
def list_accounts(database_url: str) -> None:
    """List all accounts: id, name, plan, daily limit, time zone, whether suspended."""

    async def read(connection: asyncpg.Connection) -> list[Any]:
        page = ACCOUNTS.account_page
        return [row async for row in page(connection, after=None, name=None, limit=INT32_MAX)]

    for row in run_on(database_url, read):
        limit = "unlimited" if row["daily_sku_limit"] is None else row["daily_sku_limit"]
        state = "active" if row["suspended_at"] is None else f"suspended {row['suspended_at']:%Y-%m-%d %H:%M}"
        click.echo(f"{row['id']}\t{row['name']}\t{row['plan']}\t{limit}\t{row['time_zone']}\t{state}")


@accounts.command("set")
@_id
@click.option("--plan", callback=_checked(Name))
@click.option("--daily-sku-limit", metavar="NUMBER|none", callback=_limit, default="")
@database_option
def set_account(database_url: str, account_id: int, **given: Any) -> None:
    """Set an account's plan or daily SKU limit; a higher limit releases deferred items."""
    changes = {name: value for name, value in given.items() if value not in (None, "")}
    if "daily_sku_limit" in changes:
        changes["daily_sku_limit"] = changes["daily_sku_limit"][0]

    async def change(connection: asyncpg.Connection) -> Any:
        async with connection.transaction():
            row = await ACCOUNTS.account_lock(connection, account_id=account_id)
            names = ("name", "plan", "daily_sku_limit", "time_zone", "requests_per_second")
            values = row and {name: changes.get(name, row[name]) for name in names}
            return row and await ACCOUNTS.account_update(connection, account_id=account_id, **values)

    _must_be(run_on(database_url, change), account_id)


@accounts.command("suspend")
@_id
@click.option("--reason", callback=_checked(Name), help="Shown to the account and to its vendors.")
@database_option
def suspend_account(database_url: str, account_id: int, reason: str | None) -> None:
    """Let an account read only: its posts are refused, its feeds not fetched."""
    _must_be(_suspend(database_url, account_id, reason, suspended=True), account_id)


@accounts.command("resume")
@_id
@database_option
def resume_account(database_url: str, account_id: int) -> None:
    """End an account's suspension."""
    _must_be(_suspend(database_url, account_id, None, suspended=False), account_id)


@accounts.command("delete")
@_id
@click.confirmation_option(prompt="Delete the account with all its feeds and feed variants?")
@database_option
def delete_account(database_url: str, account_id: int) -> None:
    """Delete an account: its tokens and hashes stop working at once, its rows go in the background."""

    async def delete(connection: asyncpg.Connection) -> Any:
        async with connection.transaction():
            return await store.delete(connection, account_id)

    _must_be(run_on(database_url, delete), account_id)


def _suspend(database_url: str, account_id: int, reason: str | None, *, suspended: bool) -> Any:

    async def change(connection: asyncpg.Connection) -> Any:
        async with connection.transaction():
            return await store.suspend(connection, account_id, suspended=suspended, reason=reason)

    return run_on(database_url, change)


def _must_be(row: Any, account_id: int) -> None:
    if row is None:
        raise click.ClickException(f"there is no account {account_id}")


@accounts.command("sandbox")
@_id
@database_option
def sandbox_of(database_url: str, account_id: int) -> None:
    """Make an account's sandbox, if it has none, and write its id, its feed's id and its feed's hash."""

    async def make(connection: asyncpg.Connection) -> sandbox.Sandbox | None:
        async with connection.transaction():
            return await sandbox.made(connection, account_id)

    found = run_on(database_url, make)
    _must_be(found, account_id)
    assert found is not None
    click.echo(f"{found.account_id}\t{found.feed_id}\t{found.hash}")


@accounts.command("rate-limit")
@_id
@click.argument("rate", callback=_rate)
@database_option
def limit_rate(database_url: str, account_id: int, rate: float | None) -> None:
    """Let an account make RATE changes, or twice as many reads, a second by the API; "none" lifts the limit."""
    query = ACCOUNTS.account_rate_limit
    _must_be(run_on(database_url, lambda connection: query(connection, account_id=account_id, rate=rate)), account_id)


@click.group()
def tokens() -> None:
    """Create, list and revoke API tokens."""


@tokens.command("create")
@_account
@click.option("--name", required=True, callback=_checked(Name), help="What it is for.")
@click.option("--scope", type=click.Choice(_SCOPES), default="read", show_default=True)
@click.option("--expires-at", type=click.DateTime(), callback=_in_utc, help="In UTC.  [default: never]")
@click.option("--provider", "dropship_provider_id", type=click.IntRange(1), help="For this provider's feeds alone.")
@click.option("--feed", "inventory_feed_id", type=click.IntRange(1), help="For this feed alone.")
@database_option
def create_token(database_url: str, **attributes: Any) -> None:
    """Create a token and write it, this one time."""
    token = new_token()
    attributes["token_hash"] = token_digest(token)
    if attributes["scope"] in ("admin", "operator") and (
        attributes["dropship_provider_id"] or attributes["inventory_feed_id"]
    ):
        raise click.UsageError("a bound token has scope read or write: admin is for the whole account")
    try:
        row = run_on(database_url, lambda connection: TOKENS.token_create(connection, **attributes))
        if row is None:
            raise click.ClickException(f"account {attributes['account_id']} has no such provider or feed")
    except asyncpg.ForeignKeyViolationError:
        raise click.ClickException(f"there is no account {attributes['account_id']}") from None
    click.echo(token)


@tokens.command("list")
@_account
@database_option
def list_tokens(database_url: str, account_id: int) -> None:
    """List an account's tokens: id, name, scope, last used, revoked."""

    async def read(connection: asyncpg.Connection) -> list[Any]:
        query = TOKENS.token_list
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
    query = TOKENS.token_revoke
    row = run_on(database_url, lambda connection: query(connection, account_id=account_id, id=token_id, operator=True))
    if row is None:
        raise click.ClickException(f"account {account_id} has no token {token_id}")
    click.echo(f"revoked {row['name']}")
