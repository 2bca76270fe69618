"""The upkeep duty among its parts: none of them ends unseen."""

import asyncio

import asyncpg
import pytest

from schemas.settings import Settings
from workers import database
from workers.clock import Clock
from workers.duties.upkeep import Upkeep

SETTINGS = Settings(database_url="postgresql://localhost/x", amqp_url="amqp://localhost/x", secret_key="k" * 32)


class Connection:
    """One that never breaks and never tells anything."""

    def add_termination_listener(self, _):
        pass

    async def add_listener(self, *_):
        pass

    def is_closed(self):
        return False


class Releaser:
    async def round(self, *_):
        return 0


async def test_a_part_that_dies_takes_the_duty_with_it_and_so_the_process(monkeypatch):
    async def refused(*_):
        raise asyncpg.InvalidPasswordError("the password was changed")

    monkeypatch.setattr(database, "open_connection", refused)
    with pytest.raises(asyncpg.InvalidPasswordError):
        async with asyncio.timeout(20):
            await Upkeep(SETTINGS, Releaser(), Clock()).serve(Connection())
