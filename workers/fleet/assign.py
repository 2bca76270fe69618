"""Which worker consumes which shard: a pure function of the live list, the same on every worker.

Rendezvous hashing with a bounded load (Mirrokni, Thorup, Zadimoghaddam: "Consistent hashing with bounded loads"): every
pair of shard and worker has a weight; pairs are taken from the heaviest down, and a worker takes at most its even
share. Plain rendezvous hashing moves a little less when the fleet changes, but hands one of two workers five to
seven of eight shards as often as not, and the fleet is as fast as its busiest worker.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable


def weight(worker: uuid.UUID, shard: int) -> int:
    """Return the weight of a pair: 64 bits, the same in every process."""
    return int.from_bytes(hashlib.blake2b(b"%d:%b" % (shard, worker.bytes), digest_size=8).digest())


def assign(workers: Iterable[uuid.UUID], shards: int) -> dict[int, uuid.UUID]:
    """Return shard → worker for shards 0 to `shards` - 1; empty when there is no worker.

    No worker has more than ceil(shards / workers) of them.
    """
    live = sorted(set(workers))
    if not live:
        return {}
    share = -(-shards // len(live))
    load = dict.fromkeys(live, 0)
    owner: dict[int, uuid.UUID] = {}
    for _, shard, worker in sorted(((weight(w, s), s, w) for s in range(shards) for w in live), reverse=True):
        if shard not in owner and load[worker] < share:
            owner[shard] = worker
            load[worker] += 1
    return owner


def shards_of(worker: uuid.UUID, workers: Iterable[uuid.UUID], shards: int) -> frozenset[int]:
    """Return the shards that `worker` consumes when `workers` are the live ones; none when it is not among them."""
    return frozenset(shard for shard, owner in assign(workers, shards).items() if owner == worker)
