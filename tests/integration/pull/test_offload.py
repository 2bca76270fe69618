"""Reading in a process of its own: the same chunks, errors carried over, limits, back-pressure, nobody left behind."""

import asyncio
import contextlib
import gzip
import os
import signal
from pathlib import Path

import orjson
import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pull.fetch import ContentLimits, FetchError
from ingest.pull.parse import Chunk, FormatError, parse
from ingest.pull.parse.process.job import Budget, Job
from ingest.pull.parse.process.parsers import Offloaded, ParserDiedError, Parsers

CSV = FormatSettings.model_validate({"resourceType": "ftpCsv"})
XML = FormatSettings.model_validate({"resourceType": "xml", "itemPath": "/items/item", "mapping": {"externalId": "id"}})


@pytest.fixture(scope="module")
async def parsers():
    """Give the way to parsing processes; the tests share a warm one."""
    async with Parsers() as forking:
        yield forking


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "stock.csv"
    rows = "".join(f"A{n},{n},{'x' * 200}\n" if n % 10 else f"A{n},some,x\n" for n in range(20_000))
    path.write_text("externalId,inventoryQuantity,description\n" + rows)
    return path


def children(parsers):
    """Return the processes that parse now; one that has ended, and was not buried yet, is none."""
    pid = parsers._server.pid
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [child for child in found if lives(child)]


def lives(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


@pytest.fixture
async def idle(parsers, table):
    """The warm process, when no child of an earlier test is left."""
    await taken(parsers, Job(table, CSV))
    async with asyncio.timeout(120):
        while children(parsers):  # noqa: ASYNC110 - it has no signal of it
            await asyncio.sleep(0.01)
    return parsers


async def ended(pid):
    """Wait until a process has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(fd, over.set)
    try:
        async with asyncio.timeout(120):
            await over.wait()
    finally:
        asyncio.get_running_loop().remove_reader(fd)
        os.close(fd)


async def taken(parsers, job):
    async with Offloaded(parsers, job) as there:
        frames = [frame async for frame in there]
    chunks = [
        Chunk([orjson.dumps(item).decode() for item in items], rows)
        for frame in frames
        for items, rows in frame.decoded()
    ]
    chunks[0].rejects = [reject for frame in frames for reject in frame.rejects]
    return chunks, there.report


async def test_a_child_gives_the_chunks_and_the_report_of_a_parse_here(parsers, table):
    with table.open("rb") as file:
        here = parse(file, CSV)
        expected = list(here)

    chunks, report = await taken(parsers, Job(table, CSV))
    assert here.report == report
    assert [(chunk.items, chunk.rows) for chunk in expected] == [(chunk.items, chunk.rows) for chunk in chunks]
    assert [reject for chunk in expected for reject in chunk.rejects] == chunks[0].rejects
    chunks, _ = await taken(parsers, Job(table, CSV, vendor_name="Acme", row_offset=1_000))
    assert {"Acme"} == {item["vendorName"] for chunk in chunks for item in chunk.items}
    assert [row + 1_000 for chunk in expected for row in chunk.rows] == [row for chunk in chunks for row in chunk.rows]


async def test_a_child_decompresses_and_decodes_as_told(parsers, tmp_path):
    path = tmp_path / "stock.csv.gz"
    path.write_bytes(gzip.compress("externalId;name\nA;Krzesło\n".encode("cp1250")))

    (chunk,), _ = await taken(parsers, Job(path, CSV, charset="windows-1250"))

    assert [{"externalId": "A", "name": "Krzesło"}] == chunk.items


async def test_the_vendor_of_the_feed_is_that_of_items_which_name_none(parsers, tmp_path):
    path = tmp_path / "stock.csv"
    path.write_text('externalId,vendorName,name\nA,,x\nB,Own,y\nC,,"the ""vendorName"""\n')

    (chunk,), _ = await taken(parsers, Job(path, CSV, vendor_name='The "Acme"'))

    assert ['The "Acme"', "Own", 'The "Acme"'] == [item["vendorName"] for item in chunk.items]
    assert ["x", "y", 'the "vendorName"'] == [item["name"] for item in chunk.items]


async def test_a_packed_file_is_read_twice_where_items_look_around_them(parsers, tmp_path):
    path = tmp_path / "stock.xml.gz"
    items = "".join(f"<item><id>{n}</id><x>{'y' * 200}</x></item>" for n in range(3000))
    path.write_bytes(gzip.compress(f"<items>{items}<currency>EUR</currency></items>".encode()))
    feed = {"resourceType": "xml", "itemPath": "/items/item", "mapping": {"externalId": "id", "name": "../currency"}}
    form = FormatSettings.model_validate(feed)

    chunks, _ = await taken(parsers, Job(path, form))

    assert {"EUR"} == {item["name"] for chunk in chunks for item in chunk.items}


async def test_errors_of_the_file_are_raised_here_as_themselves(parsers, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<html>Please log in</html>")
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b"externalId\n" + b"A\n" * 1_000_000))

    with pytest.raises(FormatError, match="HTML"):
        await taken(parsers, Job(page, CSV))
    with pytest.raises(FetchError):
        await taken(parsers, Job(bomb, CSV, limits=ContentLimits(1 << 20)))


