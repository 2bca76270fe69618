"""All pages and actions, in the order of the navigation."""

from __future__ import annotations

from ingest.api.framework.caller import Scope
from ingest.pages.page import Entry
from ingest.pages.views import drafts, feed_settings, feeds, goods, now, receipts, runs, sessions

ENTRIES: tuple[Entry, ...] = (
    *now.ENTRIES,
    *drafts.ENTRIES,
    *feeds.ENTRIES,
    *feed_settings.ENTRIES,
    *runs.ENTRIES,
    *receipts.ENTRIES,
    *goods.ENTRIES,
    *sessions.ENTRIES,
)

NAVIGATION: tuple[tuple[str, str, str, Scope], ...] = (
    ("now", "Now", "/", Scope.READ),
    ("feeds", "Feeds", "/feeds", Scope.READ),
    ("sessions", "Sessions", "/sessions", Scope.READ),
)
"""Section, label, address, scope."""
