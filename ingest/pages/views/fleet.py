"""The fleet that all accounts share: workers with their heartbeats, shards with their owners. For operators."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ingest.api.framework.caller import Scope
from ingest.pages.page import Context, Page
from ingest.pages.visit import Visit


async def show(visit: Visit) -> Context:
    """Return workers, and shards in their order."""
    lag = await visit.ask("lag.get")
    owned: Counter[str] = Counter(str(shard.owner) for shard in lag.shards if shard.owner is not None)
    shards = sorted(lag.shards, key=lambda shard: shard.shard)
    alive = [worker for worker in lag.workers if worker.alive]
    orphans = [shard.shard for shard in shards if shard.owner is None]
    waits = [shard for shard in shards if shard.waits_for]
    return {"lag": lag, "shards": shards, "owned": owned, "alive": alive, "orphans": orphans, "waits": waits,
            "hosts": sorted({worker.host for worker in alive}), "sentence": sentence_of(alive, orphans)}  # fmt: skip


def sentence_of(alive: list[Any], orphans: list[int]) -> tuple[str, str]:
    """Return the fleet in a sentence, and its tone."""
    if not alive:
        return "No worker is alive: nothing is applied", "bad"
    workers = f"{len(alive)} worker{'' if len(alive) == 1 else 's'} alive"
    if not orphans:
        return f"{workers}, every shard has an owner", "good"
    named = ", ".join(map(str, orphans[:5])) + (" and more" if len(orphans) > 5 else "")  # noqa: PLR2004 - a sentence
    return f"{workers}; nobody owns shard {named}", "bad"


ENTRIES = (
    Page(
        name="fleet",
        path="/fleet",
        title="Fleet",
        section="fleet",
        show=show,
        scope=Scope.OPERATOR,
        live=("lead", "workers", "shards"),
    ),
)
