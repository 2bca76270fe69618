"""amqps with client certificates: a listener of the real broker that lets nobody in without one."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pydantic import SecretStr

from deploy.local.processes import free_port
from ingest.amqp.publish import Publisher

LOOPBACK = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
A_DAY = dt.timedelta(days=1)


class Authority:
    """A certificate authority that writes certificates and keys into a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self.certificate = self._signed(self.name, self.key.public_key(), constraints)
        self.file = self._write(f"{name}.pem", self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, usage: x509.ObjectIdentifier) -> tuple[Path, Path]:
        """Return the files of a new certificate for 127.0.0.1 and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._signed(subject, key.public_key(), LOOPBACK, x509.ExtendedKeyUsage([usage]))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return (
            self._write(f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM)),
            self._write(f"{name}.key", private),
        )

    def _signed(self, subject, public_key, *extensions):
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - A_DAY)
            .not_valid_after(now + A_DAY)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self.key, hashes.SHA256())

    def _write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


@dataclass
class Tls:
    """Addresses of the listener, by who asks."""

    plain: str
    ours: Authority
    port: int
    client: tuple[Path, Path]

    def address(self, **query: Path) -> str:
        """Return the amqps address with these parameters."""
        head, _, vhost = self.plain.rpartition("/")
        login = head.rpartition("@")[0].partition("://")[2]
        return f"amqps://{login}@127.0.0.1:{self.port}/{vhost}?{urlencode(query)}"

    @property
    def trusted(self) -> str:
        """The address as a client with a certificate of the authority uses it."""
        certificate, key = self.client
        return self.address(cafile=self.ours.file, certfile=certificate, keyfile=key)


@pytest.fixture
def tls(rabbitmq, amqp_url, tmp_path) -> Iterator[Tls]:
    ours = Authority(tmp_path, "authority")
    certificate, key = ours.issue("broker", ExtendedKeyUsageOID.SERVER_AUTH)
    port = free_port()
    options = (
        f'[{{cacertfile,"{ours.file}"}},{{certfile,"{certificate}"}},{{keyfile,"{key}"}},'
        # 1.2: in 1.3 a refused client learns of it after its handshake, at whatever it does next
        "{verify,verify_peer},{fail_if_no_peer_cert,true},{versions,['tlsv1.2']}]"
    )
    rabbitmq.evaluate("rabbit_networking:ensure_ssl()")
    listener = f'{{"127.0.0.1",{port}}}'
    assert "ok" == rabbitmq.evaluate(f"rabbit_networking:start_ssl_listener({listener}, {options}, 2)")
    yield Tls(amqp_url, ours, port, ours.issue("client", ExtendedKeyUsageOID.CLIENT_AUTH))
    rabbitmq.evaluate(f"rabbit_networking:stop_tcp_listener({listener})")


async def test_batches_go_the_whole_road_over_tls(fleet, tls):
    plain = fleet.settings, fleet.publisher
    fleet.settings = fleet.settings.model_copy(update={"amqp_url": SecretStr(tls.trusted)})
    async with Publisher(fleet.settings, "test") as publisher:
        assert publisher.ready() is None
        fleet.publisher = publisher
        async with fleet.worker():
            await fleet.post_all(10)
            await fleet.settled()
    fleet.settings, fleet.publisher = plain


async def test_who_is_not_known_is_not_let_in_and_an_unknown_broker_is_told_nothing(settings, tls, tmp_path):
    certificate, key = tls.client
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other")
    strange, strange_key = other.issue("client", ExtendedKeyUsageOID.CLIENT_AUTH)
    for address in (
        tls.address(cafile=tls.ours.file),
        tls.address(cafile=tls.ours.file, certfile=strange, keyfile=strange_key),
        tls.address(cafile=other.file, certfile=certificate, keyfile=key),
        tls.address(certfile=certificate, keyfile=key),
    ):
        changed = settings.model_copy(update={"amqp_url": SecretStr(address)})
        async with Publisher(changed, "test") as publisher:
            assert publisher.ready() is not None
