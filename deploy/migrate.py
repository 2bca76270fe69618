"""Bring a database to the newest shape: `schemas/migrations` in order, each once, under yoyo's lock."""

from __future__ import annotations

from pathlib import Path

import yoyo
from yoyo.backends import DatabaseBackend

import schemas
from deploy import indexes

MIGRATIONS = Path(schemas.__file__).parent / "migrations"


def missing(dsn: str) -> list[str]:
    """Return the names of the migrations that this release has and the database has not, in order."""
    backend = _backend(dsn)
    try:
        return [migration.id for migration in backend.to_apply(yoyo.read_migrations(str(MIGRATIONS)))]
    finally:
        backend.connection.close()


def migrate(dsn: str) -> list[str]:
    """Apply what is missing and return its names; `dsn` is postgresql://…; safe to run at once from many machines."""
    backend = _backend(dsn)
    try:
        known = yoyo.read_migrations(str(MIGRATIONS))
        with backend.lock():
            to_apply = backend.to_apply(known)
            backend.apply_migrations(to_apply)
    finally:
        backend.connection.close()
    indexes.build(dsn)
    return [migration.id for migration in to_apply]


def _backend(dsn: str) -> DatabaseBackend:
    _, _, address = dsn.partition("://")
    return yoyo.get_backend(f"postgresql+psycopg://{address}")
