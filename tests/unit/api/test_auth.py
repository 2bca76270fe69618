"""Who is not known asks Postgres only so often."""

import asyncpg
import pytest

from ingest.api.framework.auth import CACHE_S, LOOK_UPS_PER_S, Tokens
from ingest.http.problems import ProblemError

ROW = {"id": 1, "name": "shop", "account_id": 2, "scope": "read"} | {
    "requests_per_second": None, "feeds": None, "suspended": False,
}  # fmt: skip


class Table:
    """Stands for the pool: knows one token, counts the look-ups."""

    def __init__(self, row=None):
        self.row, self.asked = row, 0

    async def fetchrow(self, *_):
        self.asked += 1
        return self.row and {**self.row, "note_use": False}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


async def statuses(tokens, number):
    found = []
    for one in range(number):
        try:
            found.append(await tokens.caller(f"made up {one}"))
        except ProblemError as problem:
            found.append((problem.status, problem.headers["Retry-After"]))
    return found


async def test_strangers_together_ask_postgres_a_bounded_number_of_times():
    table, clock = Table(), Clock()
    tokens = Tokens(table, clock)

    told = await statuses(tokens, 1_000)

    assert [None] * int(LOOK_UPS_PER_S) + [(429, "1")] * (1_000 - int(LOOK_UPS_PER_S)) == told
    assert LOOK_UPS_PER_S == table.asked
    clock.now = 0.1
    assert 0.1 * LOOK_UPS_PER_S == sum(one is None for one in (await statuses(tokens, 1_000))[100:])


async def test_the_same_wrong_token_is_looked_up_once_in_a_while():
    table, clock = Table(), Clock()
    tokens = Tokens(table, clock)

    for _ in range(50):
        assert await tokens.caller("wrong") is None
    assert 1 == table.asked
    clock.now = CACHE_S
    await tokens.caller("wrong")
    assert 2 == table.asked


async def test_who_was_known_a_moment_ago_is_not_shut_out_by_strangers():
    table, clock = Table(ROW), Clock()
    tokens = Tokens(table, clock)
    known = await tokens.caller("right")
    table.row = None
    await statuses(tokens, 1_000)
    table.row, clock.now = ROW, CACHE_S

    assert known == await tokens.caller("right")


async def test_a_hash_is_no_token_and_a_token_no_hash():
    table = Table({**ROW, "feed_id": 7})
    tokens = Tokens(table, Clock())

    owner, vendor = await tokens.caller("same"), await tokens.vendor("same")

    assert (False, True) == (owner.is_vendor, vendor.is_vendor)
    assert (None, [7]) == (owner.only_feeds, vendor.only_feeds)
    assert ("shop (token 1)", "a vendor") == (owner.name, vendor.name)
    assert 2 == table.asked


async def test_a_database_that_is_away_makes_nobody_a_stranger():
    class Away:
        async def fetchrow(self, *_):
            raise asyncpg.CannotConnectNowError

    with pytest.raises(asyncpg.CannotConnectNowError):
        await Tokens(Away(), Clock()).caller("right")
