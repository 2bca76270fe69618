"""Passwords are hashed at the cost that RFC 9106 recommends, and those of people who do not exist too."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from ingest.pages.sessions import passwords
from ingest.pages.sessions.passwords import MAX_LENGTH, MIN_LENGTH, password_hash, verified

PASSWORD = "correct horse battery"


async def test_a_hash_costs_what_is_recommended_and_so_does_looking_for_a_person_who_is_none():
    stored = password_hash(PASSWORD)

    assert RFC_9106_LOW_MEMORY == extract_parameters(stored) == extract_parameters(passwords._NOBODY)
    assert Type.ID == extract_parameters(stored).type
    assert stored == await verified(stored, PASSWORD)


async def test_a_wrong_password_is_refused_and_a_right_one_is_hashed_anew_when_the_cost_was_raised(monkeypatch):
    older, newer = (PasswordHasher(time_cost=cost, memory_cost=8, parallelism=1) for cost in (1, 2))
    stored = older.hash(PASSWORD)
    monkeypatch.setattr(passwords, "_HASHER", newer)

    renewed = await verified(stored, PASSWORD)

    assert 2 == extract_parameters(renewed).time_cost
    assert newer.verify(renewed, PASSWORD)
    assert [None] * 3 == [await verified(one, "another one") for one in (stored, renewed, "no hash")]


@pytest.mark.parametrize("length", [MIN_LENGTH - 1, MAX_LENGTH + 1])
async def test_a_password_that_is_too_short_or_too_long_is_hashed_by_nobody(length):
    with pytest.raises(ValueError, match="expected a password of 12 to 200 characters"):
        password_hash("x" * length)
