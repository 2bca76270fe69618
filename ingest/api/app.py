"""The API's application and its composition root: routes from the table, one pool, one publisher."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from aiohttp import web

from ingest.amqp.depths import QueueDepths
from ingest.amqp.publishing import publisher as publisher_of
from ingest.amqp.replies import Replies
from ingest.api import docs
from ingest.api.framework.auth import TOKENS_KEY, Tokens
from ingest.api.framework.call import SERVICES, Services
from ingest.api.framework.dispatch import handler_of
from ingest.api.framework.operation import Operation
from ingest.api.framework.postgres import new_pool
from ingest.api.framework.ratelimit import BUCKETS, Buckets
from ingest.api.framework.recent import Recent
from ingest.api.health import HEALTH, Health
from ingest.api.resources.overview import MOST_OVER, OVER
from ingest.api.resources.usage_history import CURVES, MOST_CURVES
from ingest.api.routes import OPERATIONS
from ingest.api.shared.conditions import MOST_REMEMBERED, POSTS
from ingest.changes.waiting import WAITING, Waiting
from ingest.http.problems import middleware
from ingest.http.request_ids import request_ids, tell_request_id
from ingest.http.serving import end_after_chunks
from ingest.pull.parse.process.parsers import Parsers
from schemas import monitor
from schemas.secrets import Vault
from schemas.settings import Settings, process_name

STOPPING: web.AppKey[Callable[[], bool]] = web.AppKey("stopping")
"""Whether the process was told to stop: readiness falls first."""


def application(settings: Settings) -> web.Application:
    """Return the API's application; it opens its connections when it starts and closes them when it ends."""
    app = web.Application(middlewares=[request_ids, middleware("api")], client_max_size=settings.body_limit_bytes)
    app[BUCKETS] = Buckets()
    app[HEALTH] = Health()
    app[STOPPING] = lambda: False
    app[WAITING] = Waiting()
    app[OVER], app[POSTS], app[CURVES] = Recent(MOST_OVER), Recent(MOST_REMEMBERED), Recent(MOST_CURVES)
    app.on_response_prepare.extend((tell_request_id, end_after_chunks))
    app.on_shutdown.append(_nobody_waits)
    app.cleanup_ctx.append(_services(settings))
    add_operations(app, OPERATIONS)
    docs.add_routes(app, settings, OPERATIONS)
    monitor.add_routes(app, monitor.public_answers(alive=lambda: None, ready=lambda: ready(app)))
    return app


async def _nobody_waits(app: web.Application) -> None:
    app[WAITING].end()


def ready(app: web.Application) -> str | None:
    """Return None while requests of every kind can be answered, else one line that says why not."""
    return "stopping" if app[STOPPING]() else app[HEALTH].postgres or app[SERVICES].publisher.ready()


def add_operations(app: web.Application, operations: tuple[Operation, ...]) -> None:
    """Add a route for each operation."""
    for operation in operations:
        for route in operation.routes:
            app.router.add_route(operation.method, route, handler_of(operation))


def _services(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    async def context(app: web.Application) -> AsyncIterator[None]:
        async with (
            new_pool(settings) as pool,
            publisher_of(settings, process_name("api")) as publisher,
            Replies(settings, publisher) as replies,
            QueueDepths(settings) as depths,
            Parsers() as parsers,
        ):
            app[SERVICES] = Services(settings, pool, Vault(*settings.keys), publisher, replies, depths, parsers)
            app[TOKENS_KEY] = Tokens(pool)
            yield

    return context
