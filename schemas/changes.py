"""The events that an account can subscribe to, and the positions that order them: what writers and readers agree on."""

from __future__ import annotations

INVENTORY_CHANGED = "inventory.changed"
BATCH_DONE = "batch.done"
RUN_HELD = "run.held"
FEED_FAILING = "feed.failing"
LIMIT_NEAR = "limit.near"
DEAD_LETTER_CREATED = "dead_letter.created"
EVENTS = (INVENTORY_CHANGED, BATCH_DONE, RUN_HELD, FEED_FAILING, LIMIT_NEAR, DEAD_LETTER_CREATED)

NUMBER_BITS = 12
"""A position is a transaction's id, and in its lowest bits a number within the transaction."""
STREAM_DAYS = 3
"""Days that the change stream reaches back."""
