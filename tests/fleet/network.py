"""A network of its own for each broker: namespaces on one bridge, and links that can be cut as a cable is.

Needs root and a kernel that lets namespaces be made; `allowed` tells.
"""

from __future__ import annotations

import secrets
import subprocess
from contextlib import suppress


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def allowed() -> bool:
    """Return whether network namespaces can be made here."""
    name = f"fl{secrets.token_hex(3)}"
    try:
        _ip("netns", "add", name)
        _ip("netns", "exec", name, "true")
    except (OSError, subprocess.CalledProcessError):
        return False
    finally:
        with suppress(OSError, subprocess.CalledProcessError):
            _ip("netns", "delete", name)
    return True


class Network:
    """A bridge with `size` hosts on it, numbered from 1; this machine has an address there too, number 254."""

    def __init__(self, size: int) -> None:
        self._name = f"fl{secrets.token_hex(3)}"
        self._subnet = f"198.18.{secrets.randbelow(256)}"  # RFC 2544: for tests of networks, routed nowhere
        self._size = size

    def address(self, number: int) -> str:
        """Return the address of a host."""
        return f"{self._subnet}.{number}"

    def enter(self, number: int) -> tuple[str, ...]:
        """Return the words before a command that is to run on a host."""
        return ("ip", "netns", "exec", self._host(number))

    def start(self) -> None:
        """Make the bridge and the hosts."""
        _ip("link", "add", self._name, "type", "bridge")
        _ip("address", "add", f"{self.address(254)}/24", "dev", self._name)
        _ip("link", "set", self._name, "up")
        for number in range(1, self._size + 1):
            host, cable = self._host(number), self._cable(number)
            _ip("netns", "add", host)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", host)
            _ip("link", "set", cable, "master", self._name)
            _ip("link", "set", cable, "up")
            _ip("-n", host, "address", "add", f"{self.address(number)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", host, "link", "set", device, "up")

    def cut(self, number: int) -> None:
        """Pull a host's cable: nothing arrives, and nobody is told."""
        _ip("link", "set", self._cable(number), "down")

    def mend(self, number: int) -> None:
        """Plug the cable in again."""
        _ip("link", "set", self._cable(number), "up")

    def stop(self) -> None:
        """Remove what was made, as far as it was."""
        for words in (
            *(("netns", "delete", self._host(n + 1)) for n in range(self._size)),
            ("link", "delete", self._name),
        ):
            with suppress(subprocess.CalledProcessError):
                _ip(*words)

    def _host(self, number: int) -> str:
        return f"{self._name}-{number}"

    def _cable(self, number: int) -> str:
        return f"{self._name}c{number}"
