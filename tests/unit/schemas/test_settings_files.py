"""Secrets as files: what containers and systemd hand over."""

from __future__ import annotations

import pytest

from schemas.settings import Settings, load


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """Set every secret as a file, and none as a variable."""
    values = {
        "DATABASE_URL": "postgresql://feedline:hush@db/feedline",
        "AMQP_URL": "amqp://feedline:hush@mq/",
        "SECRET_KEY": "k" * 32,
    }
    for name, value in values.items():
        monkeypatch.delenv(name, raising=False)
        (tmp_path / name).write_text(f"{value}\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    return tmp_path


def test_secrets_are_read_from_files_without_their_last_newline(secrets):
    settings = Settings()

    assert "postgresql://feedline:hush@db/feedline" == settings.dsn
    assert "amqp://feedline:hush@mq/" == settings.amqp
    assert b"k" * 32 == settings.key


def test_a_secret_that_is_set_twice_is_refused_without_showing_it(secrets, monkeypatch):
    monkeypatch.setenv("AMQP_URL", "amqp://feedline:other@mq/")

    with pytest.raises(SystemExit) as refused:
        load()

    assert "settings are not usable:\n  AMQP_URL and AMQP_URL_FILE are both set" == str(refused.value)


def test_a_file_that_is_not_there_is_named(secrets):
    (secrets / "SECRET_KEY").unlink()

    with pytest.raises(SystemExit) as refused:
        load()

    assert f"SECRET_KEY_FILE: {secrets / 'SECRET_KEY'} cannot be read: No such file or directory" in str(refused.value)


def test_an_empty_file_is_a_missing_secret(secrets):
    (secrets / "SECRET_KEY").write_text("\n")

    with pytest.raises(SystemExit, match="SECRET_KEY: is required"):
        load()


def test_only_secrets_are_read_from_files(secrets, monkeypatch):
    monkeypatch.setenv("SHARDS_FILE", str(secrets / "SECRET_KEY"))

    assert 4 == Settings().shards
