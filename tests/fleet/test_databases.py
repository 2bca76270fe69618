"""The fleet on a primary with a synchronous standby: the primary is killed under load, the standby promoted by hand."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local.postgres import DATABASE, USER, Postgres, programs
from deploy.migrate import migrate
from ingest.amqp.publish import Publisher
from schemas.settings import Settings
from tests import fleets
from tests.fleet.model import Model

PATIENCE_S = 120
NAME = "standby"


class Standby(Postgres):
    """A hot standby that follows `primary` by streaming replication."""

    def __init__(self, folder: Path, marker: dict[str, str], primary: Postgres) -> None:
        super().__init__(folder, marker, durable=False)
        self._primary = primary

    def _make(self) -> None:
        password = self.folder / "password"
        shutil.copyfile(self._primary.folder / "password", password)
        if self._user:
            for path in (self.folder, password):
                os.chown(path, self._user.uid, self._user.gid)
        source = f"{self._primary.dsn}?application_name={NAME}"
        copy = ("--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
        self._run([str(programs() / "pg_basebackup"), "-D", f"{self._inside()}/data", "-d", source, *copy])


@pytest.fixture
def servers(tmp_path_factory, _marker) -> Iterator[tuple[Postgres, Standby]]:
    folder = tmp_path_factory.mktemp("databases")
    primary = Postgres(folder / "primary", _marker, durable=False)
    standby = Standby(folder / NAME, _marker, primary)
    try:
        primary.start(PATIENCE_S)
        migrate(primary.dsn)
        standby.start(PATIENCE_S)
        with psycopg.connect(primary.dsn, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{NAME}'")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(fleets.SEED)
        yield primary, standby
    finally:
        for server in (primary, standby):
            server.kill()
            server.close()


async def test_a_killed_primary_loses_nothing_that_was_applied_and_the_promoted_standby_goes_on(
    servers, amqp_url, monkeypatch, tell
):
    monkeypatch.setattr(fleets, "TIMEOUT_S", PATIENCE_S)
    primary, standby = servers
    login = f"{USER}:{(primary.folder / 'password').read_text().strip()}"
    settings = Settings(
        database_url=f"postgresql://{login}@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/{DATABASE}",
        amqp_url=amqp_url,
        secret_key=secrets.token_hex(16),
        shards=4,
        monitor_port=0,
    )
    with psycopg.connect(primary.dsn) as connection:
        assert ("sync",) == connection.execute("SELECT sync_state FROM pg_stat_replication").fetchone()
    async with Publisher(settings, "test") as publisher:
        model = Model(settings, publisher)
        async with model.worker(), model.worker():
            async with model.posting():
                await model.progress()
                killed_at = time.monotonic()
                await asyncio.to_thread(primary.kill)
                with psycopg.connect(standby.dsn, autocommit=True) as connection:
                    assert (True,) == connection.execute("SELECT pg_promote()").fetchone()
                tell(f"promoted after {time.monotonic() - killed_at:.2f} s")
                await model.progress()
                tell(f"kill -9 of the primary: all feeds applied again after {time.monotonic() - killed_at:.2f} s,")
                tell(f"longest gap of confirms meanwhile {model.longest_gap_s(killed_at):.2f} s")
            await model.settled()
        tell(f"{len(model.sent)} batches confirmed, each applied once, in order")
