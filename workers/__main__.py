"""`python -m workers`: one worker process; `python -m workers watch`: a watcher. Settings: docs/settings.md."""

from __future__ import annotations

import gc
import logging
import sys

import uvloop

from schemas import logs, settings
from schemas.agreement import agree
from schemas.errors import Permanent
from schemas.tracing import exported
from workers.service import Worker

_GC_THRESHOLD = 50_000
"""A window makes some thousands of objects and drops them all; looking for cycles among them every 700 costs a tenth
of its time."""


def main() -> None:
    """Run a worker, or a watcher, until SIGTERM; exits non-zero when a part of it dies."""
    if sys.argv[1:] not in ([], ["watch"]):
        sys.exit("usage: python -m workers [watch]")
    watches = bool(sys.argv[1:])
    configured = settings.load()
    logs.configure("watch" if watches else "worker", configured.log_level)
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # we log what a lost connection means ourselves

    if watches:
        from workers.watch import main as watch  # noqa: PLC0415 - its cipher takes 7 MB, which no worker needs
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)

    async def serve() -> int:
        agreed = await agree(configured)
        if watches:
            return await watch.main(agreed)
        with exported(agreed, "worker"):
            return await Worker(agreed).run()

    try:
        sys.exit(uvloop.run(serve()))
    except Permanent as error:
        sys.exit(f"cannot start: {error}")


if __name__ == "__main__":
    main()
