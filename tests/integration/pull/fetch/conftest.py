"""Vendors' servers for the tests of fetching: HTTP(S) whose every answer a test writes, and certificates."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.local.processes import free_port
from ingest.pull.fetch import FetchContext, Guard, Limits

LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass
class Certificates:
    """A private authority, a certificate for localhost (`pem`: with its key), and contexts of both sides."""

    authority_pem: bytes
    pem: bytes
    server: ssl.SSLContext
    client: ssl.SSLContext
    path: str = ""


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> Certificates:
    now = dt.datetime.now(dt.UTC)

    def certificate(name, key, issuer, issuer_key, *extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = certificate(
        "authority", authority_key, "authority", authority_key, x509.BasicConstraints(True, None), usage, identifier
    )
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.DNSName("shop.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    origin = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    pem = certificate("localhost", key, "authority", authority_key, names, origin) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("certificates") / "localhost.pem"
    path.write_bytes(pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return Certificates(authority, pem, server, ssl.create_default_context(cadata=authority.decode()), str(path))


@pytest.fixture
def unused_tcp_port() -> int:
    """A port that nobody listens on, and that the kernel lends to nobody meanwhile."""
    return free_port()


@dataclass
class Pauses:
    """A sleep that only notes."""

    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds):
        self.taken.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def context(tmp_path, certificates, pauses) -> FetchContext:
    """A context in which loopback is allowed and no pause takes time; the spool files lie in `tmp_path/spool`."""
    (tmp_path / "spool").mkdir()
    return FetchContext(
        guard=Guard(LOOPBACK),
        limits=Limits(connect_timeout_ms=60_000, read_timeout_ms=60_000, total_timeout_ms=120_000),
        folder=tmp_path / "spool",
        tls=certificates.client,
        sleep=pauses,
        jitter=lambda: 1.0,
    )


@pytest.fixture
def leftovers(context):
    """The spool files that are there now."""
    return lambda: list(context.folder.iterdir())


@pytest.fixture
def arrived(leftovers):
    """Wait until a part of the file lies in the spool."""

    async def wait():
        async with asyncio.timeout(120):
            while not any(path.stat().st_size for path in leftovers()):  # noqa: ASYNC110 - the disk gives no signal
                await asyncio.sleep(0)

    return wait


@pytest.fixture
def limited(context):
    """The same context with other limits."""
    return lambda **limits: replace(context, limits=replace(context.limits, **limits))


class Vendor:
    """An HTTP server: `answers[path]` is a handler, or a list of them, one a request; `requests` are what came."""

    def __init__(self, scheme, port):
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.answers = {}
        self.requests = []

    async def handle(self, request):
        self.requests.append(request)
        answer = self.answers[request.path]
        if isinstance(answer, list):
            answer = answer.pop(0)
        return answer(request) if not asyncio.iscoroutinefunction(answer) else await answer(request)


@asynccontextmanager
async def vendor_server(scheme, tls=None):
    vendor = Vendor(scheme, 0)
    server = web.Server(vendor.handle, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    vendor.port, vendor.url = port, f"{scheme}://127.0.0.1:{port}"
    yield vendor
    await runner.cleanup()


@pytest.fixture
async def vendor():
    async with vendor_server("http") as vendor:
        yield vendor


@pytest.fixture
async def other_vendor():
    async with vendor_server("http") as vendor:
        yield vendor


@pytest.fixture
async def tls_vendor(certificates):
    async with vendor_server("https", certificates.server) as vendor:
        yield vendor


@pytest.fixture
async def raw_server():
    """Start a TCP server whose n-th connection is handled by the n-th function; returns its port."""
    servers, writers = [], []

    async def start(*handlers):
        waiting = list(handlers)

        async def connected(reader, writer):
            writers.append(writer)
            try:
                await waiting.pop(0)(reader, writer)
                await writer.drain()
            finally:
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
    for writer in writers:
        writer.close()
