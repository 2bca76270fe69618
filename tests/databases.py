"""Databases that a test leaves as if they were new: emptied, which takes a sixth of what making one anew takes."""

from __future__ import annotations

import itertools

import psycopg

from deploy.local.postgres import DATABASE, Postgres
from tests.clusters import TEMPLATE, make_template

_ROOMY_BYTES = 2**18
"""A table beyond this keeps too much of its dead rows for the next test."""
_END_OTHERS = """
SELECT pg_terminate_backend(pid, CASE WHEN state = 'idle' THEN 0 ELSE 60000 END) FROM pg_stat_get_activity(NULL)
WHERE datid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""
_SHAPE = """
SELECT md5(concat(
    (SELECT string_agg(concat_ws(' ', oid, relnatts, relchecks, relhastriggers, relispartition, relacl, reloptions), ','
                       ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
    (SELECT string_agg(concat_ws(' ', oid, tgenabled), ',' ORDER BY oid) FROM pg_trigger),
    (SELECT string_agg(concat_ws(' ', oid, conname), ',' ORDER BY oid) FROM pg_constraint),
    (SELECT string_agg(concat_ws(' ', oid, proname, md5(prosrc)), ',' ORDER BY oid) FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace),
    (SELECT string_agg(setconfig::text, ',') FROM pg_db_role_setting s
     LEFT JOIN pg_database d ON d.oid = s.setdatabase WHERE s.setdatabase = 0 OR d.datname = current_database())
))
"""
"""All that a test can change of a database but its rows."""
_FILLED = """
SELECT oid::regclass::text, size FROM (
    SELECT oid, pg_relation_size(oid) AS size FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace OFFSET 0) sizes
WHERE size > 0
"""
_RESTART = """
SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL
"""
_WHATEVER_ORDER = "-c session_replication_role=replica"
"""No trigger fires, and rows go before those that name them."""


class Databases:
    """Copies of a template; `take` and `give_back`. Sessions are kept: to open one takes longer than to use it."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._numbers = itertools.count(1)
        self._sessions: dict[str, psycopg.Connection] = {}
        self.begin()

    def begin(self) -> None:
        """Begin with a new cluster; make the template if it has none."""
        self.close()
        self._clean: list[str] = []
        known = f"SELECT FROM pg_database WHERE datname = '{TEMPLATE}'"
        if self._session(DATABASE).execute(known).fetchone() is None:
            make_template(self._postgres)
        with psycopg.connect(self._postgres.dsn_of(TEMPLATE)) as connection:
            self._shape = connection.execute(_SHAPE).fetchone()  # a copy has its template's oids
            self._kept = {name for name, _ in connection.execute(_FILLED)}

    def close(self) -> None:
        """End every session."""
        while self._sessions:
            self._sessions.popitem()[1].close()

    def take(self) -> str:
        """Return the name of a database that is as the template."""
        return self._clean.pop() if self._clean else self.new()

    def new(self) -> str:
        """Return the name of a database that no test has had."""
        name = f"test_{next(self._numbers)}"
        self._session(DATABASE).execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        return name

    def give_back(self, name: str) -> None:
        """Empty a database for the next test; drop it when rows are not all that was changed."""
        if self._emptied(self._session(name)):
            self._clean.append(name)
        else:
            self.drop(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        if name in self._sessions:
            self._sessions.pop(name).close()
        self._session(DATABASE).execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _session(self, database: str) -> psycopg.Connection:
        """Return a session that lives, the same as long as it does."""
        found = self._sessions.pop(database, None)
        if found is not None:
            try:
                found.execute("", prepare=False)
            except psycopg.OperationalError:  # the server was ended meanwhile, or all its sessions
                found.close()
                found = None
        if found is None:
            found = psycopg.connect(
                self._postgres.dsn_of(database), autocommit=True, prepare_threshold=0, options=_WHATEVER_ORDER
            )
        self._sessions[database] = found
        return found

    def _emptied(self, session: psycopg.Connection) -> bool:
        session.execute(_END_OTHERS)
        filled = {table: size for table, size in session.execute(_FILLED) if table not in self._kept}
        grown = any(size > _ROOMY_BYTES for size in filled.values())
        if grown or self._shape != session.execute(_SHAPE).fetchone():
            return False
        session.execute(";".join(f"DELETE FROM {table}" for table in filled), prepare=False)
        session.execute(_RESTART)
        return True
