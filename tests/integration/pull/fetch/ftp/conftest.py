"""FTP servers for the tests: three real ones, and one whose every reply a test can replace."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import warnings
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aioftp
import pytest

from deploy.local.processes import free_port

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # asyncore, which pyftpdlib is built on
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import DTPHandler, FTPHandler, TLS_FTPHandler
    from pyftpdlib.servers import FTPServer

USER, PASSWORD = "us@er", "p:w/ö"
LOGIN = "us%40er:p%3Aw%2F%C3%B6"
CSV = b"sku,quantity\r\n" + b"".join(b"%d,%d\r\n" % (n, n % 7) for n in range(100_000))


@pytest.fixture
def csv() -> bytes:
    """About a megabyte."""
    return CSV


@pytest.fixture
def login() -> str:
    """User and password as an address has them."""
    return LOGIN


@pytest.fixture
def root():
    """A login folder with `stock.csv`, `data/in/stock.csv`, an old `old.csv` and a file with an odd name."""
    # Not in `tmp_path`, which other users cannot enter: vsftpd serves as the user ftp.
    folder = Path(tempfile.mkdtemp(prefix="feedline-ftp-"))
    folder.chmod(0o755)
    (folder / "data" / "in").mkdir(parents=True)
    for name in ("stock.csv", "data/in/stock.csv", "old.csv", "stück #1?.csv"):
        (folder / name).write_bytes(CSV)
    os.utime(folder / "old.csv", (1_700_000_000, 1_700_000_000))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def pyftpdlib_server(root):
    """A function that runs pyftpdlib."""
    return lambda **options: run_pyftpdlib(root, **options)


@pytest.fixture
def aioftp_server(root):
    """A function that runs aioftp's server."""
    return lambda **options: run_aioftp(root, **options)


@pytest.fixture
def vsftpd_server(root, tmp_path):
    """A function that runs vsftpd for anonymous users."""
    return lambda **options: run_vsftpd(root, tmp_path, **options)


@pytest.fixture
async def scripted():
    """A server whose every reply a test can replace; its file is `body`."""
    async with ScriptedFtp(CSV).running() as server:
        yield server


@contextmanager
def run_pyftpdlib(root, *, pem=None, without=(), cut_at=None, **attributes):
    """Run pyftpdlib in a thread; yields its port. `without`: commands it does not know. `cut_at`: bytes after which the
    first transfer breaks off."""
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(root), perm="elr")
    authorizer.add_anonymous(str(root))
    cuts = [cut_at] if cut_at else []

    class Cutting(DTPHandler):
        def initiate_send(self):
            super().initiate_send()
            if cuts and self.tot_bytes_sent >= cuts[0]:
                cuts.pop()
                self.close()

    base = TLS_FTPHandler if pem else FTPHandler
    commands = {name: value for name, value in base.proto_cmds.items() if name not in without}
    attributes |= {"authorizer": authorizer, "proto_cmds": commands, "auth_failed_timeout": 0, "use_sendfile": False}
    if pem:
        attributes |= {"certfile": pem, "tls_control_required": True, "tls_data_required": True, "ssl_context": None}
    else:
        attributes |= {"dtp_handler": Cutting}
    server = FTPServer(("127.0.0.1", 0), type("Handler", (base,), attributes))
    stopping = threading.Event()

    def serve():
        while not stopping.is_set():
            server.serve_forever(timeout=0.02, blocking=False)
        server.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.address[1]
    finally:
        stopping.set()
        thread.join()


@asynccontextmanager
async def run_aioftp(root, *, tls=None, without=()):
    """Run aioftp's own server, which knows neither SIZE nor MDTM; yields its port. `tls`: implicit."""
    server = aioftp.Server([aioftp.User(USER, PASSWORD, base_path=root)], ssl=tls)
    for name in without:
        del server.commands_mapping[name.lower()]
    await server.start("127.0.0.1", 0)
    try:
        yield server.server_port
    finally:
        await server.close()


@contextmanager
def run_vsftpd(root, folder, **options):
    """Run vsftpd for anonymous users; yields its port."""
    if os.geteuid() != 0:
        pytest.skip("vsftpd needs root, for it confines its users by chroot")
    port = free_port()
    settings = {
        "listen": "YES",
        "listen_address": "127.0.0.1",
        "listen_port": port,
        "background": "NO",
        "anonymous_enable": "YES",
        "no_anon_password": "YES",
        "anon_root": root,
        "ascii_download_enable": "YES",
        "seccomp_sandbox": "NO",
        "secure_chroot_dir": folder / "empty",
        "xferlog_enable": "NO",
        "vsftpd_log_file": folder / "log",
    } | options
    (folder / "empty").mkdir()
    (folder / "conf").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    process = subprocess.Popen([shutil.which("vsftpd") or "/usr/sbin/vsftpd", folder / "conf"])
    try:
        _until_it_listens(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def _until_it_listens(port, process):
    while process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        os.sched_yield()
    raise AssertionError("vsftpd ended")


class ScriptedFtp:
    """A server that knows just enough; `replies[command]` (a text, or a list of them, one a time) replaces a reply.

    `sends` are the bodies of successive transfers (the last one stays); None cuts the control connection too.
    """

    def __init__(self, body=b""):
        self.banner = "220 ready"
        self.body = body
        self.replies = {}
        self.sends = []
        self.commands = []
        self.offsets = []
        self.tls_after = ()

    @asynccontextmanager
    async def running(self):
        self._control = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        self._data_reader = asyncio.Queue()
        self._data = await asyncio.start_server(self._take_data, "127.0.0.1", 0)
        self.port = self._control.sockets[0].getsockname()[1]
        self.data_port = self._data.sockets[0].getsockname()[1]
        self._writers = []
        yield self
        self._control.close()
        self._data.close()
        for writer in self._writers:
            writer.close()

    async def _take_data(self, _reader, writer):
        self._writers.append(writer)
        await self._data_reader.put(writer)

    async def _converse(self, reader, writer):
        self._writers.append(writer)
        writer.write(self.banner.encode("latin-1") + b"\r\n")
        offset = 0
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                command, _, argument = line.decode("latin-1").rstrip("\r\n").partition(" ")
                self.commands.append(f"{command} {argument}".strip())
                reply = self.replies.get(command, getattr(self, f"_{command.lower()}", "500 ?"))
                if isinstance(reply, list):
                    reply = reply.pop(0) if len(reply) > 1 else reply[0]
                if callable(reply):
                    reply = reply()
                if command == "REST" and reply.startswith("350"):
                    offset = int(argument)
                writer.write(reply.encode("latin-1") + b"\r\n")
                if command == "RETR" and reply.startswith("1"):
                    self.offsets.append(offset)
                    if not await self._transfer(offset):
                        break
                    writer.write(self.replies.get("END", "226 done").encode() + b"\r\n")
                if command == "QUIT" or reply.startswith("421"):
                    break
        writer.close()

    async def _transfer(self, offset):
        data = await self._data_reader.get()
        send = self.sends.pop(0) if self.sends else self.body[offset:]
        data.write(send or b"")
        data.close()
        return send is not None

    def _epsv(self):
        return f"229 Entering Extended Passive Mode (|||{self.data_port}|)"

    def _pasv(self):
        return f"227 Entering Passive Mode (127,0,0,1,{self.data_port >> 8},{self.data_port & 255})."

    def _size(self):
        return f"213 {len(self.body)}"

    _user, _pass, _type, _cwd, _rest = "331 password", "230 in", "200 ok", "250 ok", "350 ok"
    _mdtm, _retr, _quit = "213 20261122100000", "150 coming", "221 bye"
