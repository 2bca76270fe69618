"""A private Postgres cluster under one folder: made once, reached over loopback alone, with a generated password.

Postgres refuses to run as root, and the user it runs as instead may not be able to enter the folders above the
cluster (a checkout under /root, say). So the server is handed an open descriptor of the cluster's folder and finds its
files below `/proc/self/fd/N`: that needs no right on the folders above and no capability, in containers neither.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from deploy.local.processes import MARKER, Program, Server, free_port, has_text, marked, name_of, unprivileged_user

USER = "feedline"
DATABASE = "feedline"

_COMMON = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "jit": "off",
    "random_page_cost": "1.1",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_DURABLE = {
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "wal_buffers": "16MB",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "15s",
}
# Commits stay synchronous: a server that is killed loses nothing, only a machine that loses power does.
# SCRAM is made to take time; a test run opens thousands of connections.
# Autovacuum would write, and take a transaction's number, in the middle of whatever a test measures.
_FORGETFUL = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "password_encryption": "md5",
    "autovacuum": "off",
}


_DRAFT = "data.new"


class Postgres(Server):
    """A cluster in `folder`; `durable=False` trades what survives a power cut for speed (tests)."""

    name = "Postgres"

    def __init__(
        self, folder: Path, environment: dict[str, str] | None = None, *, durable: bool = True, log: Path | None = None
    ) -> None:
        super().__init__()
        self.folder = folder
        self.log = log or folder / "log"
        self.port = 0
        self.durable = durable
        self._environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **(environment or {})}
        self._user = unprivileged_user(folder)
        self._descriptor = -1
        self._programs = programs()

    @property
    def dsn(self) -> str:
        """Return the address of the `feedline` database."""
        return self.dsn_of(DATABASE)

    def dsn_of(self, database: str) -> str:
        """Return the address of a database of this cluster."""
        password = (self.folder / "password").read_text().strip()
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the cluster unless it is there, choose a port, and drop what a crash left behind.

        Raises RuntimeError when it is there without its password: data is never replaced.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.port = self.port or free_port()
        if self._descriptor < 0:
            self._descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        if not (self.folder / "data").exists():
            self._make()
        elif not has_text(self.folder / "password"):
            raise RuntimeError(
                f"{self.folder}/data is there, and the file password beside it is not; nothing was changed"
            )
        _forget_stranger(self.folder / "data" / "postmaster.pid", marked(self._environment.get(MARKER, "")))

    def program(self) -> Program:
        """Return how the server is started."""
        settings = {**_COMMON, **(_DURABLE if self.durable else _FORGETFUL), "port": str(self.port)}
        if self.durable and self._compresses():
            settings["wal_compression"] = "lz4"
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._program((str(self._programs / "postgres"), "-D", f"{self._inside()}/data", *options))

    def answers(self) -> bool:
        """Return whether the database can be queried."""
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.dsn, connect_timeout=2):
            return True
        return False

    def close(self) -> None:
        """Let go of the folder."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _inside(self) -> str:
        return f"/proc/self/fd/{self._descriptor}"

    def _program(self, arguments: tuple[str, ...]) -> Program:
        return Program(
            arguments=arguments,
            environment=self._environment,
            log=self.log,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, then shuts down cleanly
            user=self._user,
            descriptors=(self._descriptor,),
        )

    def _make(self) -> None:
        """Make the cluster under another name, so that one that is half made is never taken for one."""
        shutil.rmtree(self.folder / _DRAFT, ignore_errors=True)
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(16))
        if self._user:
            for path in (self.folder, password):
                os.chown(path, self._user.uid, self._user.gid)
        arguments = [str(self._programs / "initdb"), "--pgdata", f"{self._inside()}/{_DRAFT}", "--username", USER]
        method = "scram-sha-256" if self.durable else "md5"
        arguments += ["--pwfile", f"{self._inside()}/password", "--auth", method, "--encoding", "UTF8"]
        arguments += ["--locale", "C.UTF-8", *([] if self.durable else ["--no-sync"])]
        self._run(arguments)
        single = [str(self._programs / "postgres"), "--single", "-D", f"{self._inside()}/{_DRAFT}", "postgres"]
        self._run(single, f"CREATE DATABASE {DATABASE}\n")
        (self.folder / _DRAFT).rename(self.folder / "data")

    def _run(self, arguments: list[str], sent: str = "") -> None:
        program = self._program(tuple(arguments))
        with program.log.open("ab") as output:
            options = program.options(output)
            del options["stdin"]
            done = subprocess.run(arguments, **options, input=sent.encode(), check=False)  # noqa: S603
        if done.returncode:
            raise RuntimeError(f"{Path(arguments[0]).name} failed; see {program.log}")

    def _compresses(self) -> bool:
        described = subprocess.run(  # noqa: S603
            [self._programs / "pg_config", "--configure"], capture_output=True, text=True, check=False
        )
        return "--with-lz4" in described.stdout


def programs() -> Path:
    """Return the folder of the newest installed Postgres server; raises FileNotFoundError when there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    found += [path.parent for path in Path("/usr").glob("pgsql-*/bin/postgres")]
    if found:
        return max(found, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0))
    on_path = shutil.which("postgres")
    if on_path and shutil.which("initdb"):
        return Path(on_path).parent
    raise FileNotFoundError("no Postgres server is installed")


def _forget_stranger(lock: Path, ours: list[int]) -> None:
    """Remove a lock file whose process number belongs to somebody else by now (after a reboot, in a new container).

    One whose process is gone is left to Postgres, which then makes sure that no session of it is left either.
    """
    with contextlib.suppress(FileNotFoundError, ValueError):
        owner = int(lock.read_text().split("\n", 1)[0])
        if name_of(owner) is not None and owner not in ours:
            lock.unlink()
