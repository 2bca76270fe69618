"""Which addresses a feed may be pulled from."""

import socket

import pytest

from ingest.pull.fetch import FetchError, FetchUnavailable, Guard


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",  # Alibaba Cloud's metadata
        "127.0.0.1",
        "127.1.2.3",
        "168.63.129.16",  # Azure's metadata
        "169.254.169.254",  # metadata of most clouds
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",  # Oracle Cloud's metadata
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",  # Amazon's metadata over IPv6
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address):
    with pytest.raises(FetchError) as caught:
        Guard().check(address)

    assert "address_refused" == caught.value.code


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "93.184.216.34",
        "172.32.0.1",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::1",
        "2606:4700::1111",
    ],
)
def test_a_public_address_may_be_connected_to(address):
    Guard().check(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "fd12::1"])
def test_a_network_that_the_settings_name_may_be_connected_to(address):
    Guard(["127.0.0.0/8", "fd12::/16"]).check(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "::1", "169.254.169.254"])
def test_allowing_one_network_allows_no_other(address):
    with pytest.raises(FetchError):
        Guard(["127.0.0.0/8"]).check(address)


async def test_one_private_address_among_public_ones_refuses_the_name():
    async def lookup(_host, _port):
        return ["1.1.1.1", "10.0.0.1"]

    with pytest.raises(FetchError) as caught:
        await Guard(lookup=lookup).addresses("shop.example", 443)

    assert "address_refused" == caught.value.code
    assert "10.0.0.1" not in str(caught.value)


@pytest.mark.parametrize("name", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "localhost"])
async def test_other_spellings_of_loopback_are_refused_after_resolution(name):
    with pytest.raises(FetchError) as caught:
        await Guard().addresses(name, 80)

    assert "address_refused" == caught.value.code


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
async def test_a_name_that_does_not_resolve_may_resolve_later(error):
    async def lookup(_host, _port):
        raise error

    with pytest.raises(FetchUnavailable) as caught:
        await Guard(lookup=lookup).addresses("shop.example", 443)

    assert "name_unknown" == caught.value.code
