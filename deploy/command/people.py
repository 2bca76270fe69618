"""`feedline people` and `feedline login-link`: who may sign in to the dashboard, from the command line."""

from __future__ import annotations

from typing import Any

import asyncpg
import click

from deploy.command.database import database_option, run_on
from ingest.pages.sessions.links import new_link
from ingest.pages.sessions.passwords import MIN_LENGTH, password_hash
from ingest.pages.sessions.roles import Role
from schemas import queries
from schemas.settings import Settings

PEOPLE = queries.load("people", beside=__file__)
_ROLES = tuple(Role)
_account = click.option("--account", "account_id", type=click.IntRange(1), required=True, help="The account's id.")
_role = click.option("--role", type=click.Choice(_ROLES), default=Role.VIEWER, show_default=True)
_password = click.option(
    "--password", help=f"At least {MIN_LENGTH} characters; asked for when not given.", prompt=True, hide_input=True,
    confirmation_prompt=True,
)  # fmt: skip


@click.group()
def people() -> None:
    """Let people sign in to the dashboard, with a name, a password and a role."""


@people.command("create")
@click.argument("name")
@_account
@_role
@_password
@database_option
def create_person(database_url: str, name: str, password: str, **attributes: Any) -> None:
    """Create a person and write their id. Roles: viewer, editor, admin; operator sees the fleet too."""
    if not name.strip() or len(name) > 100:  # noqa: PLR2004 - a name, not a novel
        raise click.BadParameter("expected a name of 1 to 100 characters")
    given = {"name": name.strip(), "password_hash": _hash(password), **attributes}
    try:
        click.echo(run_on(database_url, lambda connection: PEOPLE.person_create(connection, **given)))
    except asyncpg.UniqueViolationError:
        raise click.ClickException(f"there is a person named {name} already") from None
    except asyncpg.ForeignKeyViolationError:
        raise click.ClickException(f"there is no account {attributes['account_id']}") from None


@people.command("list")
@click.option("--account", "account_id", type=click.IntRange(1), help="Just this account's.")
@database_option
def list_people(database_url: str, account_id: int | None) -> None:
    """List people: id, account, name, role, last signed in, disabled."""

    async def read(connection: asyncpg.Connection) -> list[Any]:
        return [row async for row in PEOPLE.person_list(connection, account_id=account_id)]

    for row in run_on(database_url, read):
        last = f"signed in {row['signed_in_at']:%Y-%m-%d %H:%M}" if row["signed_in_at"] else "never signed in"
        state = f"disabled {row['disabled_at']:%Y-%m-%d %H:%M}" if row["disabled_at"] else "may sign in"
        click.echo(f"{row['id']}\t{row['account_id']}\t{row['name']}\t{row['role']}\t{last}\t{state}")


@people.command("change")
@click.argument("person_id", type=click.IntRange(1))
@click.option("--role", type=click.Choice(_ROLES))
@click.option("--new-password", is_flag=True, help="Ask for a new password.")
@click.option("--enable/--disable", "enabled", default=None, help="Disabling ends their sessions at once.")
@database_option
def change_person(database_url: str, person_id: int, new_password: bool, **attributes: Any) -> None:
    """Give a person another role or password, or take their access away."""
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True) if new_password else None
    given = {"id": person_id, "password_hash": password and _hash(password), **attributes}
    row = run_on(database_url, lambda connection: PEOPLE.person_update(connection, **given))
    if row is None:
        raise click.ClickException(f"there is no person {person_id}")
    click.echo(f"{row['name']}: {row['role']}, {'disabled' if row['disabled_at'] else 'may sign in'}")


@click.command("login-link")
@_account
@click.option("--role", type=click.Choice(_ROLES), default=Role.OPERATOR, show_default=True)
@click.option(
    "--url", help="The dashboard's address.  [default: PUBLIC_API_URL, or the API's own]", envvar="PUBLIC_API_URL"
)
@database_option
def login_link(database_url: str, account_id: int, role: str, url: str | None) -> None:
    """Write a link that signs in to the dashboard once, within five minutes."""

    async def make(connection: asyncpg.Connection) -> str:
        return await new_link(connection, account_id, Role(role))

    try:
        path = run_on(database_url, make)
    except asyncpg.ForeignKeyViolationError:
        raise click.ClickException(f"there is no account {account_id}") from None
    default = f"http://127.0.0.1:{Settings.model_fields['api_port'].default}"
    click.echo(f"{(url or default).rstrip('/')}{path}")


def _hash(password: str) -> str:
    try:
        return password_hash(password)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
