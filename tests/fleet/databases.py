"""A Postgres primary with a synchronous standby, under Patroni with etcd; all of them Debian's."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import yaml

from deploy.local.postgres import DATABASE, USER, programs
from deploy.local.processes import Program, Server, free_port, unprivileged_user

HOST = "127.0.0.1"
PATIENCE_S = 180
_SCOPE = "feedline"
_PARAMETERS = {
    "max_connections": 200,
    "track_commit_timestamp": True,
    "fsync": False,
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
    "timezone": "UTC",
}
_DCS = {
    "ttl": 20,
    "loop_wait": 5,
    "retry_timeout": 5,
    "synchronous_mode": True,
    "postgresql": {"use_pg_rewind": True, "parameters": _PARAMETERS},
}
"""The least `ttl` that Patroni takes: so long may a dead primary be missed."""


class Etcd(Server):
    """One etcd."""

    name = "etcd"

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        super().__init__()
        self.folder = folder
        self.port, self._peer_port = free_port(), free_port()
        self._environment = {"PATH": os.environ["PATH"], **environment}

    def prepare(self) -> None:
        """Nothing is to be made."""

    def program(self) -> Program:
        """Return how it is started."""
        client, peer = f"http://{HOST}:{self.port}", f"http://{HOST}:{self._peer_port}"
        options = {
            "data-dir": str(self.folder / "etcd"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            "logger": "zap",
        }
        arguments = tuple(f"--{name}={value}" for name, value in options.items())
        return Program(("etcd", *arguments), self._environment, self.folder / "etcd.log")

    def answers(self) -> bool:
        """Return whether it is healthy."""
        with suppress(OSError), urllib.request.urlopen(f"http://{HOST}:{self.port}/health", timeout=2) as answer:
            return json.load(answer)["health"] == "true"
        return False


class Member(Server):
    """A Patroni and the Postgres that it runs."""

    name = "Patroni"

    def __init__(self, folder: Path, environment: dict[str, str], etcd: Etcd, name: str, password: str) -> None:
        super().__init__()
        self.member = name
        self.port, self._rest_port = free_port(), free_port()
        self._etcd = etcd
        self._folder = folder
        self._password = password
        self._environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment}
        self._user = unprivileged_user(folder)

    @property
    def dsn(self) -> str:
        """Return the address of this Postgres alone."""
        return f"postgresql://{USER}:{self._password}@{HOST}:{self.port}/{DATABASE}"

    def prepare(self) -> None:
        """Write Patroni's configuration."""
        file = self._folder / f"{self.member}.yml"
        file.write_text(yaml.safe_dump(self._configuration()))
        if self._user:
            os.chown(file, self._user.uid, self._user.gid)

    def program(self) -> Program:
        """Return how Patroni is started."""
        arguments = ("patroni", str(self._folder / f"{self.member}.yml"))
        return Program(arguments, self._environment, self._folder / f"{self.member}.log", user=self._user)

    def answers(self) -> bool:
        """Return whether Patroni says that its Postgres runs."""
        with suppress(OSError):
            return self.ask("patroni")["state"] == "running"
        return False

    def ask(self, path: str, **values: Any) -> Any:
        """Ask Patroni; with values it is told to do something."""
        body = json.dumps(values).encode() if values else None
        with urllib.request.urlopen(f"http://{HOST}:{self._rest_port}/{path}", body, timeout=60) as answer:
            text = answer.read().decode()
        return json.loads(text) if text.startswith("{") else text

    def kill(self) -> None:
        """End Patroni and Postgres as a host's death would."""
        super().kill()
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((self._data / "postmaster.pid").read_text().split("\n", 1)[0]), signal.SIGKILL)

    @property
    def _data(self) -> Path:
        return self._folder / self.member

    def _configuration(self) -> dict[str, Any]:
        login = {"username": USER, "password": self._password}
        return {
            "scope": _SCOPE,
            "name": self.member,
            "restapi": {"listen": f"{HOST}:{self._rest_port}", "connect_address": f"{HOST}:{self._rest_port}"},
            "etcd3": {"hosts": f"{HOST}:{self._etcd.port}"},
            "bootstrap": {"dcs": _DCS, "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "no-sync"]},
            "postgresql": {
                "listen": f"{HOST}:{self.port}",
                "connect_address": f"{HOST}:{self.port}",
                "data_dir": str(self._data),
                "bin_dir": str(programs()),
                "pgpass": str(self._folder / f"{self.member}.pgpass"),
                "authentication": {"superuser": login, "replication": login, "rewind": login},
                "pg_hba": [f"host {who} all {HOST}/32 scram-sha-256" for who in ("all", "replication")],
                "remove_data_directory_on_rewind_failure": True,
                "remove_data_directory_on_diverged_timelines": True,
                "basebackup": [{"checkpoint": "fast"}, "no-sync"],
            },
        }


class Databases:
    """Two members, one of which is the primary."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        if user := unprivileged_user(folder):
            shutil.chown(folder, user.uid, user.gid)
        self._etcd = Etcd(folder, environment)
        self._password = secrets.token_hex(16)
        self.members = [Member(folder, environment, self._etcd, name, self._password) for name in ("one", "two")]

    @property
    def dsn(self) -> str:
        """Return the address that names both hosts."""
        hosts = ",".join(f"{HOST}:{member.port}" for member in self.members)
        return f"postgresql://{USER}:{self._password}@{hosts}/{DATABASE}"

    def start(self) -> None:
        """Start etcd, the primary, the standby; returns when commits wait for the standby."""
        self._etcd.start(PATIENCE_S)
        first, second = self.members
        first.start(PATIENCE_S)
        self._until(lambda: self.primary() is first, "a primary")
        with psycopg.connect(first.dsn.removesuffix(DATABASE) + "postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        second.start(PATIENCE_S)
        self.whole()

    def stop(self) -> None:
        """Stop what runs."""
        for server in (*self.members, self._etcd):
            server.stop()

    def primary(self) -> Member:
        """Return the member that leads; raises StopIteration when none does."""
        return next(member for member in self.members if self._role(member) == "leader")

    def standby(self) -> Member:
        """Return the other one."""
        primary = self.primary()
        return next(member for member in self.members if member is not primary)

    def whole(self) -> None:
        """Wait until there is a primary, and a synchronous standby."""
        self._until(lambda: {self._role(one) for one in self.members} == {"leader", "sync_standby"}, "both members")

    def switch_over(self) -> None:
        """Let Patroni make the standby the primary; returns when it has."""
        primary, standby = self.primary(), self.standby()
        primary.ask("switchover", leader=primary.member, candidate=standby.member)
        self._until(lambda: self.primary() is standby, "a switchover")

    def _role(self, wanted: Member) -> str | None:
        for member in self.members:
            with suppress(OSError):
                told = {one["name"]: one for one in member.ask("cluster")["members"]}
                one = told.get(wanted.member, {})
                return one["role"] if one.get("state") in ("running", "streaming") else None
        return None

    @staticmethod
    def _until(condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with suppress(StopIteration):
                if condition():
                    return
            time.sleep(0.1)
        raise AssertionError(f"never: {what}")
