"""Bring a database to the newest shape: `schemas/migrations` in order, each once, under yoyo's lock."""

from __future__ import annotations

from pathlib import Path

import yoyo

import schemas

MIGRATIONS = Path(schemas.__file__).parent / "migrations"


def migrate(dsn: str) -> list[str]:
    """Apply what is missing and return its names; `dsn` is postgresql://…; safe to run at once from many machines."""
    _, _, address = dsn.partition("://")
    backend = yoyo.get_backend(f"postgresql+psycopg://{address}")
    try:
        known = yoyo.read_migrations(str(MIGRATIONS))
        with backend.lock():
            missing = backend.to_apply(known)
            backend.apply_migrations(missing)
        return [migration.id for migration in missing]
    finally:
        backend.connection.close()
