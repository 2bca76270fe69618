"""The drill of docs/deploy.md: dump, lose the database, restore, let the broker replay what it holds."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import asyncpg

from deploy.local.postgres import programs


async def run(program: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(programs() / program, *arguments, stderr=asyncio.subprocess.PIPE)
    _, told = await process.communicate()
    assert (0, b"") == (process.returncode, told)


async def test_after_a_restore_nothing_is_lost_and_nothing_is_applied_twice(fleet, postgres, tmp_path):
    dump = str(tmp_path / "feedline.dump")
    name = urlsplit(fleet.settings.dsn).path[1:]
    async with fleet.worker() as worker:
        await fleet.post_all(10)
        await fleet.settled()
        assert 0 == await worker.stop()
    await run("pg_dump", "--format=custom", f"--file={dump}", fleet.settings.dsn)
    applied = list(fleet.sent)

    owner = await asyncpg.connect(postgres.dsn)
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    for batch in applied:  # applied before the dump, and never acknowledged: the broker sends them again
        await fleet.publisher.publish(batch)
    await fleet.post_all(10)  # accepted while there is no database at all
    await owner.execute(f"CREATE DATABASE {name}")
    await owner.close()
    await run("pg_restore", "--exit-on-error", f"--dbname={fleet.settings.dsn}", dump)
    await fleet.fetch("TRUNCATE events")
    await fleet.fetch("UPDATE endpoints SET position = 0, sending_to = NULL")

    async with fleet.worker():
        await fleet.settled()
    assert len(applied) * 2 == len(fleet.sent)
    counted = await fleet.fetch("SELECT feed_id, count(*) FROM written GROUP BY feed_id ORDER BY feed_id")
    assert all(count <= 20 for _, count in counted)
    assert [] == await fleet.fetch("SELECT 1 FROM dead_letters")
