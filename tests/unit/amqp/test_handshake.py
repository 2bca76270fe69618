"""What an AMQP address says."""

import pytest

from ingest.amqp.handshake import parse


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://u:p@host:1/v", ("host", 1, "u", "p", "v", 15)),
        ("amqp://host", ("host", 5672, "guest", "guest", "/", 15)),
        ("amqp://u%40x:p%2Fw@[::1]/%2F?heartbeat=5", ("::1", 5672, "u@x", "p/w", "/", 5)),
    ],
)
def test_an_address_is_read_as_rabbitmq_describes_it(url, expected):
    address = parse(url)

    assert expected == (
        address.host,
        address.port,
        address.user,
        address.password,
        address.vhost,
        address.heartbeat_s,
    )
    assert address.tls is None


def test_amqps_is_verified_unless_told_otherwise():
    assert parse("amqps://host").tls.check_hostname
    assert 5671 == parse("amqps://host").port
    assert not parse("amqps://host/?no_verify_ssl=1").tls.check_hostname


def test_an_address_does_not_show_its_password():
    assert "hunter2" not in repr(parse("amqp://u:hunter2@host"))
