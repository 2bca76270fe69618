"""Passwords of people: argon2id with the library's recommended cost (RFC 9106), hashed off the event loop.

Hashing takes 64 MiB and tens of milliseconds on purpose: two at a time, so that a storm of sign-ins does not take the
process's memory.
"""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

MIN_LENGTH, MAX_LENGTH = 12, 200
_HASHER = PasswordHasher()
_AT_ONCE = asyncio.Semaphore(2)
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$+41DiRJn+SjLCsAPZIFy7A$sezyURWhkBPhUQi4lDjNrNfNqQ6g7+REZLs9etSmJY4"
"""A hash that no password has: an unknown name costs the same time as a wrong password."""


def password_hash(password: str) -> str:
    """Return what is stored of a password; raises ValueError for one that is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise ValueError(f"expected a password of {MIN_LENGTH} to {MAX_LENGTH} characters")
    return _HASHER.hash(password)


async def verified(stored: str | None, password: str) -> str | None:
    """Return the hash to keep when the password is right (a new one when the cost was raised since), else None.

    `stored` is None for an unknown person.
    """
    if len(password) > MAX_LENGTH:
        return None
    async with _AT_ONCE:
        return await asyncio.to_thread(_verified, stored or _NOBODY, password)


def _verified(stored: str, password: str) -> str | None:
    try:
        _HASHER.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return _HASHER.hash(password) if _HASHER.check_needs_rehash(stored) else stored
