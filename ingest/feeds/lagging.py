"""Why items wait, in one sentence: the first rule that holds. Pure: `now` is an argument.

Age decides, never depth: "an hour old" is what people act on. Deferred, held and disabled are not lag; they come last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ingest.feeds.lag_facts import Facts, Shard

LATE = timedelta(seconds=10)
"""What has waited for less is on its way, not late."""
_FLOOD = 0.6
_NAMED = 3


class Cause(StrEnum):
    """The closed list, in the order in which the rules are asked."""

    POSTGRES = "postgres"
    BROKER = "broker"
    NO_OWNER = "no owner"
    RETRY = "retry"
    FLOOD = "flood"
    BEHIND = "behind"
    ON_PURPOSE = "on purpose"
    WELL = "well"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The sentence, since when it holds as far as that is known, what to do, and which shards it is about."""

    cause: Cause
    sentence: str
    do: str
    since: datetime | None = None
    shards: tuple[int, ...] = ()


def judge(facts: Facts, now: datetime) -> Verdict:
    """Return why items wait."""
    for rule in _RULES:
        verdict = rule(facts, now)
        if verdict is not None:
            return verdict
    return Verdict(
        cause=Cause.WELL,
        sentence=f"All well: nothing has waited for longer than {LATE.seconds} s",
        do="Nothing is to be done.",
    )


def _postgres(facts: Facts, _: datetime) -> Verdict | None:
    found = _waiting_for(facts, "postgres")
    if not found and facts.postgres is None:
        return None
    reason = facts.postgres or found[0].waits_reason
    who = "" if facts.postgres else f" from {_shards(found)}"
    return Verdict(
        cause=Cause.POSTGRES,
        sentence=f"Postgres cannot be reached{who}{_because(reason)}; posts are accepted and wait in the queue",
        do="Bring Postgres back, or see what it refuses; workers then go on by themselves and nothing is lost.",
        since=_since(found),
        shards=_numbers(found),
    )


def _broker(facts: Facts, _: datetime) -> Verdict | None:
    found = _waiting_for(facts, "rabbitmq")
    if not found and facts.broker is None:
        return None
    reason = facts.broker or found[0].waits_reason
    blocks = "blocked" in (reason or "")
    what = "RabbitMQ takes no messages" if blocks else "RabbitMQ cannot be reached"
    return Verdict(
        cause=Cause.BROKER,
        sentence=f"{what}{_because(reason)}; posts are answered 503, and vendors send them again",
        do="Give the broker memory or disk space: it says in its log which alarm is set."
        if blocks
        else "Bring RabbitMQ back, or see the network and its credentials; workers then go on by themselves.",
        since=_since(found or facts.shards),
        shards=_numbers(found),
    )


def _no_owner(facts: Facts, _: datetime) -> Verdict | None:
    found = [shard for shard in facts.shards if shard.owner is None]
    if not found:
        return None
    known = [shard.told_at for shard in found if shard.told_at]
    several = len(found) > 1
    if facts.workers == 0:
        sentence = "No worker is alive: nothing is applied; posts are accepted and wait in the queue"
        do = "Start a worker: python -m workers."
    else:
        sentence = f"{_shards(found, capital=True)} {'have' if several else 'has'} no owner"
        sentence += ": a worker died, or hands over" if known else ": nobody has consumed from there yet"
        do = "Wait for some seconds: the workers that live share the shards anew. If this stays, see their logs."
    return Verdict(
        cause=Cause.NO_OWNER, sentence=sentence, do=do, since=min(known, default=None), shards=_numbers(found)
    )


def _retry(facts: Facts, _: datetime) -> Verdict | None:
    found = [shard for shard in facts.shards if shard.owner and shard.waits_for]
    if not found:
        return None
    first, several = found[0], len(found) > 1
    who = _shards(found, capital=True)
    if first.waits_for == "lock":
        verb = "wait for their locks" if several else "waits for its lock"
        sentence = f"{who} {verb}{_because(first.waits_reason)}"
        do = "The owner before hands over, or its connection to Postgres lingers until the server ends it."
    else:
        verb = "try a window again" if several else "tries a window again"
        sentence = f"{who} {verb}{_because(first.waits_reason)}"
        do = "Nothing is lost and nothing else of the shard goes on meanwhile: see the worker's log, window_stopped."
    return Verdict(cause=Cause.RETRY, sentence=sentence, do=do, since=_since(found), shards=_numbers(found))


