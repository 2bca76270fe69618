"""What is asked of a parsing process, as it goes to it: which file, read how, within which limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import orjson

from ingest.feeds.mapping import FormatSettings
from ingest.pull.fetch import ContentLimits

LENGTH_BYTES = 4
"""In front of the job, and of each frame that comes back."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one process may use. CPU time grows with what was read: a large file may take long, a small one must not.

    `wall_s` bounds the time between two frames, and so that of a process which waits for something.
    """

    cpu_s: float = 20.0
    cpu_s_per_mib: float = 1.0
    wall_s: float = 600.0
    memory_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Job:
    """A spool file to be read: see `open_content` and `parse` for what the fields mean.

    `look_items`: only the beginning is looked at, for a preview of so many items. `vendor_name` is given to items that
    have none; `row_offset` is added to the rows of items.
    """

    path: Path
    settings: FormatSettings
    charset: str | None = None
    content_encoding: str | None = None
    suffixes: tuple[str, ...] = ()
    limits: ContentLimits = field(default_factory=ContentLimits)
    budget: Budget = field(default_factory=Budget)
    look_items: int | None = None
    vendor_name: str | None = None
    row_offset: int = 0

    def encode(self) -> bytes:
        """Return the job as JSON for the child."""
        return orjson.dumps(
            {
                **{name: getattr(self, name) for name in _PLAIN},
                "path": str(self.path),
                "settings": self.settings.model_dump(mode="json", by_alias=True, exclude_unset=True),
                "limits": self.limits,
                "budget": self.budget,
            }
        )

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Return the job that `encode` wrote."""
        raw: dict[str, Any] = orjson.loads(encoded)
        return cls(
            path=Path(raw["path"]),
            settings=FormatSettings.model_validate(raw["settings"]),
            limits=ContentLimits(**raw["limits"]),
            budget=Budget(**raw["budget"]),
            suffixes=tuple(raw["suffixes"]),
            **{name: raw[name] for name in _PLAIN if name != "suffixes"},
        )


_PLAIN = ("charset", "content_encoding", "suffixes", "look_items", "vendor_name", "row_offset")
