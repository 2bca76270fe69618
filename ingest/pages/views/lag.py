"""Why is it lagging: one true sentence, and the shards by age."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ingest.api.framework.caller import Scope
from ingest.feeds.lag_facts import Facts
from ingest.feeds.lagging import Cause, judge
from ingest.pages.page import Context, Page
from ingest.pages.visit import Visit

WAYS = {
    Cause.NO_OWNER: [("/fleet", "Fleet", Scope.OPERATOR)],
    Cause.BEHIND: [("/fleet", "Fleet", Scope.OPERATOR)],
    Cause.FLOOD: [("/receipts", "Receipts", Scope.READ)],
    Cause.ON_PURPOSE: [("/feeds?condition=held", "Held feeds", Scope.READ), ("/usage", "Usage", Scope.READ)],
}
"""Where that is done which a sentence says is to be done, and who may."""
TONES = {Cause.WELL: "good", Cause.ON_PURPOSE: "info", Cause.BEHIND: "warn", Cause.FLOOD: "warn"}


async def show(visit: Visit) -> Context:
    """Return why items wait; `away` is what to say when this page is shown again while Postgres is away."""
    lag = await visit.ask("lag.get")
    facts = Facts(zone=ZoneInfo(visit.session.time_zone), postgres="the API cannot either")
    return {
        "lag": lag,
        "ways": [(address, label) for address, label, scope in WAYS.get(lag.cause, ()) if visit.may(scope)],
        "tone": TONES.get(lag.cause, "bad"),
        "away": judge(facts, datetime.now(UTC)),
        "unowned": sum(shard.owner is None for shard in lag.shards),
    }


ENTRIES = (
    Page(
        name="lag", path="/lag", title="Why is it lagging", section="lag", show=show, live=("lead", "shards", "workers")
    ),
)
