"""Webhooks out, signed as Standard Webhooks says, to public addresses alone.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp

from ingest.deliver.deliverer import Refused
from ingest.deliver.message import Message, headers_of
from ingest.pull.fetch.errors import FetchError, FetchUnavailable
from ingest.pull.fetch.guard import Guard, GuardedResolver
from schemas.secrets import Vault

TIMEOUT_S = 15.0
_CONNECT_TIMEOUT_S = 5.0
_GONE = 410


@asynccontextmanager
async def session(guard: Guard) -> AsyncIterator[aiohttp.ClientSession]:
    """Open the deliverer's session: it connects to checked addresses alone and keeps no cookies."""
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(guard), socket_factory=guard.socket, use_dns_cache=False, limit=0, limit_per_host=4
    )
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)
    headers = {"User-Agent": "Feedline (webhooks)"}
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=headers, cookie_jar=aiohttp.DummyCookieJar()
    ) as opened:
        yield opened


class Webhooks:
    """The way to endpoints of the kind webhook."""

    def __init__(self, opened: aiohttp.ClientSession, vault: Vault) -> None:
        self._session = opened
        self._vault = vault

    async def send(self, endpoint: Any, message: Message, now: datetime) -> int:
        """Post a message; a redirect is not followed, for it would lead past who was asked."""
        headers = headers_of(message, self._secrets(endpoint, now), now)
        try:
            async with self._session.post(
                endpoint["url"], data=message.body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except TimeoutError:
            raise Refused(f"no answer within {TIMEOUT_S:.0f} s") from None
        except (aiohttp.ClientError, FetchError, FetchUnavailable, OSError, ValueError) as error:
            raise Refused(_reason(error)) from None
        if not 200 <= status < 300:  # noqa: PLR2004 - RFC 9110: successful
            raise Refused(f"answered {status}", status, gone=status == _GONE)
        return status

    def _secrets(self, endpoint: Any, now: datetime) -> list[str]:
        held = self._vault.decrypt(endpoint["secrets"])
        until = endpoint["previous_secret_until"]
        return [held["secret"]] + ([held["previous"]] if until is not None and until > now else [])


def _reason(error: BaseException) -> str:
    """Return what happened, in the words of the guard if it was the guard."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, FetchError | FetchUnavailable):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    return f"{type(error).__name__}: {error}"
