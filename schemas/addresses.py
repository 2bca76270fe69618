"""Servers of which there are several: an address that names more than one, and one after the other tried.

Pure but for `first`, which is handed the way to open one.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

EACH_S = 2.0
"""How long one server of several may keep us waiting before the next is asked (seconds)."""
_T = TypeVar("_T")


def brokers(address: str, start: float | None = None) -> list[str]:
    """Return the AMQP URLs of a comma list, from a place that differs from process to process.

    `start` (0 to 1) is where to begin; by chance if not given, so that processes spread over the brokers. A comma
    in a password is percent-encoded.
    """
    urls = [url.strip() for url in re.split(r",(?=\s*amqps?://)", address) if url.strip()]
    place = int((random.random() if start is None else start) * len(urls))  # noqa: S311 - no secret
    return urls[place:] + urls[:place]


def hosts(dsn: str) -> list[str]:
    """Return one address a host of `postgresql://user:password@host1:port,host2:port/name?…`, in their order.

    With several, only one that takes writes will do (`target_session_attrs=read-write`), unless the address says
    otherwise.
    Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS
    """
    parts = urlsplit(dsn)
    login, at, places = parts.netloc.rpartition("@")
    each = places.split(",")
    if len(each) == 1:
        return [dsn]
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query.setdefault("target_session_attrs", "read-write")
    return [urlunsplit(parts._replace(netloc=f"{login}{at}{place}", query=urlencode(query))) for place in each]


async def first(addresses: Sequence[str], open_one: Callable[[str], Awaitable[_T]], timeout_s: float) -> _T:
    """Return what the first server opens that does; each of several has `EACH_S`, a single one `timeout_s`.

    Raises the last one's error: what `open_one` raises, or TimeoutError.
    """
    each_s = timeout_s if len(addresses) == 1 else min(EACH_S, timeout_s)
    for last, address in enumerate(addresses, 1 - len(addresses)):
        try:
            async with asyncio.timeout(each_s):
                return await open_one(address)
        except Exception:
            if last == 0:
                raise
    raise ValueError("no address")
