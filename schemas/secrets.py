"""Secrets at rest and in answers: tokens are stored as digests, feeds' credentials encrypted, both shown masked.

The encryption key is derived from SECRET_KEY by HKDF (RFC 5869), so that signing and encrypting never share a key;
Fernet gives authenticated encryption (https://github.com/fernet/spec).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.errors import Permanent

MASK = "********"
"""What stands in an answer for a secret that is set."""

TOKEN_PREFIX = "feedline_"  # noqa: S105 - lets secret scanners recognise a leaked token
_PURPOSE = b"feedline: feeds' credentials"
_DIGEST_PURPOSE = b"feedline: digests of feeds' credentials"


class WrongKey(Permanent):
    """What is stored was encrypted with another SECRET_KEY than those that we have."""

    def __init__(self) -> None:
        super().__init__(
            "stored credentials cannot be decrypted with this SECRET_KEY: the one that encrypted them is missing"
        )


class Vault:
    """Encrypts a feed's secrets into the `secrets` column and back."""

    def __init__(self, key: bytes, *before: bytes) -> None:
        """Derive the encryption keys from the settings' secret keys: the first encrypts, all decrypt."""
        self._first, *others = (Fernet(base64.urlsafe_b64encode(_derived(one, _PURPOSE))) for one in (key, *before))
        self._fernet = MultiFernet([self._first, *others])
        self._digest_key = _derived(key, _DIGEST_PURPOSE)

    def encrypt(self, values: dict[str, Any]) -> bytes:
        """Return what the `secrets` column holds for these JSON values."""
        return self._fernet.encrypt(orjson.dumps(values))

    def decrypt(self, stored: bytes | None) -> dict[str, Any]:
        """Return the values of a `secrets` column ({} when null); `WrongKey` when SECRET_KEY is another one."""
        if stored is None:
            return {}
        try:
            values: dict[str, Any] = orjson.loads(self._fernet.decrypt(bytes(stored)))
        except InvalidToken:
            raise WrongKey from None
        return values

    def is_of_first(self, stored: bytes) -> bool:
        """Return whether what a column holds was encrypted with the first key."""
        try:
            self._first.decrypt(bytes(stored))
        except InvalidToken:
            return False
        return True

    def digest(self, values: dict[str, Any]) -> str:
        """Return what tells whether secrets were changed; without SECRET_KEY nobody can try passwords against it."""
        written = orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(written, digest_size=16, key=self._digest_key).hexdigest()


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key)


def new_webhook_hash() -> str:
    """Return a new webhook secret of a feed: 48 hexadecimal digits, 192 random bits."""
    return secrets.token_hex(24)


def new_token() -> str:
    """Return a new API token; shown once, stored as `token_digest`."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_digest(token: str) -> bytes:
    """Return what is stored of an API token: its SHA-256. A token is random and long, so no salt is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
