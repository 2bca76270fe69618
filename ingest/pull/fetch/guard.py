"""Which addresses a feed may be pulled from, decided on the address that is connected to.

A feed's address can point at the inside network, be redirected there, or resolve there on the second look-up. So names
are resolved here, every address of a name is checked, and connections are made to the checked addresses themselves: a
later look-up never gets a say. Ranges: IANA's special-purpose registries (RFC 6890 and its updates).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult

from ingest.pull.fetch.errors import FetchCode, FetchError, FetchUnavailable

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses; raises OSError when there are none."""

_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ip_network("2000::/3")
_NEVER = tuple(
    ip_network(name)
    for name in (
        "168.63.129.16/32",  # Azure's metadata and agent address, public by number only
        "192.0.0.0/24",  # IETF assignments; Oracle Cloud's metadata address
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # IETF assignments, Teredo among them
        "3fff::/20",  # documentation
    )
)


class Guard:
    """Resolves names and refuses what is not public, unless `allow` (CIDR ranges) names it."""

    def __init__(self, allow: Sequence[str] = (), lookup: Lookup | None = None) -> None:
        self._allow = tuple(ip_network(name, strict=False) for name in allow)
        self._lookup = lookup or system_lookup

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, all of them checked; raises `FetchError` or `FetchUnavailable`."""
        try:
            found = list(dict.fromkeys(await self._lookup(host, port)))
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise FetchUnavailable(FetchCode.NAME_UNKNOWN, f"the host name {host} is not known") from None
        for address in found:
            self.check(address, host)
        return found

    def check(self, address: str, host: str = "") -> None:
        """Raise `FetchError` (`address_refused`) unless this address may be connected to."""
        number = ip_address(address.partition("%")[0])
        if any(number in network for network in self._allow):
            return
        inner = _embedded(number)
        if inner is not None and any(inner in network for network in self._allow):
            return
        if not _is_public(number if inner is None else inner):
            # The address itself is not shown: it would tell a stranger how the inside network is laid out.
            raise FetchError(FetchCode.ADDRESS_REFUSED, f"{host or address} is not a public address")

    def socket(self, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """Return a socket for a checked address: aiohttp's last step before it connects, literal addresses included."""
        family, kind, protocol, _, place = info
        self.check(str(place[0]))
        return socket.socket(family, kind, protocol)


class GuardedResolver(AbstractResolver):
    """aiohttp's way to ask the guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's
    ) -> list[ResolveResult]:
        """Return checked addresses, of whichever family the name has."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await self._guard.addresses(host, port)
        ]

    async def close(self) -> None:
        """Nothing to close."""


async def system_lookup(host: str, port: int) -> list[str]:
    """Ask the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def _embedded(number: IPv4Address | IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to: mapped, NAT64 (RFC 6052) or 6to4 (RFC 3056)."""
    if isinstance(number, IPv4Address):
        return None
    if number in _NAT64:
        return IPv4Address(int(number) & 0xFFFFFFFF)
    return number.ipv4_mapped or number.sixtofour


def _is_public(number: IPv4Address | IPv6Address) -> bool:
    if any(number in network for network in _NEVER) or number.is_multicast or not number.is_global:
        return False
    return isinstance(number, IPv4Address) or number in _GLOBAL_UNICAST
