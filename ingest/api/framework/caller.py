"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a token may do; each scope includes the ones before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    OPERATOR = "operator"
    """Of those who run the system: plans, limits and all accounts."""

    def includes(self, needed: Scope) -> bool:
        """Return whether a token of this scope may call an operation that needs `needed`."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the token's account and scope; `requests_per_second` is the account's rate limit (None: none).

    `feeds` are the ones that a bound token is for (None: all of the account). `token_id` None is a vendor, who sent
    the hash of its feed instead of a token. A `suspended` account only reads. `who` is the name of the token, or of the
    person at the dashboard, as those are told who look at what was changed.
    """

    token_id: int | None
    account_id: int
    scope: Scope
    requests_per_second: float | None
    feeds: frozenset[int] | None = None
    suspended: bool = False
    who: str = ""

    @property
    def name(self) -> str:
        """Return how a person is told who it is."""
        return self.who or "a vendor"

    @property
    def is_vendor(self) -> bool:
        """Return whether it is a vendor with its feed's hash."""
        return self.token_id is None

    def sees(self, feed_id: int) -> bool:
        """Return whether this feed is one that the caller is for."""
        return self.feeds is None or feed_id in self.feeds

    @property
    def only_feeds(self) -> list[int] | None:
        """Return the filter of a query: the feeds to look at; None for all."""
        return None if self.feeds is None else sorted(self.feeds)
