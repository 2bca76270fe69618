"""All operations of the API, in the order in which the documentation shows them."""

from __future__ import annotations

from ingest.api.framework.operation import Operation
from ingest.api.resources import (
    account,
    accounts,
    audit,
    batches,
    changes,
    dead_letters,
    diffs,
    endpoints,
    exports,
    feed_conditions,
    feed_variants,
    feeds,
    history,
    lag,
    overview,
    parse_webhook,
    preview,
    previews,
    providers,
    runs,
    tokens,
    variants,
)

OPERATIONS: tuple[Operation, ...] = (
    *providers.OPERATIONS,
    *feeds.OPERATIONS,
    *parse_webhook.OPERATIONS,
    *runs.OPERATIONS,
    *diffs.OPERATIONS,
    *preview.OPERATIONS,
    *previews.OPERATIONS,
    *feed_variants.OPERATIONS,
    *exports.OPERATIONS,
    *history.OPERATIONS,
    *variants.OPERATIONS,
    *changes.OPERATIONS,
    *endpoints.OPERATIONS,
    *batches.OPERATIONS,
    *dead_letters.OPERATIONS,
    *feed_conditions.OPERATIONS,
    *overview.OPERATIONS,
    *lag.OPERATIONS,
    *account.OPERATIONS,
    *audit.OPERATIONS,
    *tokens.OPERATIONS,
    *accounts.OPERATIONS,
)
