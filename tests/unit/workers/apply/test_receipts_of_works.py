"""What a receipt keeps of a batch's items: those that are worth a line, and which were simply unchanged."""

import uuid
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from schemas import receipts
from schemas.batches import Batch, Source
from schemas.outcomes import Outcome
from workers.apply.receipts import encode
from workers.apply.work import Feed, Work


def work(outcomes, *, indexes=None, rejected=()):
    items = [{"externalId": f"SKU-{place}"} for place in range(len(outcomes))]
    batch = Batch(uuid.UUID(int=1), 1, 1, 0, Source.PULL, items, indexes=indexes, rejected=list(rejected))
    done = Work(batch, Feed(1, 1, None, ZoneInfo("UTC")), date(2026, 1, 1))
    done.outcomes = outcomes
    return done


@pytest.mark.parametrize("indexes", [None, [4, 5, 9]])
@pytest.mark.parametrize("last", [Outcome.UNCHANGED, Outcome.UPDATED, Outcome.DEFERRED])
def test_each_unchanged_item_is_told_by_its_index(indexes, last):
    outcomes = [Outcome.UNCHANGED, Outcome.UNCHANGED, last]
    told = [
        {"index": index, "externalId": f"SKU-{place}", "outcome": outcome}
        for place, (index, outcome) in enumerate(zip(indexes or range(3), outcomes, strict=True))
        if outcome is not Outcome.UPDATED
    ]

    counts, stored = encode(work(outcomes, indexes=indexes))

    assert {outcome.value: outcomes.count(outcome) for outcome in outcomes} == counts
    assert told == receipts.decode(stored)


def test_what_the_edge_refused_of_an_unchanged_batch_is_counted_once_an_item_and_told():
    rejects = [{"index": 1, "code": "required"}, {"index": 1, "code": "type"}]

    counts, stored = encode(work([Outcome.UNCHANGED], indexes=[0], rejected=rejects))

    assert {"unchanged": 1, "rejected": 1} == counts
    assert [0, 1, 1] == [line["index"] for line in receipts.decode(stored)]
