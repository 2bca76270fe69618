"""An account's sandbox: another account, with a feed to post to, that touches nothing of the real one."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import orjson
from pydantic import Field

from ingest.accounts import sandbox
from ingest.accounts.sandbox import SANDBOX, Sandbox
from ingest.accounts.store import TOKENS
from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Query, Resource
from ingest.api.framework.operation import Operation
from schemas.items import Item
from schemas.secrets import new_token, token_digest

WEBHOOK: Final = "/webhooks/inventory-feeds/parse-webhooks.json"
TOKEN_S = 3_600
_POST_S, _RECEIPT_S = 10.0, 5.0
_MOST_BYTES = 2**20


class SandboxAccess(Resource):
    """What is needed to try the API and the webhook: everything of it is the sandbox's."""

    account_id: int = Field(description="an account of its own, of plan `sandbox`")
    inventory_feed_id: int
    hash: str = Field(description="of its feed: the header `jetti-webhook-hash`")
    webhook_url: str | None = Field(description="where to post; null: the operator has not set `EDGE_URL`")
    token: str = Field(description="of scope write, for an hour")
    expires_at: datetime
    daily_sku_limit: int = Field(description="of the sandbox alone")


class Tried(Resource):
    """What the webhook answered to a post of the sandbox, and what became of it."""

    status: int
    took_ms: int
    answer: Any = Field(description="the webhook's answer")
    receipt: dict[str, Any] | None = Field(
        description="items by outcome, and those worth a line; null: not applied yet, or nothing was accepted"
    )


async def create(call: Call[Query, None]) -> Answer:
    """Return what is needed to use it, made if there is none."""
    found, token = await _made(call), new_token()
    expires_at = datetime.now(UTC) + timedelta(seconds=TOKEN_S)
    async with call.db.connected() as connection:
        await SANDBOX.sandbox_forget_tokens(connection, account_id=found.account_id)
        unbound = {"dropship_provider_id": None, "inventory_feed_id": None}
        values = {"name": "sandbox", "scope": Scope.WRITE, "token_hash": token_digest(token), "expires_at": expires_at}
        await TOKENS.token_create(connection, account_id=found.account_id, **values, **unbound)
    edge = call.services.settings.edge_url.rstrip("/")
    answer = {
        "accountId": found.account_id,
        "inventoryFeedId": found.feed_id,
        "hash": found.hash,
        "webhookUrl": f"{edge}{WEBHOOK}" if edge else None,
        "token": token,
        "expiresAt": expires_at.isoformat(),
        "dailySkuLimit": sandbox.DAILY_SKUS,
    }
    return Answer(answer, status=201, headers={"Cache-Control": "no-store"})


async def post(call: Call[Query, Any]) -> Answer:
    """Post to the webhook itself with the sandbox's hash, and wait a moment for the receipt."""
    edge = call.services.settings.edge_url.rstrip("/")
    if not edge:
        raise call.problem(409, "no_edge", "the operator has not set EDGE_URL: post to the webhook with the hash")
    found, began = await _made(call), time.perf_counter()
    headers = {"jetti-webhook-hash": found.hash, "Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=_POST_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(f"{edge}{WEBHOOK}", data=orjson.dumps(call.body), headers=headers) as response,
        ):
            status, said = response.status, await response.content.read(_MOST_BYTES)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise call.problem(502, "edge", f"the webhook does not answer: {type(error).__name__}") from None
    took_ms = int(1000 * (time.perf_counter() - began))
    answer = _read(said)
    batch_id = answer.get("batchId") if isinstance(answer, dict) and status == 202 else None  # noqa: PLR2004 - accepted
    receipt = await _receipt(call, found, uuid.UUID(batch_id)) if batch_id else None
    return Answer({"status": status, "tookMs": took_ms, "answer": answer, "receipt": receipt})


async def _made(call: Call[Any, Any]) -> Sandbox:
    async with call.db.transaction() as db:
        found = await sandbox.made(db.connection, call.account_id)
    assert found is not None, "the caller's account is there"
    return found


async def _receipt(call: Call[Any, Any], found: Sandbox, batch_id: uuid.UUID) -> dict[str, Any] | None:
    """Return the receipt, as soon as it is there; None when that takes longer than is worth waiting for."""
    until = time.monotonic() + _RECEIPT_S
    while time.monotonic() < until:
        async with call.db.connected() as connection:
            row = await SANDBOX.sandbox_receipt(connection, account_id=found.account_id, batch_id=batch_id)
        if row is not None:
            return {"counts": orjson.loads(row["counts"]), "items": orjson.loads(row["items"])}
        await asyncio.sleep(0.1)
    return None


def _read(said: bytes) -> Any:
    try:
        return orjson.loads(said)
    except orjson.JSONDecodeError:
        return said.decode(errors="replace")


OPERATIONS = (
    Operation(
        name="sandbox.create",
        method="POST",
        path="/api/sandbox.json",
        summary="Get a sandbox to try things in",
        description="An account of its own, made when it is first asked for: its items, receipts and usage touch "
        "nothing of yours. The token is for an hour. It has a daily SKU limit of its own.",
        scope=Scope.WRITE,
        response=SandboxAccess,
        status=201,
        handler=create,
    ),
    Operation(
        name="sandbox.post",
        method="POST",
        path="/api/sandbox/parse-webhooks.json",
        summary="Try the webhook",
        description="Posts the body to the webhook with the hash of the sandbox's feed, and tells what it answered and "
        "what became of the items.",
        scope=Scope.WRITE,
        body=Item | list[Item],
        validated=False,
        example=[{"externalId": "1234", "vendorSku": "1234", "inventoryQuantity": 10}],
        response=Tried,
        problems={409: "the operator has not said where the webhook is", 502: "the webhook does not answer"},
        handler=post,
    ),
)
