"""A Postgres that is frozen, slow, or has no connection to spare: told apart, and within a bounded time."""

import asyncio
import os
import signal
from pathlib import Path

import asyncpg
import pytest

from ingest.api.framework import postgres as limits
from ingest.api.framework.call import SERVICES
from tests.integration.api.road import until

TIMES = (limits.STATEMENT_TIMEOUT_S, limits.SILENCE_S, limits.ACQUIRE_TIMEOUT_S)
STATEMENT_S, SILENCE_S, ACQUIRE_S = 0.5, 3.0, 3.0


@pytest.fixture
def settings(settings, monkeypatch):
    """The API with shorter patience; `test_...within_ten_seconds` holds the real one."""
    monkeypatch.setattr(limits, "STATEMENT_TIMEOUT_S", STATEMENT_S)
    monkeypatch.setattr(limits, "SILENCE_S", SILENCE_S)
    monkeypatch.setattr(limits, "ACQUIRE_TIMEOUT_S", ACQUIRE_S)
    return settings


async def is_answered(api, path):
    """Wait until the API, whose patience is short here, answers: a busy machine may be slower than that."""
    await until(lambda: api.call("GET", path), lambda answer: answer.status == 200)


def processes(postgres):
    """Return the ids of the postmaster and of its children."""
    master = int((postgres.folder / "data" / "postmaster.pid").read_text().split()[0])
    children = [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]
    return [master, *children]


def test_the_times_add_up_to_less_than_ten_seconds():
    statement_s, silence_s, acquire_s = TIMES
    assert statement_s < silence_s
    assert silence_s + acquire_s < 10


async def test_a_frozen_postgres_is_503_and_soon(api, postgres):
    await is_answered(api, "/api/dropship-providers.json")
    frozen = processes(postgres)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(60):  # the times themselves: see above
            answers = await asyncio.gather(
                api.call("GET", "/api/dropship-providers.json"),
                api.call("POST", "/api/dropship-providers.json", json={"name": "a"}),
                api.call("POST", "/api/variants.json", json={"sku": "1"}, headers={"Idempotency-Key": "a"}),
                *(api.call("GET", "/api/account.json") for _ in range(20)),
            )
    finally:
        for pid in reversed(frozen):
            os.kill(pid, signal.SIGCONT)

    assert {(503, "2")} == {(answer.status, answer.headers.get("Retry-After")) for answer in answers}
    await is_answered(api, "/api/account.json")


async def test_a_slow_query_is_504_and_says_so(api):
    await is_answered(api, "/api/account.json")
    connection = await asyncpg.connect(api.database)
    async with connection.transaction():
        await connection.execute("LOCK TABLE variants IN ACCESS EXCLUSIVE MODE")
        problem = await api.problem(504, "GET", "/api/variants.json")
    await connection.close()

    assert "api.variants.list.slow" == problem["title"]
    await is_answered(api, "/api/variants.json")


async def test_a_pool_without_a_free_connection_makes_nobody_wait_for_ever(api):
    await is_answered(api, "/api/account.json")
    pool = api.client.app[SERVICES].pool
    taken = [await pool.acquire() for _ in range(limits.POOL_SIZE)]
    try:
        problem = await api.problem(503, "GET", "/api/account.json")
    finally:
        for connection in taken:
            await pool.release(connection)

    assert "api.unavailable" == problem["title"]
    await is_answered(api, "/api/account.json")
