"""What a file is in truth, by its first characters: another format, or the error messages of its program."""

from __future__ import annotations

import re

from ingest.pull.records import FormatError

_SEEN_CHARACTERS = 2_000
_TAG = re.compile(r"<[^<>]{0,100}>")
_PHP = re.compile(
    r"(?:PHP )?(?:Notice|Warning|Deprecated|Strict Standards|(?:Catchable |Recoverable )?Fatal error|Parse error):\s"
)
_PHP_ENDS = re.compile(r" on line \d+")
_BEGINNINGS = (
    (("<!doctype html", "<html", "<head", "<body"), "an HTML page"),
    (("<?xml",), "XML"),
    (("{", "["), "JSON"),
    (("%pdf",), "a PDF document"),
    (("pk\x03\x04",), "a zip archive or a spreadsheet (xlsx)"),
)


def refuse_other_format(start: str, expected: str) -> None:
    """Raise FormatError when the file's first characters show that it is HTML, or another format than expected.

    Messages of a PHP program in front of the file are quoted: whoever reads it knows what to mend.
    """
    begins = start[:_SEEN_CHARACTERS].lstrip("\ufeff \t\r\n")
    message = php_message(begins)
    if message is not None:
        raise FormatError(f"expected {expected}, got a message of the vendor's PHP program in front of it: {message}")
    head = begins[:200].lower()
    seen = next((name for beginnings, name in _BEGINNINGS if head.startswith(beginnings)), None)
    if seen is None and head.startswith("<") and expected != "XML":
        seen = "XML"
    if seen and seen != expected:
        raise FormatError(f"expected {expected}, got {seen} that begins {head[:60]!r}")


def php_message(start: str) -> str | None:
    """Return the first error message of PHP that a text begins with, without its tags; None for none."""
    text = " ".join(_TAG.sub("", start).split())
    if not _PHP.match(text):
        return None
    ends = _PHP_ENDS.search(text)
    return text[: ends.end()][:300] if ends else text[:200]
