"""What a sender that waits for a reply is told beyond the outcomes: usage, and the first delivery's receipt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import orjson
from asyncpg import Connection

from schemas import receipts
from schemas.usage import Usage, account_day, zone
from workers.apply.results import BatchResult
from workers.apply.statements import ROAD


async def complete(connection: Connection, results: Sequence[BatchResult]) -> None:
    """Fill in the results' usage and, of batches that were seen before, what their receipts say.

    For batches whose senders wait, after the commit and the ack: counting what an account has deferred takes its time.
    """
    told: dict[tuple[int, date], dict[str, Any]] = {}
    for result in results:
        batch = result.batch
        if not result.claimed:
            row = await connection.fetchrow(ROAD.receipt_of.sql, batch.account_id, batch.batch_id)
            if row is not None:
                result.counts, result.stored_items = orjson.loads(row["counts"]), receipts.decode(row["items"])
        account = await connection.fetchrow(ROAD.account_of.sql, batch.account_id)
        if account is None:
            continue
        time_zone = account["time_zone"]
        day = account_day(batch.received_ms, zone(time_zone))
        if (batch.account_id, day) not in told:
            counted = await connection.fetchrow(ROAD.usage_of.sql, batch.account_id, day)
            usage = Usage(day, time_zone, account["daily_sku_limit"], counted["used"], counted["deferred"])
            told[batch.account_id, day] = usage.as_json()
        result.usage = told[batch.account_id, day]
