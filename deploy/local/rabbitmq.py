"""A private RabbitMQ node under one folder: own ports, own epmd, own cookie, loopback only, no plugins, no guest.

Nothing of the machine's own node is used: not its configuration, not its data, not its epmd.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

from deploy.local.processes import Program, Server, free_port, last_lines
from deploy.local.quick_boot import quick_boot

USER = "feedline"
_NODE = "feedline@localhost"
_ARGUMENTS = (
    "-kernel inet_dist_use_interface {{{host}}} -kernel inet_dist_listen_min {port} -kernel inet_dist_listen_max {port}"
)
_MANY_MAY_END = "catch(sys:replace_state(rabbit_fifo_dlx_sup,fun(S)->setelement(6,S,100)end))"
"""Once booted: until 3.10.20 and 3.11.12 the supervisor of the processes that dead-letter gives up for good when two of
them end within 5 s, as they do when their queues are deleted at once or change their leader; from then on the node
declares no queue. Later releases have this bound of 100 (docs/fleet.md)."""
_GREETING = b"AMQP\x00\x00\x09\x01"
_KILL_EPMD = b"\x00\x01k"
"""KILL_REQ of the Erlang distribution protocol: obeyed on loopback when no node is registered."""
_CONFIGURATION = """\
listeners.tcp.1 = {host}:{port}
# Made at the first start instead of guest, which then does not exist.
default_user = {user}
default_pass = {password}
log.console = true
log.console.level = info
log.file = false
# Leaders spread over the nodes: the default puts all on the node that a process happened to declare on.
queue_leader_locator = balanced
# A small machine: the default of 512 MB is held in memory.
raft.wal_max_size_bytes = 67108864
disk_free_limit.absolute = 256MB
"""


class RabbitMQ(Server):
    """A node in `folder`; `shell=True` keeps its Erlang shell on stdin, which makes `new_vhost` quick (tests)."""

    name = "RabbitMQ"

    def __init__(
        self, folder: Path, environment: dict[str, str] | None = None, *, shell: bool = False, log: Path | None = None
    ) -> None:
        super().__init__()
        self.folder = folder
        self.log = log or folder / "log"
        self.node = _NODE
        self.host = "127.0.0.1"
        self.port = self.epmd_port = self.distribution_port = 0
        self._shell = shell
        self._environment = environment or {}
        self._counter = itertools.count(1)

    @property
    def url(self) -> str:
        """Return the node's address with user and password, default virtual host."""
        return self.url_of("%2F")

    def url_of(self, vhost: str) -> str:
        """Return the address of a virtual host (percent-encoded)."""
        return f"amqp://{USER}:{self._password()}@{self.host}:{self.port}/{vhost}"

    def prepare(self) -> None:
        """Make the node's files unless they are there, and choose its ports."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.port = self.port or free_port()
        self.epmd_port = self.epmd_port or free_port()
        self.distribution_port = self.distribution_port or free_port()
        for name in ("password", ".erlang.cookie"):
            path = self.folder / name
            if not path.exists():
                path.touch(mode=0o600)
                path.write_text(secrets.token_hex(16))
        (self.folder / ".erlang.cookie").chmod(0o400)
        configuration = self.folder / "rabbitmq.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self.configuration())
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "rabbitmq-env.conf").touch()

    def configuration(self) -> str:
        """Return the text of rabbitmq.conf."""
        return _CONFIGURATION.format(host=self.host, port=self.port, user=USER, password=self._password())

    def program(self) -> Program:
        """Return how the node is started."""
        here = str(self.folder)
        start = script()
        quick = quick_boot(start, self.folder, self.node)
        arguments = _ARGUMENTS.format(host=self.host.replace(".", ","), port=self.distribution_port)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C.UTF-8",
            "HOME": here,  # where Erlang looks for the cookie
            "RABBITMQ_CONF_ENV_FILE": f"{here}/rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": f"{here}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{here}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{here}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{here}/data",
            "RABBITMQ_LOG_BASE": here,
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{arguments} -eval {_MANY_MAY_END}. {quick.arguments}",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_CRASH_DUMP": f"{here}/erl_crash.dump",
            "ERL_EPMD_ADDRESS": self.host,
            "detached": "1",  # the start script then becomes the node instead of waiting for it
            **({"RABBITMQ_ALLOW_INPUT": "1"} if self._shell else {}),
            **quick.environment,
            **self._environment,
        }
        stdin = subprocess.PIPE if self._shell else subprocess.DEVNULL
        return Program((str(start),), environment, self.log, stdin=stdin)

    def answers(self) -> bool:
        """Return whether the node greets: it listens only when it has booted."""
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=2) as connection:
            connection.sendall(_GREETING)
            return connection.recv(1) == b"\x01"
        return False

    def stop_epmd(self) -> None:
        """Stop the node's name server, which outlives it."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.epmd_port), timeout=2) as epmd:
            epmd.sendall(_KILL_EPMD)
            epmd.recv(2)

    def stop_app(self) -> None:
        """Stop RabbitMQ and leave its Erlang node, as `rabbitmqctl stop_app` does (needs `shell=True`): nobody listens.

        To whoever is connected it is as `stop`; the node's own start, most of what it takes to come back, is spared.
        """
        self.evaluate("rabbit:stop()")

    def start_app(self, timeout_s: float = 180) -> None:
        """Start what `stop_app` stopped; raises RuntimeError when it does not come back."""
        deadline = time.monotonic() + timeout_s
        while not self.answers():  # a start that meets another one returns at once
            if time.monotonic() > deadline:
                self.kill()  # whoever needs it next starts it again
                raise RuntimeError(f"{self.name} did not come back; {last_lines(self.log)}")
            self.evaluate("rabbit:start()")
        self.evaluate(_MANY_MAY_END)

    def new_vhost(self) -> str:
        """Make a virtual host and return its address (needs `shell=True`)."""
        name = f"v{next(self._counter)}"
        self.evaluate(f'rabbit_vhost:add(<<"{name}">>, <<"{USER}">>)')
        all_rights = '<<".*">>, <<".*">>, <<".*">>'
        self.evaluate(
            f'rabbit_auth_backend_internal:set_permissions(<<"{USER}">>, <<"{name}">>, {all_rights}, <<"{USER}">>)'
        )
        return self.url_of(name)

    def delete_vhost(self, url: str) -> None:
        """Delete a virtual host that `new_vhost` made (needs `shell=True`); does nothing while the node is down."""
        if self.stands:
            self.evaluate(f'rabbit_vhost:delete(<<"{url.rpartition("/")[2]}">>, <<"{USER}">>)')

    def evaluate(self, expression: str, timeout_s: float = 120) -> str:
        """Evaluate an Erlang expression on the node and return its value as text (needs `shell=True`)."""
        assert self.process
        assert self.process.stdin
        mark = secrets.token_hex(4)
        with self.log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            line = f'io:format("~n@~s ~0p @~s~n", ["{mark}", catch ({expression}), "{mark}"]).\n'
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
            answer, deadline = b"", time.monotonic() + timeout_s
            while not (match := re.search(rf"\n@{mark} (.*?) @{mark}\r?\n".encode(), answer, re.DOTALL)):
                if time.monotonic() > deadline or not self.stands:
                    self.kill()  # whoever needs it next starts it again
                    raise RuntimeError(f"RabbitMQ did not answer to {expression}; {last_lines(self.log)}")
                time.sleep(0.005)
                answer += log.read()
        return match[1].decode()

    def _password(self) -> str:
        return (self.folder / "password").read_text()


def script() -> Path:
    """Return RabbitMQ's own start script, not the machine's wrapper; raises FileNotFoundError when there is none."""
    for path in (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), Path("/opt/rabbitmq/sbin/rabbitmq-server")):
        if path.exists():
            return path
    on_path = shutil.which("rabbitmq-server")
    if on_path:
        return Path(on_path)
    raise FileNotFoundError("no RabbitMQ server is installed")
