"""The yardstick of the edge: an aiohttp handler that reads the body and answers, on the same event loop.

Run as `python -m deploy.bench.bare PORT`.
"""

from __future__ import annotations

import sys

import uvloop
from aiohttp import web


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=202)


async def _serve(port: int) -> None:
    app = web.Application()
    app.router.add_post("/", _answer)
    await web._run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)  # noqa: SLF001


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
