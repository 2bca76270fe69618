"""All operations of the API, in the order in which the documentation shows them."""

from __future__ import annotations

from ingest.api import account, batches, feeds, preview, providers, runs, tokens
from ingest.api.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *providers.OPERATIONS,
    *feeds.OPERATIONS,
    *runs.OPERATIONS,
    *preview.OPERATIONS,
    *batches.OPERATIONS,
    *account.OPERATIONS,
    *tokens.OPERATIONS,
)