def _flood(facts: Facts, now: datetime) -> Verdict | None:
    for shard in _late(facts, now):
        total = sum(hand.batches for hand in shard.hands)
        if not total or shard.hands[0].batches < _FLOOD * total:
            continue
        first = shard.hands[0]
        behind = [name for name in shard.neighbours if name != first.name]
        if not behind:
            continue
        who = first.name or "A feed of another account"
        wait = "waits" if len(behind) == 1 else "wait"
        sentence = f"{who} sent {first.batches / total:.0%} of what shard {shard.shard} has in hand; "
        return Verdict(
            cause=Cause.FLOOD,
            sentence=f"{sentence.replace('%', ' %')}{_names(behind)} {wait} behind it{_outlook(shard, facts, now)}",
            do="It delays its own shard alone. Ask the sender for fewer posts, or for what changed; to share the load, "
            "give the fleet more shards.",
            since=shard.oldest_at,
            shards=(shard.shard,),
        )
    return None


def _behind(facts: Facts, now: datetime) -> Verdict | None:
    late = _late(facts, now)
    if not late:
        return None
    worst = late[0]
    pace, outlook = worst.pace, _outlook(worst, facts, now)
    if pace is None or pace.arriving is None:
        sentence = f"Shard {worst.shard} is behind; too little was applied lately to tell when it catches up"
    else:
        sentence = f"Arriving {_rate(pace.arriving)}, applied {_rate(pace.applied)} in shard {worst.shard}{outlook}"
    return Verdict(
        cause=Cause.BEHIND,
        sentence=sentence,
        do="Nothing, if it catches up. If not: more workers, when one has several shards; else see what Postgres is "
        "busy with.",
        since=worst.oldest_at,
        shards=_numbers(late),
    )


def _on_purpose(facts: Facts, _: datetime) -> Verdict | None:
    parts = []
    if facts.deferred:
        until = f" until {_clock(facts.released_at, facts.zone)}" if facts.released_at else ""
        count = "10,000+ items are" if facts.deferred > 10_000 else _count(facts.deferred, "item is", "items are")  # noqa: PLR2004 - counted up to this
        parts.append(f"{count} deferred{until} (daily SKU limit)")
    if facts.held:
        parts.append(f"{_count(facts.held, 'run is', 'runs are')} held for a decision")
    if facts.disabled:
        parts.append(f"{_count(facts.disabled, 'feed is', 'feeds are')} disabled")
    if not parts:
        return None
    return Verdict(
        cause=Cause.ON_PURPOSE,
        sentence=f"Nothing lags; waiting on purpose: {', '.join(parts)}",
        do="Decide on held runs at Now; the limit and what it releases stand at Usage.",
    )


_RULES: tuple[Callable[[Facts, datetime], Verdict | None], ...] = (
    _postgres,
    _broker,
    _no_owner,
    _retry,
    _flood,
    _behind,
    _on_purpose,
)


def _late(facts: Facts, now: datetime) -> list[Shard]:
    late = [(age, shard) for shard in facts.shards if (age := shard.age(now)) is not None and age > LATE]
    return [shard for _, shard in sorted(late, key=lambda pair: pair[0], reverse=True)]


def _outlook(shard: Shard, facts: Facts, now: datetime) -> str:
    age = shard.age(now)
    if shard.pace is None or age is None:
        return ""
    if shard.pace.growth >= -0.01:  # noqa: PLR2004 - a hundred times the age until it is caught up is never
        return ": does not catch up"
    return f": caught up at about {_clock(now + age / -shard.pace.growth, facts.zone)}"


def _waiting_for(facts: Facts, word: str) -> list[Shard]:
    return [shard for shard in facts.shards if shard.owner and shard.waits_for == word]


def _since(found: Iterable[Shard]) -> datetime | None:
    return max((shard.progressed_at for shard in found if shard.progressed_at), default=None)


def _numbers(found: Iterable[Shard]) -> tuple[int, ...]:
    return tuple(sorted(shard.shard for shard in found))


def _shards(found: Sequence[Shard], *, capital: bool = False) -> str:
    if len(found) > _NAMED:
        return f"{len(found)} shards"
    numbers = [str(number) for number in _numbers(found)]
    word = "shard" if len(numbers) == 1 else "shards"
    return f"{word.capitalize() if capital else word} {_names(numbers)}"


def _names(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _because(reason: str | None) -> str:
    return f" ({reason})" if reason else ""


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _rate(value: float) -> str:
    return f"{value:,.0f}/s" if value >= 10 else f"{value:.1f}/s"  # noqa: PLR2004 - one digit more of small ones


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%H:%M}"
