"""Parsing in a process of its own: the same chunks, errors carried over, back-pressure, and no child left behind."""

import asyncio
import gzip
import os
import time

import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pull.fetch import ContentLimits, FetchError
from ingest.pull.parse import FormatError, parse
from ingest.pull.parse.process import Offloaded, ParserDiedError, Work

CSV = FormatSettings.model_validate({"resourceType": "ftpCsv"})


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "stock.csv"
    rows = "".join(f"A{n},{n},{'x' * 200}\n" if n % 10 else f"A{n},some,x\n" for n in range(20_000))
    path.write_text("externalId,inventoryQuantity,description\n" + rows)
    return path


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_child_gives_the_chunks_and_the_report_of_a_parse_here(table):
    with table.open("rb") as file:
        here = parse(file, CSV)
        expected = list(here)

    async with Offloaded(Work(table, CSV)) as there:
        chunks = [chunk async for chunk in there]

    assert expected == chunks
    assert here.report == there.report


async def test_a_child_decompresses_and_decodes_as_told(tmp_path):
    path = tmp_path / "stock.csv.gz"
    path.write_bytes(gzip.compress("externalId;name\nA;Krzesło\n".encode("cp1250")))

    async with Offloaded(Work(path, CSV, charset="windows-1250")) as there:
        (chunk,) = [chunk async for chunk in there]

    assert [{"externalId": "A", "name": "Krzesło"}] == chunk.items


async def test_errors_of_the_file_are_raised_here_as_themselves(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<html>Please log in</html>")
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b"externalId\n" + b"A\n" * 1_000_000))

    with pytest.raises(FormatError, match="HTML"):
        async with Offloaded(Work(page, CSV)) as there:
            _ = [chunk async for chunk in there]
    with pytest.raises(FetchError):
        async with Offloaded(Work(bomb, CSV, limits=ContentLimits(1 << 20))) as there:
            _ = [chunk async for chunk in there]


async def test_a_child_whose_chunks_nobody_takes_stops_and_is_killed_when_left(table):
    async with Offloaded(Work(table, CSV)) as there:
        chunks = there.__aiter__()
        await anext(chunks)
        pid = there._process.pid
        assert is_alive(pid)
        await chunks.aclose()

    assert not is_alive(pid)


async def test_a_cancelled_parse_leaves_no_child(table):
    started = asyncio.Event()
    pids = []

    async def take():
        async with Offloaded(Work(table, CSV)) as there:
            pids.append(there._process.pid)
            async for _ in there:
                started.set()
                await asyncio.Event().wait()

    task = asyncio.create_task(take())
    await started.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert not is_alive(pids[0])


async def test_a_child_that_dies_is_an_error(table):
    async def take():
        async with Offloaded(Work(table, CSV)) as there:
            async for _ in there:
                if there._process.returncode is None:
                    there._process.kill()

    with pytest.raises(ParserDiedError):
        await take()


async def test_the_event_loop_goes_on_meanwhile(tmp_path):
    path = tmp_path / "large.csv"
    path.write_text("externalId,name\n" + "".join(f"A{n},some name\n" for n in range(60_000)))
    worst = 0.0

    async def tick():
        nonlocal worst
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            worst = max(worst, time.perf_counter() - before)

    ticking = asyncio.create_task(tick())
    async with Offloaded(Work(path, CSV)) as there:
        count = 0
        async for chunk in there:
            count += len(chunk.items)
    ticking.cancel()

    assert 60_000 == count
    assert worst < 0.5
