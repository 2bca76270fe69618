"""Structured logs: one JSON line an event on standard error, never a secret."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson

# structlog loads rich, where it is, to colour tracebacks on a terminal: a tenth of what a process takes to start, for
# nobody. It is told that there is none; who wants rich itself gets it.
_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]  # so does Python note what cannot be imported
try:
    import structlog  # noqa: TID251 - the one place
finally:
    del sys.modules["rich"]
    if _rich is not None:
        sys.modules["rich"] = _rich

__all__ = ["configure", "structlog"]


def configure(role: str, level: str) -> None:
    """Send structlog's and the standard library's records to standard error as JSON lines that name the role."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _name, event: {**event, "role": role},
        structlog.processors.ExceptionRenderer(
            # Local variables hold hashes, tokens and addresses with passwords.
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_dumps),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(getattr(logging, level.upper()), logging.WARNING), force=True)


def _dumps(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()
