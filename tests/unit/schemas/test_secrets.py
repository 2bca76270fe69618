"""Credentials at rest: the first key encrypts, all decrypt."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.secrets import Vault, WrongKey
from schemas.settings import Settings

OLD, NEW = b"o" * 32, b"n" * 32


def test_what_an_old_key_encrypted_is_read_with_the_new_one_in_front():
    stored = Vault(OLD).encrypt({"password": "hush"})

    assert {"password": "hush"} == Vault(NEW, OLD).decrypt(stored)


def test_the_first_key_encrypts():
    stored = Vault(NEW, OLD).encrypt({"password": "hush"})

    assert {"password": "hush"} == Vault(NEW).decrypt(stored)
    assert Vault(NEW).is_of_first(stored)
    assert not Vault(OLD, NEW).is_of_first(stored)


def test_a_missing_key_says_what_is_missing_and_not_what_is_stored():
    with pytest.raises(WrongKey, match=r"^stored credentials cannot be decrypted with this SECRET_KEY: the one that "):
        Vault(NEW).decrypt(Vault(OLD).encrypt({"password": "hush"}))


def test_secret_key_takes_a_list_and_each_must_be_long_enough():
    given = {"database_url": "postgresql://h/d", "amqp_url": "amqp://h"}
    settings = Settings(secret_key=f"{NEW.decode()}, {OLD.decode()}", **given)

    assert ((NEW, OLD), NEW) == (settings.keys, settings.key)
    with pytest.raises(ValidationError, match="each key needs at least 32 characters"):
        Settings(secret_key=f"{NEW.decode()},short", **given)
