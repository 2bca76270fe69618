"""Errors say what happens next.

FeedlineError
├── Rejected          the sender's fault: told at once, costs nobody else
│   └── ProblemError  (ingest/http/problems.py) a refusal over HTTP
├── Transient         a dependency is away: wait, retry with back-off, burn no delivery count
└── Permanent         this batch can never be applied: split it, dead-letter the bad item
"""

from __future__ import annotations


class FeedlineError(Exception):
    """Base of every error that this project raises on purpose."""


class Rejected(FeedlineError):
    """The sender's fault; the message is fit to be shown to the sender."""


class Transient(FeedlineError):
    """A dependency is away; the same work may succeed later, unchanged."""


class Permanent(FeedlineError):
    """This can never succeed unchanged."""
