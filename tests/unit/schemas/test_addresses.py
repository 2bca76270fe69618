"""Addresses that name several servers, and the order in which they are asked."""

from __future__ import annotations

import asyncio

import pytest

from schemas.addresses import brokers, first, hosts


def test_one_broker_is_itself():
    assert ["amqp://u:p@h/v"] == brokers("amqp://u:p@h/v")


def test_brokers_are_tried_from_a_place_that_differs_and_each_once():
    three = "amqp://u:p@a/v, amqp://u:p@b/v,amqps://u:p@c/v"

    assert ["amqp://u:p@a/v", "amqp://u:p@b/v", "amqps://u:p@c/v"] == brokers(three, 0.0)
    assert ["amqps://u:p@c/v", "amqp://u:p@a/v", "amqp://u:p@b/v"] == brokers(three, 0.99)


def test_one_host_is_left_as_it_is():
    assert ["postgresql://u:p@h:1/d?sslmode=require"] == hosts("postgresql://u:p@h:1/d?sslmode=require")


def test_several_hosts_keep_their_login_and_ask_for_one_that_takes_writes():
    assert [
        "postgresql://u:p%40x@a:1/d?target_session_attrs=read-write",
        "postgresql://u:p%40x@b/d?target_session_attrs=read-write",
    ] == hosts("postgresql://u:p%40x@a:1,b/d")


def test_what_the_address_says_of_the_host_that_will_do_is_kept():
    assert ["postgresql://a/d?target_session_attrs=any", "postgresql://b/d?target_session_attrs=any"] == hosts(
        "postgresql://a,b/d?target_session_attrs=any"
    )


async def test_a_silent_server_does_not_eat_the_time_of_the_next(monkeypatch):
    monkeypatch.setattr("schemas.addresses.EACH_S", 0.01)

    async def open_one(address):
        if address == "silent":
            await asyncio.Event().wait()
        return address

    assert "well" == await first(["silent", "well"], open_one, 5.0)


async def test_the_last_error_is_told_when_nobody_serves():
    async def open_one(address):
        raise ConnectionRefusedError(address)

    with pytest.raises(ConnectionRefusedError, match="two"):
        await first(["one", "two"], open_one, 5.0)
