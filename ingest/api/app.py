"""The API's application and its composition root: routes from the table, one pool, one publisher."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import asyncpg
import orjson
from aiohttp import web

from ingest.api import docs
from ingest.api.auth import TOKENS_KEY, Tokens
from ingest.api.call import SERVICES, Services
from ingest.api.dispatch import handler_of
from ingest.api.operation import Operation
from ingest.api.ratelimit import BUCKETS, Buckets
from ingest.api.routes import OPERATIONS
from ingest.problems import middleware
from ingest.publish import Publisher
from schemas import monitor
from schemas.secrets import Vault
from schemas.settings import Settings, process_name

POOL_SIZE = 10
CONNECT_TIMEOUT_S = 5.0
QUERY_TIMEOUT_S = 30.0


def application(settings: Settings) -> web.Application:
    """Return the API's application; it opens its connections when it starts and closes them when it ends."""
    app = web.Application(middlewares=[middleware("api")], client_max_size=settings.body_limit_bytes)
    app[BUCKETS] = Buckets()
    app.cleanup_ctx.append(_services(settings))
    add_operations(app, OPERATIONS)
    docs.add_routes(app, settings, OPERATIONS)

    def ready() -> str | None:
        return app[SERVICES].publisher.ready()

    monitor.add_routes(app, alive=lambda: None, ready=ready)
    return app


def add_operations(app: web.Application, operations: tuple[Operation, ...]) -> None:
    """Add a route for each operation."""
    for operation in operations:
        for route in operation.routes:
            app.router.add_route(operation.method, route, handler_of(operation))


async def _json(connection: asyncpg.Connection) -> None:
    """Let jsonb columns be Python values."""
    await connection.set_type_codec(
        "jsonb", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads, schema="pg_catalog"
    )


def _services(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(app: web.Application) -> AsyncIterator[None]:
        # min_size=0: the API starts, and says 503, while Postgres is away; so does the publisher for RabbitMQ.
        async with (
            asyncpg.create_pool(
                settings.dsn,
                min_size=0,
                max_size=POOL_SIZE,
                command_timeout=QUERY_TIMEOUT_S,
                timeout=CONNECT_TIMEOUT_S,
                init=_json,
            ) as pool,
            Publisher(settings, process_name("api")) as publisher,
        ):
            app[SERVICES] = Services(settings, pool, Vault(settings.key), publisher)
            app[TOKENS_KEY] = Tokens(pool)
            yield

    return context
