"""`python -m ingest edge | api | pull | deliver`: the composition roots of the way in.

Each role is a module with `async def main(settings)`, which opens its sockets, serves until
SIGTERM or SIGINT, drains and returns; an exception ends the process with a non-zero status.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import uvloop

from schemas import logs, settings
from schemas.agreement import agree
from schemas.errors import FeedlineError
from schemas.logs import structlog
from schemas.tracing import exported

ROLES = {
    "edge": "ingest.edge.main",
    "api": "ingest.pages.main",
    "pull": "ingest.pull.main",
    "deliver": "ingest.deliver.main",
}
"""The API serves the dashboard too: `ingest.pages.main`."""


def main(arguments: list[str]) -> int:
    """Run one role to its end and return the exit status."""
    if len(arguments) != 1 or arguments[0] not in ROLES:
        sys.stderr.write(f"usage: python -m ingest {'|'.join(ROLES)}\n")
        return 2
    (role,) = arguments
    loaded = settings.load()
    logs.configure(role, loaded.log_level)
    try:
        uvloop.run(_serve(role, loaded))
    except (FeedlineError, OSError) as error:
        structlog.get_logger().error("stopped", reason=str(error))
        return 1
    return 0


async def _serve(role: str, loaded: settings.Settings) -> None:
    agreed = await agree(loaded)
    with exported(agreed, role):
        gc.disable()  # what modules make stays: to look through it again and again is a seventh of the loading
        module = import_module(ROLES[role])
        gc.enable()
        await module.main(agreed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
