"""Where a draft's file comes from: fetched, or sent as a sample; kept for a while, fetched again when it is gone."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingest.api.framework.call import Call
from ingest.api.shared.previews.kept import KeptFiles
from ingest.pull.fetch import FetchContext, Fetched, FetchRequest, FetchUnavailable, Validators, fetch
from schemas.errors import Permanent, Rejected

SAMPLE = "sample"
_MAX_FETCH_BYTES = 256 << 20
_TIMES = {"connect_timeout_ms": 5_000, "read_timeout_ms": 10_000, "total_timeout_ms": 25_000}
_AT_ONCE = asyncio.Semaphore(2)
"""Files of one process read side by side."""
_MAX_WAITING = 3
_LOCKS: dict[int, tuple[asyncio.Lock, int]] = {}
"""Each account has one under way, and few that wait."""


@asynccontextmanager
async def alone(call: Call[Any, Any]) -> AsyncIterator[None]:
    """Wait for the account's turn; raises 429 when too many wait already."""
    lock, users = _LOCKS.get(call.account_id, (asyncio.Lock(), 0))
    if users >= _MAX_WAITING:
        raise call.problem(429, "busy", "previews of this account are under way: wait for them", Retry_After="2")
    _LOCKS[call.account_id] = lock, users + 1
    try:
        async with lock, _AT_ONCE:
            yield
    finally:
        users = _LOCKS[call.account_id][1] - 1
        if users:
            _LOCKS[call.account_id] = lock, users
        else:
            del _LOCKS[call.account_id]


async def get(call: Call[Any, Any], secrets: Mapping[str, str], sample: bytes | None) -> Fetched:
    """Return the sample as a file, or else the fetched file of the address; raises the problem that it has."""
    context = FetchContext.of(call.services.settings)
    if sample is not None:
        return await asyncio.to_thread(_spooled, sample, context.folder)
    location = secrets.get("resourceLocation")
    if not location:
        raise call.invalid("resourceLocation", "required", "give an address, or a sample of the file")
    limits = replace(context.limits, attempts=1, max_bytes=min(context.limits.max_bytes, _MAX_FETCH_BYTES), **_TIMES)
    request = FetchRequest(
        location, secrets.get("authenticationToken"), secrets.get("authenticationSecret"), keep_short=True
    )
    try:
        fetched = await fetch(request, replace(context, limits=limits))
    except FetchUnavailable as error:
        raise call.problem(502, str(error.code), str(error)) from None
    except (Rejected, Permanent) as error:
        raise call.problem(422, str(getattr(error, "code", "fetch")), str(error)) from None
    assert isinstance(fetched, Fetched), "nothing to be unmodified since"
    return fetched


async def keep(call: Call[Any, Any], fetched: Fetched) -> tuple[str, Fetched]:
    """Keep a file under a name; return both."""
    kept = KeptFiles(call.services.settings.pull_folder)
    name = await asyncio.to_thread(kept.keep, call.account_id, fetched)
    path = await asyncio.to_thread(kept.path, call.account_id, name)
    assert path is not None, "it was kept just now"
    return name, replace(fetched, path=path)


async def kept(call: Call[Any, Any], row: Mapping[str, Any]) -> Fetched | None:
    """Return the kept file of a draft; None when it is gone."""
    files = KeptFiles(call.services.settings.pull_folder)
    path = await asyncio.to_thread(files.path, call.account_id, row["file"])
    if path is None:
        return None
    await asyncio.to_thread(files.touch, path)
    return Fetched(
        path=path,
        size=row["bytes"],
        content_hash=row["content_hash"],
        validators=Validators(content_hash=row["content_hash"]),
        url=row["source"],
        charset=row["charset"],
        content_encoding=row["content_encoding"],
    )


def facts(fetched: Fetched) -> dict[str, Any]:
    """Return what a draft's row notes of its file."""
    return {
        "bytes": fetched.size,
        "charset": fetched.charset,
        "content_encoding": fetched.content_encoding,
        "content_hash": fetched.content_hash,
    }


def _spooled(sample: bytes, folder: Path) -> Fetched:
    with tempfile.NamedTemporaryFile(prefix="feedline-pull-", dir=folder, delete=False) as file:
        file.write(sample)
    content_hash = hashlib.sha256(sample).hexdigest()
    return Fetched(Path(file.name), len(sample), content_hash, Validators(content_hash=content_hash), SAMPLE)
