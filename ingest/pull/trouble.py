"""How files and answers say that something went wrong, beside what they hold: by fields that APIs call so.

Names are compared by their letters alone, in any case. A field counts only with a value that tells of trouble: programs
fill in `"error": {"code": 0, "message": ""}` where all is well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

ERRORS: Final = frozenset(("error", "errors", "exception", "fault"))
_CODES: Final = frozenset(("errorcode", "errcode", "errno"))
_MESSAGES: Final = frozenset(("errormessage", "errormsg", "errmsg", "errordescription"))
_GOOD: Final = frozenset(("success", "ok", "succeeded", "issuccess", "successful"))
_BAD: Final = frozenset(("timedout", "incomplete", "incompleteresults", "partial", "partialresults"))
_STATUS: Final = frozenset(("status", "statuscode", "httpstatus", "httpcode", "code"))
STATES: Final = _STATUS | _CODES | {"returncode", "resultcode", "result"}
"""What an answer with items and one that tells of an error differ in."""
_PARTS_FAILED: Final = "shardsfailed"
"""As Elasticsearch says that the answer lacks what a part of it has."""
_FAILED: Final = frozenset(
    (
        *("error", "fail", "failed", "failure", "timeout", "aborted", "cancelled", "unavailable"),
        *("partial", "incomplete", "pending", "processing", "inprogress"),
    )
)
_AROUND: Final = frozenset(
    ("meta", "metadata", "response", "result", "header", "head", "data", "body", "status", "shards")
)
"""Objects that APIs put around what an answer says of itself."""
_TELLING: Final = (
    ERRORS
    | _CODES
    | _MESSAGES
    | _STATUS
    | {"", "number", "message", "msg", "text", "description", "detail", "details", "reason", "title", "type"}
)
"""What of an error says whether it is one; beside these stand times, requests' ids and the like."""
_NONE: Final = frozenset(("", "none", "null", "nil", "false", "no", "ok", "success", "n/a", "-"))
_FINE: Final = re.compile(r"\bsuccess(?:ful|fully)?\b|\b(?:no|0|without)\s+errors?\b")
_NOT_FINE: Final = re.compile(r"\bnot\b|\bno success|\bfail|\bbut\b|\bpartial")
_LONGEST = 1_000
_TROUBLE: Final = re.compile(
    r"error|exception|traceback|warning|fatal|fail(?:ed|ure)|time[d ]*out|cancell?ed|abort|denied|refused|exhausted"
    r"|gone away|truncated|incomplete|partial|\bmore rows",
    re.IGNORECASE,
)
_LIMITS: Final = re.compile(
    r"limit|exceed|throttl|too many|unauthori|forbidden|unavailable|maintenance|expired|invalid", re.IGNORECASE
)
_NO_TROUBLE: Final = re.compile(r"\b(?:0|no|without)\s+(?:errors?|warnings?|failures?)\b", re.IGNORECASE)
_LONGEST_MESSAGE = 200
_NO_LETTERS = re.compile(r"[^A-Za-z]")
_STEP = re.compile(r"[^.\[\]]+")


def bare(name: str) -> str:
    """Return a name's letters, in lower case."""
    return _NO_LETTERS.sub("", name).lower()


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values inside a value of JSON, each with its path."""
    if value.__class__ is dict:
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif value.__class__ is list:
        for at, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{at}]")
    else:
        yield path, value


def says_trouble(text: str) -> bool:
    """Return whether a text seems to be a message: that a program failed, or left something out."""
    return _TROUBLE.search(_NO_TROUBLE.sub("", text[:_LONGEST_MESSAGE])) is not None


def refuses(path: str, value: Any) -> bool:
    """Return whether a field of an answer is a message that says why there is nothing in it."""
    name = bare(path.rpartition(".")[2])
    if name not in ("message", "msg", "detail", "reason", "description") or value.__class__ is not str:
        return False
    return says_trouble(value) or _LIMITS.search(value[:_LONGEST_MESSAGE]) is not None


def error_among(fields: Iterable[tuple[str, Any]]) -> str | None:
    """Return which of the fields (path, value) beside the items tells of an error; None for none of them.

    They stand at the top, or in objects that are but wrapping; an array is one of many things, but for one of errors.
    """
    errors: dict[str, list[tuple[str, Any]]] = {}
    for path, value in fields:
        last, end = "", 0
        for step in _STEP.finditer(path):
            last, end = bare(step[0]), step.end()
            if last in ERRORS:
                errors.setdefault(path[:end], []).append((path[end:], value))
            if last not in _AROUND:
                break
        if last == "failed" and bare(path) == _PARTS_FAILED:
            last = _PARTS_FAILED
        if end == len(path) and _is_failure(last, value):
            return path
    return next((path for path, told in errors.items() if is_trouble(told)), None)


def is_trouble(told: Iterable[tuple[str, Any]]) -> bool:
    """Return whether what stands in a field for errors, as (path in it, value), tells of one."""
    named = [(bare(path.rpartition(".")[2]), value) for path, value in told]
    telling = [(name, value) for name, value in named if name in _TELLING]
    return any(_is_bad(name, value) for name, value in telling or named)


def _is_failure(name: str, value: Any) -> bool:
    if name in _GOOD:
        return value is False or (value.__class__ is str and value.strip().lower() in ("false", "no", "0"))
    if name in _BAD:
        return value is True
    if name == _PARTS_FAILED:
        return (_number(value) or 0) > 0
    if name in _STATUS:
        code = _number(value)
        failed = name != "code" and code is not None and 400 <= code < 600  # noqa: PLR2004 - HTTP's
        return failed or (value.__class__ is str and bare(value[:_LONGEST]) in _FAILED)
    if name in _CODES:
        return _number(value) is not None and _is_bad(name, value)
    return name in _MESSAGES and value.__class__ is str and _is_bad(name, value)


def _is_bad(name: str, value: Any) -> bool:
    number = _number(value)
    if number is not None:
        return number != 0 and not (name in _STATUS and 200 <= number < 300)  # noqa: PLR2004 - HTTP's
    if value.__class__ is not str:
        return bool(value)
    text = value[:_LONGEST].strip().lower().rstrip(".!")
    return text not in _NONE and (_FINE.search(text) is None or _NOT_FINE.search(text) is not None)


def _number(value: Any) -> float | None:
    if value.__class__ in (int, float):
        return float(value)
    return float(value) if value.__class__ is str and value.strip().isdecimal() and len(value) < 20 else None  # noqa: PLR2004
