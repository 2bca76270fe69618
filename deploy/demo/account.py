"""The demo account (daily limit 10,000) with a provider and a webhook feed: seeded at the first start, found later."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import aiosql
import psycopg

from schemas.secrets import new_webhook_hash, token_digest


@dataclass(frozen=True, slots=True)
class Demo:
    """What a newcomer needs to send the first post."""

    account_id: int
    feed_id: int
    feed_hash: str


def seed(dsn: str, token: str) -> Demo:
    """Make what is missing of the demo and return it; `token` is the stack's API token, of scope operator."""
    queries = aiosql.from_path(Path(__file__).with_name("demo.sql"), "psycopg")
    token_hash = token_digest(token)
    with psycopg.connect(dsn) as connection:
        account_id = queries.account_of_token(connection, token_hash=token_hash)
        if account_id is None:
            account_id = queries.account_named_demo(connection) or queries.add_account(connection)
            queries.keep_changes(connection, account_id=account_id)
            queries.add_token(connection, account_id=account_id, token_hash=token_hash)
        feed = queries.webhook_feed(connection, account_id=account_id)
        if feed is None:
            provider = queries.provider(connection, account_id=account_id)
            provider = provider or queries.add_provider(connection, account_id=account_id)
            feed = queries.add_webhook_feed(
                connection, account_id=account_id, provider_id=provider, hash=new_webhook_hash()
            )
    return Demo(account_id, *feed)
