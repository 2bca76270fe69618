"""The addresses of a local stack: ports that are free, URLs as people type them, real servers that answer."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress

import psycopg

from deploy.local.folder import Local
from deploy.local.processes import is_free
from schemas.amqp.tap import AWAY, open_link
from schemas.settings import Settings

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - these are compared, not bound
_CONNECT_S, _HEARTBEAT_S = 10, 10
_OLDEST_POSTGRES = 15_00_00


class Refused(Exception):
    """The stack cannot start as it is asked to; the message names the setting."""


def url(host: str, port: int) -> str:
    """Return the address at which a server that listens on `host` is reached from this machine."""
    shown = _WILDCARDS.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def choose_ports(
    settings: Settings, explicit: frozenset[str], local: Local, notice: Callable[[str], None]
) -> tuple[int, int]:
    """Return the ports of edge and API: those that somebody chose, the usual ones, or free ones when those are taken.

    Raises `Refused` when a port that was chosen cannot be used.
    """
    chosen: list[int] = []
    for variable, wanted in (("port", settings.port), ("api_port", settings.api_port)):
        usable = wanted not in (0, *chosen) and is_free(wanted, settings.host)
        if not usable and wanted and variable in explicit:
            raise Refused(
                f"{variable.upper()}: port {wanted} of {settings.host} cannot be used (taken by another program?)"
            )
        chosen.append(wanted if usable else local.port(variable))
        if wanted and not usable:
            notice(f"port {wanted} is taken, {chosen[-1]} is used ({variable.upper()} chooses)")
    return chosen[0], chosen[1]


def check_database(dsn: str) -> None:
    """Raise `Refused` when DATABASE_URL does not lead to a Postgres of a version that will do."""
    try:
        with psycopg.connect(dsn, connect_timeout=_CONNECT_S) as connection:
            version = connection.info.server_version
    except psycopg.Error as error:
        raise Refused(f"DATABASE_URL: {str(error).strip().splitlines()[0]}") from None
    if version < _OLDEST_POSTGRES:
        raise Refused(f"DATABASE_URL: Postgres 15 or newer is needed, this is {version // 10_000}")


async def check_amqp(address: str) -> None:
    """Raise `Refused` when AMQP_URL does not lead to a broker that lets us in."""
    try:
        link = await open_link(address, "feedline looks", _HEARTBEAT_S)
        await link.close()
    except (*AWAY, ValueError) as error:
        raise Refused(f"AMQP_URL: the broker cannot be used ({type(error).__name__}: {error})") from None


def is_ready(address: str) -> bool:
    """Return whether a process answers 200 at this address (its /readyz)."""
    with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310
        return bool(answer.status == 200)  # noqa: PLR2004
    return False
