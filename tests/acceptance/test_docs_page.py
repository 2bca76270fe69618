"""The API's page in a real browser that can reach nothing but this machine."""

from __future__ import annotations

import asyncio
import shutil

from tests.acceptance.chromium import OFFLINE

CHROMIUM = shutil.which("chromium") or "chromium"


async def test_a_browser_draws_every_operation_and_needs_nothing_from_outside(system, tmp_path):
    url = system.stack["apiUrl"]
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, "--headless", *OFFLINE, f"--user-data-dir={tmp_path}", "--virtual-time-budget=20000", "--dump-dom",
        f"{url}/api/docs",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    page = (await asyncio.wait_for(process.communicate(), 90))[0].decode()
    document = await system.get("/api/openapi.json")

    summaries = [operation["summary"] for path in document["paths"].values() for operation in path.values()]
    assert len(summaries) > 40
    assert [] == [summary for summary in summaries if summary.replace("'", "&#39;") not in page and summary not in page]
