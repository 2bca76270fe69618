"""What a handler is given, and what it gives back.

Every query of a handler goes through `Call.db`, which adds the caller's account to it: the one place where accounts
are kept apart.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import asyncpg
from aiohttp import web

from ingest.amqp.depths import Depths
from ingest.amqp.publish import Publisher
from ingest.amqp.replies import Replies
from ingest.api.framework.caller import Caller, Scope
from ingest.api.framework.etags import is_version
from ingest.http.origins import origin
from ingest.http.problems import ProblemError
from ingest.pull.parse.process.parsers import Parsers
from schemas.secrets import Vault
from schemas.settings import Settings

Q = TypeVar("Q")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Services:
    """What all requests of a process share."""

    settings: Settings
    pool: asyncpg.Pool
    vault: Vault
    publisher: Publisher
    replies: Replies
    depths: Depths
    parsers: Parsers


SERVICES = web.AppKey("services", Services)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler returns.

    `body` is a `Resource`, a dict or list of JSON values or resources, or None for no content. `status` None means the
    operation's own. `updated_at` is the version of a single resource (default: the body's attribute of that name).
    """

    body: Any = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    updated_at: datetime | None = None


class Scoped:
    """Runs named queries for one account: each gets `account_id`, and one that does not ask for it is refused.

    With `account_id` None (`Call.everything`) queries are about all accounts.
    """

    def __init__(self, executor: Any, account_id: int | None) -> None:
        """Take a pool, for single statements, or a connection, for a transaction."""
        self._executor = executor
        self.account_id = account_id

    async def all(self, query: Any, **arguments: Any) -> list[Any]:
        """Return all rows of a query (aiosql: `name`)."""
        return [row async for row in query(self._executor, **self._scoped(query, arguments))]

    async def one(self, query: Any, **arguments: Any) -> Any:
        """Return one row or None (aiosql: `name^`), one value (`name$`), or what a command tells (`name!`)."""
        return await query(self._executor, **self._scoped(query, arguments))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Scoped]:
        """Run what is inside in one transaction on one connection; `.connection` is that connection."""
        async with self.connected() as connection, connection.transaction():
            try:
                yield Scoped(connection, self.account_id)
            except TimeoutError:  # Postgres is silent: to roll back would be to wait for it as long again
                connection.terminate()
                raise

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Any]:
        """Lend one connection: the transaction's, within one."""
        if isinstance(self._executor, asyncpg.Pool):
            async with self._executor.acquire() as connection:
                yield connection
        else:
            yield self._executor

    @property
    def connection(self) -> asyncpg.Connection:
        """Return the transaction's connection, for what needs one (locks, COPY)."""
        return self._executor

    def _scoped(self, query: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.account_id is None:
            return arguments
        assert "account_id" in query.parameters, f"{query.__name__} is not scoped by account"
        return {**arguments, "account_id": self.account_id}


@dataclass(slots=True)
class Call(Generic[Q, B]):
    """One request, authenticated and validated: `query` and `body` have the types of the operation called `name`."""

    request: web.Request
    name: str
    caller: Caller
    path: dict[str, Any]
    query: Q
    body: B
    warnings: list[dict[str, Any]] = field(default_factory=list)
    executor: Any = None
    """The connection whose transaction holds all that the handler does; None: each statement is one of its own."""
    later: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What is done once that transaction has committed."""

    @property
    def services(self) -> Services:
        """Return what all requests share."""
        return self.request.app[SERVICES]

    @property
    def origin(self) -> str:
        """Return the API's scheme and host, as the caller sees them."""
        settings = self.services.settings
        return origin(self.request, settings.public_api_url, trust_forwarded=settings.trust_forwarded)

    @property
    def id(self) -> int:
        """Return the path's `{id}`."""
        value: int = self.path["id"]
        return value

    @property
    def account_id(self) -> int:
        """Return the caller's account."""
        return self.caller.account_id

    @property
    def db(self) -> Scoped:
        """Return the database as this account sees it."""
        return self.of_account(self.caller.account_id)

    def of_account(self, account_id: int) -> Scoped:
        """Return the database as an account sees it; another account's, for operators."""
        assert account_id == self.caller.account_id or self.caller.scope == Scope.OPERATOR
        return Scoped(self.executor or self.services.pool, account_id)

    @property
    def everything(self) -> Scoped:
        """Return the database of all accounts, for operators."""
        assert self.caller.scope == Scope.OPERATOR
        return Scoped(self.executor or self.services.pool, None)

    def problem(
        self, status: int, reason: str, detail: str, details: dict[str, Any] | None = None, **headers: str
    ) -> ProblemError:
        """Return a problem with the code `api.<resource>.<action>.<reason>`, to be raised.

        `details` has one entry a field: `{"code", "message"}`. Headers are given with underscores (`Retry_After="1"`).
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ProblemError(status, f"api.{self.name}.{reason}", detail, details or {}, named)

    def not_found(self, what: str | None = None) -> ProblemError:
        """Return the 404 of a resource that is not there, or is another account's."""
        return self.problem(404, "not_found", f"there is no {what or 'such resource'} with this id")

    def invalid(self, field: str, code: str, message: str) -> ProblemError:
        """Return the 422 of one attribute that cannot be, found by the handler."""
        return self.problem(422, "invalid", f"{field}: {message}", {field: {"code": code, "message": message}})

    def check_match(self, updated_at: datetime) -> None:
        """Raise 412 when the request has an `If-Match` that is not this version; call it under a row lock."""
        expected = self.request.headers.get("If-Match")
        if expected is not None and not is_version(expected, updated_at):
            raise self.problem(412, "changed", "the resource was changed since it was read: read it again")

    def found(self, row: Any, what: str) -> Any:
        """Return a resource's row; raises 404 when there is none."""
        if row is None:
            raise self.not_found(what)
        return row

    def unchanged(self, row: Any, what: str) -> Any:
        """Return a resource's row, read under its lock; raises 404 when there is none, 412 as `check_match` does."""
        self.check_match(self.found(row, what)["updated_at"])
        return row

    def page(self, rows: Sequence[Any], body: Sequence[Any], cursor: str = "id") -> Answer:
        """Return a page of `query.limit` resources; `rows` were read with a limit of one more, which tells of more.

        `cursor` is the column of `rows` that `after` continues from.
        """
        skip: int = self.query.skip  # type: ignore[attr-defined]
        limit: int = skip + self.query.limit  # type: ignore[attr-defined]
        if len(rows) <= limit:
            return Answer(list(body[skip:]))
        return Answer(list(body[skip:limit]), headers=self.next_page(str(rows[limit - 1][cursor])))

    def next_page(self, after: str) -> dict[str, str]:
        """Return the header with the address of the page that continues there."""
        query = {name: value for name, value in self.request.query.items() if name not in ("page", "offset")}
        target = self.request.rel_url.with_query({**query, "after": after})
        return {"Link": f'<{self.origin}{target}>; rel="next"'}
