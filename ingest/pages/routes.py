"""All pages and actions, in the order of the navigation."""

from __future__ import annotations

from ingest.api.framework.caller import Scope
from ingest.pages.page import Entry
from ingest.pages.views import (
    audit,
    connect,
    dead_letters,
    drafts,
    feed_settings,
    feed_versions,
    feeds,
    fleet,
    goods,
    lag,
    now,
    operations,
    password,
    people,
    providers,
    receipts,
    runs,
    search,
    sessions,
    settings,
    tokens,
    usage,
    vendor_links,
)

ENTRIES: tuple[Entry, ...] = (
    *now.ENTRIES,
    *lag.ENTRIES,
    *drafts.ENTRIES,
    *feeds.ENTRIES,
    *feed_settings.ENTRIES,
    *feed_versions.ENTRIES,
    *vendor_links.ENTRIES,
    *runs.ENTRIES,
    *receipts.ENTRIES,
    *goods.ENTRIES,
    *search.ENTRIES,
    *connect.ENTRIES,
    *dead_letters.ENTRIES,
    *operations.ENTRIES,
    *usage.ENTRIES,
    *audit.ENTRIES,
    *providers.ENTRIES,
    *fleet.ENTRIES,
    *people.ENTRIES,
    *tokens.ENTRIES,
    *settings.ENTRIES,
    *sessions.ENTRIES,
    *password.ENTRIES,
)

NAVIGATION: tuple[tuple[str, str, str, Scope], ...] = (
    ("now", "Now", "/", Scope.READ),
    ("lag", "Lag", "/lag", Scope.READ),
    ("feeds", "Feeds", "/feeds", Scope.READ),
    ("providers", "Vendors", "/providers", Scope.READ),
    ("receipts", "Receipts", "/receipts", Scope.READ),
    ("connect", "Connect", "/connect", Scope.READ),
    ("dead", "Dead letters", "/dead-letters", Scope.READ),
    ("operations", "Operations", "/operations", Scope.READ),
    ("usage", "Usage", "/usage", Scope.READ),
    ("fleet", "Fleet", "/fleet", Scope.OPERATOR),
    ("people", "People", "/people", Scope.ADMIN),
    ("tokens", "API tokens", "/tokens", Scope.ADMIN),
    ("settings", "Settings", "/settings", Scope.READ),
    ("audit", "Audit log", "/audit-log", Scope.ADMIN),
    ("sessions", "Sessions", "/sessions", Scope.READ),
)
"""Section, label, address, scope."""
