"""How a worker's connections are named."""

from __future__ import annotations

import uuid

from workers.shard.lock import connection_name, owner_of

WORKER = uuid.UUID(int=2**127 - 1)


def test_the_owner_of_a_connection_is_known_by_its_name():
    assert WORKER == owner_of(connection_name(WORKER, "shard 255"))


def test_connections_of_others_have_no_owner():
    assert [None, None, None] == [owner_of(name) for name in ("", "psql", "feedline-worker x shard 1")]


def test_a_name_fits_what_postgres_keeps():
    assert len(connection_name(WORKER, "shard 255")) < 64
