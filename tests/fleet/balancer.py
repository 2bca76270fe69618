"""HAProxy before two edges, with the file that is shipped."""

from __future__ import annotations

import csv
import os
import socket
from contextlib import suppress
from pathlib import Path

import deploy
from deploy.local.processes import Program, Server, free_port

SHIPPED = Path(deploy.__file__).parent / "haproxy" / "haproxy.cfg"
_STATISTICS = "global\n    stats socket ipv4@127.0.0.1:{port} level user\n"


class Balancer(Server):
    """HAProxy in `folder`; the edges are at `ports`, whether or not they run."""

    name = "HAProxy"

    def __init__(self, folder: Path, environment: dict[str, str], ports: list[int]) -> None:
        super().__init__()
        self.folder = folder
        self.port, self._statistics_port = free_port(), free_port()
        bind = {"FEEDLINE_BIND": f"127.0.0.1:{self.port}"}
        edges = {f"EDGE_{number}": f"127.0.0.1:{port}" for number, port in enumerate(ports, 1)}
        self._environment = {"PATH": f"{os.environ['PATH']}:/usr/sbin", **environment, **bind, **edges}

    @property
    def url(self) -> str:
        """Return the address that senders post to."""
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Write what a test wants to know besides."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "statistics.cfg").write_text(_STATISTICS.format(port=self._statistics_port))

    def program(self) -> Program:
        """Return how it is started, in the foreground."""
        files = ("-f", str(SHIPPED), "-f", str(self.folder / "statistics.cfg"))
        return Program(("haproxy", "-db", *files), self._environment, self.folder / "log")

    def answers(self) -> bool:
        """Return whether it takes connections."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2):
            return True
        return False

    def up(self) -> int:
        """Return to how many edges posts go."""
        with socket.create_connection(("127.0.0.1", self._statistics_port), timeout=5) as connection:
            connection.sendall(b"show stat\n")
            with connection.makefile() as answer:
                rows = list(csv.DictReader(answer))
        return sum(row["svname"].startswith("edge-") and row["status"] == "UP" for row in rows)
