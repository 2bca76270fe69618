"""What a sender is promised, on the whole system: in order, once, accounted for, whatever crashes meanwhile."""

from __future__ import annotations

import asyncio

import aiohttp
import asyncpg

SENDERS, KEYS = 4, 5


class Sender:
    """Sends its own keys again and again, each time with the next quantity; the same post until it is accepted."""

    def __init__(self, system, name: str) -> None:
        self.system = system
        self.name = name
        self.batches: list[str] = []
        self.stop = asyncio.Event()

    @property
    def keys(self) -> list[str]:
        """The external ids that nobody else sends."""
        return [f"{self.name}-{number}" for number in range(KEYS)]

    async def run(self) -> None:
        """Send until told to stop."""
        while not self.stop.is_set():
            quantity = len(self.batches) + 1
            items = [{"externalId": key, "inventoryQuantity": quantity} for key in self.keys]
            try:
                async with self.system.post(items, **{"Idempotency-Key": f"{self.name}-{quantity}"}) as response:
                    if response.status == 202:
                        self.batches.append((await response.json())["batchId"])
                    else:
                        assert response.status == 503, await response.text()
                        await asyncio.sleep(0.1)  # what Retry-After asks for, and faster
            except (aiohttp.ClientError, TimeoutError):  # it may have been taken: the same key is sent again
                await asyncio.sleep(0.1)


async def receipt_of(system, batch_id):
    path = f"/api/batches/{batch_id}.json"
    return await system.get_when(path, lambda receipt: receipt["status"] == "done")


async def test_a_post_becomes_a_row_and_a_receipt(system):
    async with system.post([{"externalId": "a post", "vendorSku": "1234", "inventoryQuantity": 10}]) as response:
        assert 202 == response.status
        answer = await response.json()

    receipt = await receipt_of(system, answer["batchId"])
    (row,) = await system.get("/api/inventory-feed-variants.json?externalId=a%20post")

    assert {"created": 1} == receipt["counts"]
    assert ("1234", 10) == (row["vendorSku"], row["inventoryQuantity"])


async def test_every_accepted_item_has_one_outcome_and_the_last_value_wins_while_everything_crashes(system):
    senders = [Sender(system, f"sender{number}") for number in range(SENDERS)]
    tasks = [asyncio.create_task(sender.run()) for sender in senders]

    async def all_get_through():
        """Every sender has had five more posts accepted."""
        wanted = [len(sender.batches) + 5 for sender in senders]
        await system.until(
            lambda: (
                any(task.done() for task in tasks)
                or all(len(sender.batches) >= want for sender, want in zip(senders, wanted, strict=True))
            ),
            lambda: (wanted, [len(sender.batches) for sender in senders], system.stack["pids"]),
        )

    def counts():
        return {role: len(pids) for role, pids in system.stack["pids"].items()}

    await all_get_through()
    before = counts()
    for role in ("workers", "postgres", "rabbitmq", "edge"):
        await system.kill(role)
        await all_get_through()
    await system.until(lambda: before == counts(), lambda: (before, counts()))  # each was started again
    for sender in senders:
        sender.stop.set()
    await asyncio.gather(*tasks)

    for sender in senders:
        receipts = [await receipt_of(system, batch_id) for batch_id in sender.batches]
        assert [KEYS] * len(receipts) == [sum(receipt["counts"].values()) for receipt in receipts]
        assert not any("dead" in receipt["counts"] or "rejected" in receipt["counts"] for receipt in receipts)
        for key in sender.keys:
            (row,) = await system.get(f"/api/inventory-feed-variants.json?externalId={key}")
            assert len(sender.batches) == row["inventoryQuantity"]
    connection = await asyncpg.connect(system.stack["databaseUrl"])
    used = await connection.fetchval("SELECT sum(used) FROM usage")  # of both days, if midnight was in between
    await connection.close()
    assert used >= SENDERS * KEYS
