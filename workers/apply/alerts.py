"""Tell operators, once each, that an account's day is nearly full, and that it is full."""

from __future__ import annotations

from collections.abc import Sequence

from schemas import metrics
from schemas.logs import structlog
from workers.apply.purse import Purse

NEARLY_PERCENT, FULL_PERCENT = 80, 100
_log = structlog.get_logger()


def crossed(purse: Purse) -> list[int]:
    """Return the percentages of the limit that the day's usage reached with what was taken last."""
    if not purse.limit or not purse.taken:
        return []
    before = purse.used - purse.taken
    return [
        percent
        for percent in (NEARLY_PERCENT, FULL_PERCENT)
        if before * 100 < percent * purse.limit <= purse.used * 100
    ]


def raise_alerts(purses: Sequence[Purse]) -> None:
    """Log and count what was crossed by purses that are committed."""
    for purse in purses:
        for percent in crossed(purse):
            metrics.USAGE_ALERTS.labels(str(percent)).inc()
            _log.warning(
                "daily_sku_limit_near" if percent < FULL_PERCENT else "daily_sku_limit_reached",
                account_id=purse.account_id,
                day=purse.day.isoformat(),
                limit=purse.limit,
                used=purse.used,
            )
