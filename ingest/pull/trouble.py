"""How files and answers say that something went wrong, beside what they hold: names in lower case, and what is none."""

from __future__ import annotations

from typing import Any, Final

ERRORS: Final = frozenset(("error", "errors", "exception", "fault"))
_NONE: Final = frozenset(("", "0", "none", "null", "false", "no", "ok", "success", "no error"))


def is_trouble(value: Any) -> bool:
    """Return whether the value of a field with such a name tells of an error."""
    return bool(value) and not (value.__class__ is str and value.strip().lower() in _NONE)
