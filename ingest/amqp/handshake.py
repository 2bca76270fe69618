"""Opens an AMQP connection for publishing: connect, log in, tune, open the virtual host, one channel in confirm mode.

Source: the AMQP 0-9-1 specification, 2.2.4 (connection) and https://www.rabbitmq.com/docs/uri-spec,
/docs/uri-query-parameters for the address.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from pamqp import commands
from pamqp.common import FieldTable
from pamqp.header import ProtocolHeader

from ingest.amqp.wire import CHANNEL, Wire
from schemas.errors import Transient

_FRAME_MAX = 131_072
_HEARTBEAT_S = 15
_CAPABILITIES: FieldTable = {
    "publisher_confirms": True,
    "basic.nack": True,
    "connection.blocked": True,
    "authentication_failure_close": True,
}


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """What an AMQP URL says; never shown, for it holds the password."""

    host: str
    port: int
    user: str
    password: str
    vhost: str
    heartbeat_s: int
    tls: ssl.SSLContext | None


def parse(url: str) -> Address:
    """Read `amqp[s]://user:password@host:port/vhost?heartbeat=&cafile=&certfile=&keyfile=&no_verify_ssl=`."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    secure = parts.scheme == "amqps"
    return Address(
        host=parts.hostname or "localhost",
        port=parts.port or (5671 if secure else 5672),
        user=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        vhost=unquote(parts.path[1:]) or "/",
        heartbeat_s=int(query.get("heartbeat", _HEARTBEAT_S)),
        tls=_tls(query) if secure else None,
    )


def _tls(query: dict[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=query.get("cafile"))
    if "certfile" in query:
        context.load_cert_chain(query["certfile"], query.get("keyfile"))
    if query.get("no_verify_ssl", "0") != "0":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def connect(url: str, name: str, confirm_timeout_s: float) -> Wire:
    """Return an opened connection; `name` is shown in RabbitMQ. Raises `Transient` or `OSError` when it cannot."""
    address = parse(url)
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(
        lambda: Wire(loop, confirm_timeout_s), address.host, address.port, ssl=address.tls
    )
    try:
        await _open(wire, address, name)
    except BaseException:
        wire.abort("the handshake failed")
        raise
    return wire


async def _open(wire: Wire, address: Address, name: str) -> None:
    wire.send(ProtocolHeader().marshal())
    start = await wire.expect(commands.Connection.Start)
    if "PLAIN" not in start.mechanisms.split():
        raise Transient(f"RabbitMQ offers no PLAIN login, only {start.mechanisms}")
    properties: FieldTable = {"product": "feedline", "connection_name": name, "capabilities": _CAPABILITIES}
    wire.send_method(
        0, commands.Connection.StartOk(properties, response=f"\0{address.user}\0{address.password}", mechanism="PLAIN")
    )
    tune = await wire.expect(commands.Connection.Tune)
    frame_max = min(tune.frame_max or _FRAME_MAX, _FRAME_MAX)
    heartbeat_s = min(tune.heartbeat, address.heartbeat_s) or max(tune.heartbeat, address.heartbeat_s)
    wire.send_method(0, commands.Connection.TuneOk(tune.channel_max, frame_max, heartbeat_s))
    wire.send_method(0, commands.Connection.Open(address.vhost))
    await wire.expect(commands.Connection.OpenOk)
    wire.send_method(CHANNEL, commands.Channel.Open())
    await wire.expect(commands.Channel.OpenOk)
    wire.send_method(CHANNEL, commands.Confirm.Select())
    await wire.expect(commands.Confirm.SelectOk)
    wire.opened(frame_max, heartbeat_s)


async def close(wire: Wire, timeout_s: float = 2.0) -> None:
    """Say good-bye to the broker, and do not wait long for its answer."""
    if not wire.closed.done():
        wire.send_method(0, commands.Connection.Close(200, "normal shutdown", 0, 0))
        try:
            async with asyncio.timeout(timeout_s):
                await wire.expect(commands.Connection.CloseOk)
        except (TimeoutError, Transient):
            pass
    wire.abort("closed by us")
