"""A small vendor for the local stack: demo files as CSV, XML and JSON, over HTTP and FTP, on loopback.

`python -m deploy.demo.vendor` listens on DEMO_VENDOR_HTTP_PORT and DEMO_VENDOR_FTP_PORT of 127.0.0.1 (user and password
are both `demo`) and serves /readyz on MONITOR_PORT. Nothing of it is meant for more than a demonstration.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import tempfile
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import aioftp
import orjson
from aiohttp import web

from schemas import monitor

HOST, USER, PASSWORD = "127.0.0.1", "demo", "demo"
ITEMS = 40
_NAMES = ("Lamp", "Chair", "Table", "Rug", "Shelf", "Mirror", "Vase", "Clock")
_COLOURS = ("Crème", "Black", "Walnut", "Grün", "White")


def files() -> dict[str, bytes]:
    """Return file name → content: each format as vendors really send it, each with one row that is wrong."""
    return {"stock.csv": _csv(), "merchant.xml": _xml(), "inventory.json": _json()}


def _row(number: int) -> tuple[str, str, int, int]:
    name = f"{_NAMES[number % len(_NAMES)]} {_COLOURS[number % len(_COLOURS)]}"
    return f"{number:04}", name, (number * 7) % 50, 900 + number * 125


def _csv() -> bytes:
    """Semicolons, Windows-1252, decimal commas."""
    lines = ["Artikel;Bezeichnung;Bestand;Einkaufspreis"]
    for number in range(1, ITEMS + 1):
        key, name, quantity, cents = _row(number)
        lines.append(f'C-{key};"{name}";{quantity};{cents // 100},{cents % 100:02}')
    lines.append('C-9999;"Row with a quantity that is none";soon;1,00')
    return "\r\n".join(lines).encode("cp1252")


def _xml() -> bytes:
    """Google Merchant's RSS."""
    items = []
    for number in range(1, ITEMS + 1):
        key, name, quantity, cents = _row(number)
        items.append(
            f"<item><g:id>X-{key}</g:id><g:title>{escape(name)}</g:title>"
            f"<g:quantity>{quantity}</g:quantity><g:price>{cents / 100:.2f}</g:price></item>"
        )
    items.append("<item><g:title>Item without an id</g:title></item>")
    space = 'xmlns:g="http://base.google.com/ns/1.0"'
    body = "".join(items)
    return f'<?xml version="1.0" encoding="UTF-8"?><rss {space}><channel>{body}</channel></rss>'.encode()


def _json() -> bytes:
    """The default shape: our own attribute names."""
    items: list[Mapping[str, object]] = []
    for number in range(1, ITEMS + 1):
        key, name, quantity, cents = _row(number)
        items.append({"externalId": f"J-{key}", "name": name, "inventoryQuantity": quantity, "costPrice": cents / 100})
    items.append({"externalId": "J-9999", "inventoryQuantity": 12.5})
    return orjson.dumps({"items": items})


def application() -> web.Application:
    """Return the vendor's HTTP side: basic authentication, ETags."""
    served = files()
    expected = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != expected:
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
        content = served.get(request.match_info["name"])
        if content is None:
            return web.Response(status=404)
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        return web.Response(body=content, headers={"ETag": tag}, content_type="application/octet-stream")

    app = web.Application()
    app.router.add_get("/{name}", answer)
    return app


async def serve(http_port: int, ftp_port: int, monitor_port: int, folder: Path) -> None:
    """Serve until cancelled; `folder` takes the files that FTP serves."""
    for name, content in files().items():
        (folder / name).write_bytes(content)
    reading = aioftp.Permission("/", readable=True, writable=False)
    ftp = aioftp.Server([aioftp.User(USER, PASSWORD, base_path=folder, permissions=[reading])])
    monitored = monitor.application(alive=lambda: None, ready=lambda: None)
    runners = [web.AppRunner(app, access_log=None) for app in (application(), monitored)]
    try:
        await ftp.start(HOST, ftp_port)
        for runner, port in zip(runners, (http_port, monitor_port), strict=True):
            await runner.setup()
            await web.TCPSite(runner, HOST, port).start()
        await asyncio.Event().wait()
    finally:
        for runner in runners:
            await runner.cleanup()
        await ftp.close()


async def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    http_port, ftp_port, monitor_port = (
        int(os.environ[name]) for name in ("DEMO_VENDOR_HTTP_PORT", "DEMO_VENDOR_FTP_PORT", "MONITOR_PORT")
    )
    with tempfile.TemporaryDirectory(prefix="feedline-demo-") as folder:
        try:
            await serve(http_port, ftp_port, monitor_port, Path(folder))
        except asyncio.CancelledError:
            return


if __name__ == "__main__":
    asyncio.run(main())
