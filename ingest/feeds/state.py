"""A feed as its settings, and what a request makes of it: pure, so every rule is tested without a server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic.alias_generators import to_camel

from ingest.feeds import locations
from ingest.feeds.settings import COLUMNS, SETTINGS, FeedColumns, FeedSecrets, FeedSettings, misfits
from schemas.errors import Permanent
from schemas.secrets import MASK, Vault

Details = dict[str, dict[str, str]]
_TOKENS = ("authentication_token", "authentication_secret")


class MisfitError(ValueError):
    """Settings that cannot stand together; `details` has one entry an attribute."""

    def __init__(self, details: Details) -> None:
        super().__init__(next(f"{name}: {entry['message']}" for name, entry in details.items()))
        self.details = details


@dataclass(frozen=True, slots=True)
class FeedState:
    """What of a feed may be set."""

    name: str
    dropship_provider_id: int
    resource_type: str
    columns: FeedColumns
    settings: FeedSettings
    secrets: FeedSecrets

    @classmethod
    def of_row(cls, row: Any, vault: Vault) -> Self:
        """Return the state of a row of `inventory_feeds`; raises `Permanent` when its secrets cannot be read."""
        return cls(
            row["name"],
            row["dropship_provider_id"],
            row["resource_type"],
            FeedColumns(**{name: row[name] for name in COLUMNS}),
            FeedSettings.model_validate(row["settings"]),
            FeedSecrets.model_validate(vault.decrypt(row["secrets"])),
        )

    def changed(self, sent: dict[str, Any]) -> FeedState:
        """Return this state with the attributes that were sent; null stands for an attribute's default.

        Raises `MisfitError`.
        """
        state = replace(
            self,
            name=sent.get("name", self.name),
            dropship_provider_id=sent.get("dropship_provider_id", self.dropship_provider_id),
            resource_type=sent.get("resource_type", self.resource_type),
            columns=FeedColumns(**_merged(self.columns.model_dump(), sent, COLUMNS)),
            secrets=self._secrets(sent),
        )
        settings = _merged(self.settings.model_dump(), sent, SETTINGS)
        location = state.secrets.resource_location
        settings["resource_location"] = locations.masked(location) if location else None
        state = replace(state, settings=FeedSettings(**settings))
        if found := misfits(state.resource_type, state.settings, state.secrets):
            raise MisfitError(found)
        return state

    def _secrets(self, sent: dict[str, Any]) -> FeedSecrets:
        before = self.secrets.resource_location
        values: dict[str, str | None] = self.secrets.model_dump()
        if "resource_location" in sent:
            location = sent["resource_location"]
            try:
                values["resource_location"] = location and locations.unmasked(location, before)
            except ValueError as error:
                raise MisfitError({"resourceLocation": {"code": "value", "message": str(error)}}) from None
        after = values["resource_location"]
        moved = bool(before and after and locations.origin(urlsplit(before)) != locations.origin(urlsplit(after)))
        for name in _TOKENS:
            if sent.get(name, MASK) != MASK:
                values[name] = sent[name]
            elif name in sent and sent[name] is None:
                values[name] = None
            elif moved and values[name] is not None:
                message = "the server of resourceLocation changed: send this again, or null"
                raise MisfitError({to_camel(name): {"code": "required", "message": message}})
        return FeedSecrets(**values)


def new_state(sent: dict[str, Any]) -> FeedState:
    """Return the state of a new feed; raises `MisfitError`."""
    empty = FeedState("", 0, "", FeedColumns(), FeedSettings(), FeedSecrets())
    return empty.changed(sent)


def shown_secrets(stored: bytes | None, vault: Vault) -> dict[str, str | None]:
    """Return the two tokens as answers show them: masked when set, or when they cannot be read."""
    try:
        values = FeedSecrets.model_validate(vault.decrypt(stored))
    except Permanent:
        return dict.fromkeys(_TOKENS, MASK)
    return {name: MASK if getattr(values, name) else None for name in _TOKENS}


def _merged(stored: dict[str, Any], sent: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    known = {name: sent[name] for name in names if name in sent}
    return {name: value for name, value in {**stored, **known}.items() if value is not None}