async def test_a_child_whose_chunks_nobody_takes_stops_and_is_killed_when_left(idle, table):
    parsers = idle
    async with Offloaded(parsers, Job(table, CSV)) as there:
        chunks = there.__aiter__()
        await anext(chunks)
        (pid,) = children(parsers)
        await chunks.aclose()

    await ended(pid)


async def test_a_cancelled_parse_leaves_no_child(idle, table):
    parsers = idle
    started = asyncio.Event()

    async def take():
        async with Offloaded(parsers, Job(table, CSV)) as there:
            async for _ in there:
                started.set()
                await asyncio.Event().wait()

    task = asyncio.create_task(take())
    await started.wait()
    (pid,) = children(parsers)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    await ended(pid)


async def test_a_child_that_is_killed_is_an_error_and_costs_the_others_nothing(idle, table):
    parsers = idle
    async with Offloaded(parsers, Job(table, CSV)) as other:
        chunks = other.__aiter__()
        first = await anext(chunks)
        (spared,) = children(parsers)

        async def take():
            async with Offloaded(parsers, Job(table, CSV)) as there:
                async for _ in there:
                    for pid in set(children(parsers)) - {spared}:
                        with contextlib.suppress(ProcessLookupError):  # the one of the chunk before
                            os.kill(pid, signal.SIGKILL)

        with pytest.raises(ParserDiedError, match="status -9"):
            await take()
        rest = [chunk async for chunk in chunks]

    assert 20_000 == sum(chunk.count + chunk.rejected for chunk in [first, *rest])


async def test_a_file_that_takes_too_much_time_is_stopped_and_told(parsers, tmp_path):
    """An XPath that compares each with each: 4 MiB of elements keep a processor busy for minutes."""
    path = tmp_path / "slow.xml"
    path.write_bytes(b"<items><item><id>A</id>" + b"<a/>" * 400_000 + b"</item></items>")
    form = FormatSettings.model_validate(
        {"resourceType": "xml", "itemPath": "/items/item", "mapping": {"externalId": "a[following-sibling::a = 'x']"}}
    )

    with pytest.raises(FormatError, match="more CPU time than is allowed"):
        await taken(parsers, Job(path, form, budget=Budget(cpu_s=1.0, cpu_s_per_mib=0.0)))
    small = tmp_path / "small.xml"
    small.write_bytes(b"<items><item><id>A</id></item></items>")
    assert 1 == (await taken(parsers, Job(small, XML)))[1].rows_mapped


async def test_a_child_that_waits_too_long_is_stopped_and_told(parsers, tmp_path):
    never = tmp_path / "never"
    os.mkfifo(never)

    with pytest.raises(FormatError, match="took longer than"):
        await taken(parsers, Job(never, CSV, budget=Budget(wall_s=0.05)))


async def test_memory_is_bounded(parsers, table):
    with pytest.raises((FormatError, ParserDiedError), match=r"memory|status"):
        await taken(parsers, Job(table, CSV, budget=Budget(memory_bytes=1 << 20)))


async def test_the_warm_process_is_replaced_when_it_has_ended(parsers, table):
    await taken(parsers, Job(table, CSV))
    before = parsers._server
    before.kill()
    await before.wait()

    assert 20_000 == (await taken(parsers, Job(table, CSV)))[1].rows_read


async def test_closing_ends_the_warm_process_and_its_children(table):
    async with Parsers() as parsers, Offloaded(parsers, Job(table, CSV)):
        pids = [parsers._server.pid, *children(parsers)]
        await parsers.close()

    for pid in pids:
        await ended(pid)


async def test_the_event_loop_takes_many_turns_between_the_chunks_of_a_file(idle, tmp_path):
    """Parsing in this process would give a turn a chunk at most."""
    path = tmp_path / "large.csv"
    path.write_text("externalId,name\n" + "".join(f"A{n},some name\n" for n in range(60_000)))

    async with Offloaded(idle, Job(path, CSV)) as there:
        chunks = there.__aiter__()
        first = await anext(chunks)
        (child,) = children(idle)
        os.kill(child, signal.SIGSTOP)  # it takes as long as we like for the next chunks
        rest = asyncio.create_task(counted(chunks))
        for _ in range(1_000):
            await asyncio.sleep(0)
        waited = not rest.done()
        os.kill(child, signal.SIGCONT)
        count = first.count + await rest

    assert (60_000, True) == (count, waited)


async def counted(chunks):
    return sum([chunk.count async for chunk in chunks])
