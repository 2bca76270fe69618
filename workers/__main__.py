"""`python -m workers`: one worker process, configured by environment variables (docs/settings.md)."""

from __future__ import annotations

import gc
import logging
import sys

import uvloop

from schemas import logs, settings
from schemas.agreement import agree
from schemas.errors import Permanent
from workers.service import Worker

_GC_THRESHOLD = 50_000
"""A window makes some thousands of objects and drops them all; looking for cycles among them every 700 costs a tenth
of its time."""


def main() -> None:
    """Run a worker until SIGTERM; exits non-zero when a part of it dies."""
    configured = settings.load()
    logs.configure("worker", configured.log_level)
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # we log what a lost connection means ourselves

    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)

    async def serve() -> int:
        await agree(configured)
        return await Worker(configured).run()

    try:
        sys.exit(uvloop.run(serve()))
    except Permanent as error:
        sys.exit(f"cannot start: {error}")


if __name__ == "__main__":
    main()
