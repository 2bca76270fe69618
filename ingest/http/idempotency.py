"""The header Idempotency-Key: what a key may be. Source: draft-ietf-httpapi-idempotency-key-header."""

from __future__ import annotations

import re
from typing import Final

from ingest.http.problems import ProblemError

HEADER: Final = "Idempotency-Key"
_VALID = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")


def checked(idempotency_key: str, prefix: str) -> str:
    """Return a key that is one (1 to 255 printable ASCII characters); raises `ProblemError` 400.

    `prefix` begins the problem's code: `edge` or `api`.
    """
    if _VALID.fullmatch(idempotency_key):
        return idempotency_key
    code = f"{prefix}.idempotency_key.invalid"
    raise ProblemError(400, code, f"{HEADER} must be 1 to 255 printable ASCII characters.")
