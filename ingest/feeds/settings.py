"""A feed's settings: what its vendor's files look like, when they are fetched, and what may not stand together.

`FeedColumns` have columns of their own in `inventory_feeds` (the road looks at them); `FeedSettings` are the JSON of
its `settings` column, by their camelCase names; `FeedSecrets` are what its `secrets` column holds encrypted
(`schemas.secrets.Vault`). Names and defaults: Onport's API reference.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, ValidationError
from pydantic.alias_generators import to_camel

from ingest.feeds.mapping import Format, FormatSettings
from ingest.feeds.onport import OnportSettings
from ingest.feeds.schedules import Frequency, Schedule, check_schedule
from schemas import attributes as a
from schemas.errors import Rejected

ResourceType = Literal["webhook", "ftpCsv", "xml", "api"]
PULLED = ("ftpCsv", "xml", "api")
"""The `resourceType`s that are fetched."""
Switch = Literal["enabled", "disabled"]


def _cron(expression: str) -> str:
    try:
        check_schedule(Schedule(Frequency.CUSTOM, expression))
    except Rejected as error:
        raise ValueError(str(error)) from None
    return expression


Cron = Annotated[str, Field(max_length=100, examples=["15 4 * * 1-5"]), AfterValidator(_cron)]
Tags = Annotated[list[a.ShortText], Field(max_length=250)]


class _Attributes(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="ignore", frozen=True
    )


class FeedColumns(_Attributes):
    """The settings that the road looks at."""

    enabled: StrictBool = Field(True, description="a disabled feed takes no posts and is not fetched")
    over_limit: Literal["defer", "reject"] = Field(
        "defer", description="what becomes of items over the daily SKU limit: kept for later, or refused"
    )
    automatically_connect: StrictBool = Field(True, description="connect feed variants to variants by SKU")
    automatically_connect_by_barcode: StrictBool = Field(False, description="the same by barcode")
    case_insensitive_skus: StrictBool = Field(False, description="compare SKUs without regard to case")
    allocation_buffer: Annotated[int, Field(ge=0, le=a.INT32_MAX, strict=True)] = Field(
        0, description="kept back of each feed variant's quantity"
    )


class FeedSettings(Format, OnportSettings, _Attributes):
    """The settings that only pulling looks at, labels, and what is kept for code written for Onport."""

    resource_location: str | None = Field(None, description="address of the file, credentials masked")
    vendor_name: a.ShortText | None = Field(None, description="vendor of items that name none")
    tags: Tags = Field([], description="tags of the feed")
    automated_fetching: Switch = Field("enabled", description="fetch on schedule")
    fetch_frequency: Literal["never", "hourly", "daily", "custom", "webhook"] = Field(
        "hourly", description="webhook: only when asked to; custom: by `fetchCron`"
    )
    fetch_cron: Cron | None = Field(None, description="minute hour day month weekday")
    fetch_time_zone: a.TimeZone | None = Field(None, description="of the schedule; null: the account's")
    fetch_cleanup: Switch = Field("disabled", description="set items that are missing from the file to quantity 0")
    fetch_missing_guard: Annotated[float, Field(ge=0, le=1, strict=True)] = Field(
        0.3, description="hold the run when the file has fewer rows than the last one by more than this share"
    )


class FeedSecrets(_Attributes):
    """What is stored encrypted: the whole address with its credentials, and how the REST API kind authenticates."""

    resource_location: str | None = None
    authentication_token: str | None = None
    authentication_secret: str | None = None


COLUMNS = tuple(FeedColumns.model_fields)
SETTINGS = tuple(FeedSettings.model_fields)

_ONLY_FOR: dict[str, tuple[str, ...]] = {
    "delimiter": ("ftpCsv",),
    "csv_has_header": ("ftpCsv",),
    "csv_skip_rows": ("ftpCsv",),
    "csv_escape": ("ftpCsv",),
    "decimal_notation": PULLED,
    "encoding": PULLED,
    "archive_member": PULLED,
    "duplicates": PULLED,
    "item_path": ("xml", "api"),
    "namespaces": ("xml",),
    "mapping": PULLED,
    "fetch_cron": PULLED,
    "fetch_time_zone": PULLED,
    "fetch_cleanup": PULLED,
    "resource_location": PULLED,
    "authentication_token": PULLED,
    "authentication_secret": PULLED,
}


def misfits(resource_type: str, settings: FeedSettings, secrets: FeedSecrets) -> dict[str, dict[str, str]]:
    """Return what cannot be with this resource type, one entry an attribute: `{"code", "message"}`; {} when all fits.

    An attribute that does not apply may be sent with its default, so that a resource that was read can be sent back.
    """
    found: dict[str, dict[str, str]] = {}
    for name, types in _ONLY_FOR.items():
        holder: FeedSettings | FeedSecrets = secrets if name in FeedSecrets.model_fields else settings
        default = holder.__class__.model_fields[name].get_default(call_default_factory=True)
        if resource_type not in types and getattr(holder, name) != default:
            message = f"only for resourceType {', '.join(types)}; this feed's is {resource_type}"
            found[to_camel(name)] = {"code": "not_applicable", "message": message}
    if resource_type in PULLED and not secrets.resource_location:
        message = f"a feed of resourceType {resource_type} is fetched from its resourceLocation"
        found["resourceLocation"] = {"code": "required", "message": message}
    if resource_type in PULLED and settings.fetch_frequency == "custom" and settings.fetch_cron is None:
        found["fetchCron"] = {"code": "required", "message": "fetchFrequency custom needs a cron expression"}
    return found or _format_misfits(resource_type, settings)


def _format_misfits(resource_type: str, settings: FeedSettings) -> dict[str, dict[str, str]]:
    if resource_type not in PULLED:
        return {}
    given = settings.model_dump(include=set(Format.model_fields))
    try:
        FormatSettings.model_validate({"resource_type": resource_type, **given})
    except ValidationError as error:
        message = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
        name = next((name for name in ("mapping", "pagination") if message.startswith(name)), "itemPath")
        code = "required" if "is required" in message else "value"
        return {name: {"code": code, "message": message.removeprefix("mapping: ")}}
    return {}
