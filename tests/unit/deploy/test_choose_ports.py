"""Which ports edge and API get."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.addresses import Refused, choose_ports, url
from deploy.local.folder import Local
from deploy.local.processes import free_port
from schemas.settings import Settings


@pytest.fixture
def local(tmp_path):
    local = Local(tmp_path)
    local.lock()
    yield local
    local.unlock()


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _settings(**chosen):
    return Settings(database_url="postgresql://a", amqp_url="amqp://a", secret_key="k" * 32, **chosen)


def test_zero_takes_free_ports_and_keeps_them(local):
    settings, said = _settings(port=0, api_port=0), []
    edge, api = choose_ports(settings, frozenset({"port", "api_port"}), local, said.append)
    assert edge != api
    assert (edge, api) == choose_ports(settings, frozenset(), local, said.append)
    assert [] == said


def test_a_free_port_is_none_that_the_kernel_lends_to_whoever_connects():
    first_lent = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert [] == [port for port in (free_port() for _ in range(50)) if port >= first_lent]


def test_a_port_that_a_process_has_drawn_is_drawn_by_no_other():
    mine = free_port()
    asked = f"from deploy.local import processes; print(processes._draw({mine}), processes.is_free({mine}))"

    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert "False True\n" == told.stdout


def test_a_usual_port_that_is_taken_is_replaced_with_a_notice(local, taken):
    said = []
    edge, _ = choose_ports(_settings(port=taken, api_port=0), frozenset(), local, said.append)
    assert edge != taken
    assert [f"port {taken} is taken, {edge} is used (PORT chooses)"] == said


def test_a_chosen_port_that_is_taken_is_refused(local, taken):
    with pytest.raises(Refused, match=f"API_PORT: port {taken} of 127.0.0.1 cannot be used"):
        choose_ports(_settings(port=0, api_port=taken), frozenset({"api_port"}), local, print)


def test_edge_and_api_cannot_be_given_the_same_port(local):
    free = local.port("free")
    with pytest.raises(Refused, match="API_PORT"):
        choose_ports(_settings(port=free, api_port=free), frozenset({"port", "api_port"}), local, print)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("edge.example", "http://edge.example:80"),
    ],
)
def test_an_address_can_be_typed_whatever_the_host_listens_on(host, address):
    assert address == url(host, 80)
