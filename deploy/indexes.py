"""Build indexes of partitioned tables beside whoever writes them, where a migration has only said what they are.

Postgres has no CREATE INDEX CONCURRENTLY for such a table. So a migration says `CREATE INDEX … ON ONLY`, which is done
at once and leaves an index that is not valid; here every partition gets its own, concurrently, and as the last one is
attached the index becomes valid. The next call goes on with what was broken off: what is left to do stands in the
catalogue. Source: https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

from __future__ import annotations

import time
from contextlib import suppress

import psycopg
from psycopg import sql

_LOCK = 6_919_101
"""An advisory lock: who builds. It is tried, not waited for: a concurrent build waits for every statement that runs."""
_POLL_S = 0.5
# The default partition last, as the oldest: it is never dropped, so there is one left to attach.
_NEXT = """
SELECT c.oid::regclass::text AS parent, c.relname AS name, n.nspname AS schema, t.relname AS partition,
       pg_get_indexdef(c.oid) AS definition
FROM pg_index x
JOIN pg_class c ON c.oid = x.indexrelid AND c.relkind = 'I'
JOIN pg_inherits p ON p.inhparent = x.indrelid
JOIN pg_class t ON t.oid = p.inhrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE NOT x.indisvalid
  AND NOT EXISTS (SELECT FROM pg_inherits a JOIN pg_index o ON o.indexrelid = a.inhrelid
                  WHERE a.inhparent = c.oid AND o.indrelid = t.oid)
ORDER BY c.oid, t.oid DESC
LIMIT 1
"""


def build(dsn: str) -> None:
    """Build what is missing of every such index; returns at once where nothing is. Safe to run at once from many."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        while connection.execute(_NEXT).fetchone():
            if connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone() == (True,):
                _build_all(connection)
                return
            time.sleep(_POLL_S)


def _build_all(connection: psycopg.Connection) -> None:
    while (found := connection.execute(_NEXT).fetchone()) is not None:
        parent, name, schema, partition, definition = found
        name = f"{name}_of_{partition}"
        own = sql.Identifier(schema, name)
        _, using, what = definition.partition(" USING ")
        with suppress(psycopg.errors.UndefinedTable):  # the partition was dropped meanwhile
            # What was broken off is there, but not valid.
            connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(own))
            connection.execute(
                sql.SQL("CREATE INDEX CONCURRENTLY {} ON {}{}").format(
                    sql.Identifier(name), sql.Identifier(schema, partition), sql.SQL(using + what)
                )
            )
            connection.execute(sql.SQL("ALTER INDEX {} ATTACH PARTITION {}").format(sql.SQL(parent), own))
