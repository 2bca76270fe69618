"""All pages and actions, in the order of the navigation."""

from __future__ import annotations

from ingest.api.framework.caller import Scope
from ingest.pages.page import Entry, Way
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

NAVIGATION: tuple[Way, ...] = (
    Way("now", "Now", "/", group="watch"),
    Way("lag", "Lag", "/lag", group="watch"),
    Way("feeds", "Feeds", "/feeds", group="goods"),
    Way("providers", "Vendors", "/providers", group="goods"),
    Way("connect", "Connect", "/connect", group="goods"),
    Way("receipts", "Receipts", "/receipts", group="goods"),
    Way("usage", "Usage", "/usage", group="goods"),
    Way("dead", "Dead letters", "/dead-letters", group="trouble"),
    Way("operations", "Operations", "/operations", group="trouble"),
    Way("fleet", "Fleet", "/fleet", Scope.OPERATOR, group="house"),
    Way("people", "People", "/people", Scope.ADMIN, group="house"),
    Way("tokens", "API tokens", "/tokens", Scope.ADMIN, group="house"),
    Way("settings", "Settings", "/settings", group="house"),
    Way("audit", "Audit log", "/audit-log", Scope.ADMIN, group="house"),
    Way("sessions", "Sessions", "/sessions", group="house"),
)
"""What stands beside every page; a gap divides the groups."""
