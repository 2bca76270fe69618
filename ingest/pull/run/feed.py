"""A pulled feed as the puller needs it: where its file lies, how it is read, when it is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import orjson
from pydantic import ValidationError

from ingest.feeds.mapping import Format, FormatSettings
from ingest.feeds.runs import seal
from ingest.feeds.schedules import Frequency, Schedule
from ingest.feeds.settings import FeedSecrets, FeedSettings
from ingest.pull.fetch import FetchRequest, Validators
from schemas.errors import Rejected
from schemas.secrets import Vault

_FORMAT = frozenset(Format.model_fields)
_ACCEPT = {
    "ftpCsv": "text/csv, text/tab-separated-values, text/plain;q=0.9, */*;q=0.5",
    "xml": "application/xml, text/xml, application/rss+xml, application/atom+xml, */*;q=0.5",
    "api": "application/json, application/x-ndjson, */*;q=0.5",
}
"""For web applications that can answer in several formats; HTML is not among the wanted ones."""


@dataclass(frozen=True, slots=True)
class PulledFeed:
    """A row of `inventory_feeds` with its settings read and its secrets decrypted.

    `time_zone` is the account's. `updated_at` tells whether someone changed the feed meanwhile.
    """

    id: int
    account_id: int
    resource_type: str
    enabled: bool
    updated_at: datetime
    time_zone: str
    settings: FeedSettings
    secrets: FeedSecrets
    credentials: str = ""
    """Tells whether the secrets were changed (`Vault.digest`)."""

    @classmethod
    def of(cls, row: Any, vault: Vault) -> Self:
        """Return the feed of a row; raises `Permanent` when its secrets cannot be read."""
        secrets = vault.decrypt(row["secrets"])
        return cls(
            id=row["id"],
            account_id=row["account_id"],
            resource_type=row["resource_type"],
            enabled=row["enabled"],
            updated_at=row["updated_at"],
            time_zone=row["time_zone"],
            settings=FeedSettings.model_validate(row["settings"]),
            secrets=FeedSecrets.model_validate(secrets),
            credentials=vault.digest(secrets),
        )

    @property
    def schedule(self) -> Schedule:
        """Return when the feed is fetched."""
        return schedule_of(self.settings, self.time_zone)

    @property
    def cleans_up(self) -> bool:
        """Return whether missing items are to get quantity 0."""
        return self.settings.fetch_cleanup == "enabled"

    def format(self) -> FormatSettings:
        """Return how the file is read; raises `Rejected` when the settings do not fit together."""
        return format_of(self.resource_type, self.settings)

    def seal(self) -> str:
        """Return a short hash of all that decides, beside the file, what comes out of it.

        The address and the credentials are part of it: validators of one address must not be sent to another, where an
        older file would count as not modified since, and another login may well be given another file. So is the
        clean-up: once it is wanted, a file that was applied without it is not done with.
        """
        settings = self.settings.model_dump(mode="json", include={*_FORMAT, "vendor_name", "fetch_cleanup"})
        return seal(orjson.dumps([self.resource_type, settings, self.credentials], option=orjson.OPT_SORT_KEYS))

    def request(self, known: Validators | None = None) -> FetchRequest:
        """Return what to fetch; `known` are the validators of the last applied file.

        A file that is shorter than declared is wanted all the same: the guard holds it. Raises `Rejected` when there is
        no address.
        """
        if not self.secrets.resource_location:
            raise Rejected("the feed has no resourceLocation")
        return FetchRequest(
            location=self.secrets.resource_location,
            authentication_token=self.secrets.authentication_token,
            authentication_secret=self.secrets.authentication_secret,
            validators=known or Validators(),
            accept=_ACCEPT[self.resource_type],
            keep_short=True,
        )


def schedule_of(settings: FeedSettings, time_zone: str) -> Schedule:
    """Return when a feed is fetched; `time_zone` is the account's, for a feed that has none of its own."""
    frequency = Frequency(settings.fetch_frequency)
    if settings.automated_fetching == "disabled":
        frequency = Frequency.NEVER
    return Schedule(frequency, settings.fetch_cron, settings.fetch_time_zone or time_zone)


def format_of(resource_type: str, settings: FeedSettings) -> FormatSettings:
    """Return how a feed's file is read; raises `Rejected` when the settings do not fit together."""
    given = settings.model_dump(include=set(_FORMAT))
    try:
        return FormatSettings.model_validate({"resource_type": resource_type, **given})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Rejected(f"the feed's settings: {where}: {first['msg'].removeprefix('Value error, ')}") from None


def validators_of(stored: dict[str, Any] | None) -> Validators:
    """Return validators as the fetch takes them."""
    given = stored or {}
    return Validators(
        etag=given.get("etag"),
        last_modified=given.get("lastModified"),
        content_hash=given.get("contentHash"),
        size=given.get("size"),
    )


def stored_validators(validators: Validators) -> dict[str, Any]:
    """Return validators as `pull_feeds.validators` keeps them."""
    return {
        "etag": _sound(validators.etag),
        "lastModified": _sound(validators.last_modified),
        "contentHash": validators.content_hash,
        "size": validators.size,
    }


def _sound(header: str | None) -> str | None:
    """Leave out what could not be stored, or sent back, as it came."""
    return header if header is not None and header.isascii() and header.isprintable() else None
