"""How fast pulled files are read, per format, against the plain reader of the same file; and how much memory it takes.

    make bench-pull            rows/s and ratios on files of 30,000 rows; peak memory with a file of 300 MB per format
    ... -- --no-memory         without the large files

Plain readers: `csv.reader`; `lxml.iterparse` that reads the texts of the items' children, as the others give values
too; `ijson` (C backend). Ours up to canonical items, and the whole way: in a process of its own, to a run's parts on
disk. Each is run in turn, several times, and the best time counts: CPU time of all processes, so that what else the
machine does matters less; of the whole way without what starting a process costs. The large files are written while
they are read (a FIFO), so no disk is filled; memory is the peak of the parsing process, reading as the puller does.
"""

from __future__ import annotations

import asyncio
import csv
import gc
import os
import random
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import ijson
import orjson
from lxml import etree

from deploy.bench.ending import scratch
from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import parse
from ingest.pull.parse.process.job import Job
from ingest.pull.parse.process.parsers import Offloaded, Parsers
from ingest.pull.run.file.facts import Sink
from ingest.pull.run.file.part_files import PartsWriter

ROWS, TRIES, READINGS = 30_000, 3, 6
LARGE_BYTES = 3 * 10**8
SETTINGS = {
    "csv": FormatSettings(resource_type="ftpCsv"),
    "xml": FormatSettings(resource_type="xml", item_path="/products/product"),
    "json": FormatSettings(resource_type="api"),
}
_LEAN = ("externalId", "vendorSku", "inventoryQuantity", "retailPrice")


def item(number: int, chance: random.Random) -> dict[str, str]:
    """Return a rich item of 15 attributes, about 700 bytes."""
    return {
        "externalId": f"EXT-{number:08d}",
        "vendorSku": f"SKU-{number:08d}",
        "barcode": str(4_000_000_000_000 + number),
        "inventoryQuantity": str(chance.randrange(500)),
        "costPrice": f"{chance.randrange(5_000)}.{chance.choice(('5', '95', '99'))}",
        "retailPrice": f"{chance.randrange(200)}.{chance.choice(('5', '95', '99'))}",
        "compareAtPrice": f"{chance.randrange(200)}.{chance.choice(('5', '95', '99'))}",
        "name": f"Trail running shoe, model {number % 977}, blue",
        "description": "A light shoe with a firm grip for wet paths. " * 8,
        "mpn": f"MPN{number}",
        "externalGroupId": f"G{number // 4}",
        "externalUrl": f"https://vendor.example/p/{number}",
        "productType": "Shoes",
        "vendorName": "Fleetfoot",
        "countryOfOrigin": "PT",
    }


def written(form: str, rows: int, names: tuple[str, ...] | None) -> Iterator[bytes]:
    """Yield a file of so many rows, in pieces of some hundred; `names` chooses attributes."""
    chance = random.Random(1)  # noqa: S311 - a benchmark's data
    heads = {"csv": ",".join(names or item(0, chance)) + "\r\n", "xml": "<products>\n", "json": '{"items":['}
    ends = {"csv": "", "xml": "</products>\n", "json": "]}"}
    yield heads[form].encode()
    for start in range(0, rows, 500):
        items = [item(number, chance) for number in range(start, min(start + 500, rows))]
        if names:
            items = [{name: one[name] for name in names} for one in items]
        yield _piece(form, items, first=start == 0)
    yield ends[form].encode()


def _piece(form: str, items: list[dict[str, str]], *, first: bool) -> bytes:
    if form == "json":
        return (b"" if first else b",") + orjson.dumps(items)[1:-1]
    if form == "csv":
        lines = (",".join(f'"{v}"' if "," in v else v for v in one.values()) for one in items)
        return ("\r\n".join(lines) + "\r\n").encode()
    return "".join(
        "<product>" + "".join(f"<{name}>{value}</{name}>" for name, value in one.items()) + "</product>\n"
        for one in items
    ).encode()


def plain_csv(path: Path) -> int:
    """Read with csv.reader."""
    with path.open(newline="") as file:
        return sum(1 for _ in csv.reader(file))


def plain_json(path: Path) -> int:
    """Read with ijson."""
    with path.open("rb") as file:
        return sum(1 for _ in ijson.items(file, "items.item"))


def plain_xml(path: Path) -> int:
    """Read with lxml.iterparse, the children's texts too."""
    count = 0
    for _, element in etree.iterparse(str(path), tag="product"):
        count += len({child.tag: child.text for child in element}) > 0
        element.clear(keep_tail=True)
        while element.getprevious() is not None:
            del element.getparent()[0]
    return count


PLAIN: dict[str, Callable[[Path], int]] = {"csv": plain_csv, "xml": plain_xml, "json": plain_json}


def ours(form: str, path: Path) -> int:
    """Read as the puller does, up to the JSON of canonical items, as they are published."""
    with path.open("rb") as file:
        return sum(chunk.count for chunk in parse(file, SETTINGS[form]) if chunk.json())


def whole_way(form: str, path: Path, readings: int) -> float:
    """Read as a run does, to parts on disk; return the CPU seconds of all processes, with the warm one's start."""

    async def read() -> None:
        async with Parsers() as parsers:
            for _ in range(readings):
                writer = PartsWriter(path.with_suffix(".parts"))
                sink = Sink(writer, None)
                async with Offloaded(parsers, Job(path, SETTINGS[form])) as parsing:
                    async for chunk in parsing:
                        await sink.take(chunk)
                    await sink.end(parsing.report)
                writer.finish({})

    before = _used()
    asyncio.run(read())
    return _used() - before


def _used() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _seconds(run: Callable[[], int]) -> float:
    gc.collect()
    before = time.process_time()
    run()
    return time.process_time() - before


def speeds(folder: Path) -> list[tuple[str, ...]]:
    """Return a line a format and kind of item: rows/s plain, ours and the whole way, and the ratios to plain."""
    lines: list[tuple[str, ...]] = []
    for kind, names in (("lean, 4 attributes", _LEAN), ("rich, 15 attributes", None)):
        for form, plain in PLAIN.items():
            path = folder / f"bench.{form}"
            with path.open("wb") as file:
                file.writelines(written(form, ROWS, names))
            times: tuple[list[float], ...] = ([], [], [], [])
            for _ in range(TRIES):
                times[0].append(_seconds(lambda plain=plain, path=path: plain(path)))  # type: ignore[misc]
                times[1].append(_seconds(lambda form=form, path=path: ours(form, path)))  # type: ignore[misc]
                times[2].append(whole_way(form, path, 1))
                times[3].append(whole_way(form, path, 1 + READINGS))
            theirs, mine, one, more = map(min, times)
            whole = (more - one) / READINGS  # of the least: a start varies more than a reading
            rates = (f"{ROWS / seconds:,.0f}" for seconds in (theirs, mine, whole))
            lines.append((form, kind, *rates, f"{theirs / mine:.2f}", f"{theirs / whole:.2f}"))
            path.unlink()
    return lines


def memory(form: str, folder: Path) -> tuple[str, ...]:
    """Read a large file in a process of its own; return its rows, seconds and peak memory."""
    pipe = folder / f"large.{form}"
    os.mkfifo(pipe)
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _read_large(form, pipe)
    with pipe.open("wb", buffering=1 << 20) as file:
        sent = _send(file, form)
    _, status, usage = os.wait4(child, 0)
    pipe.unlink()
    result = f"{usage.ru_maxrss / 1024:.0f} MB" if status == 0 else f"failed ({status})"
    return form, f"{sent / 1e6:.0f} MB", f"{time.monotonic() - began:.0f} s", result


def _read_large(form: str, pipe: Path) -> None:
    try:
        gc.disable()  # as in the puller's child
        os._exit(0 if ours(form, pipe) > 0 else 1)
    finally:
        os._exit(2)


def _send(file: Any, form: str) -> int:
    """Write a file of `LARGE_BYTES` from the first pieces of it, again and again."""
    pieces = list(written(form, 5_000, None))
    middle = pieces[1:-1]
    sent = file.write(pieces[0])
    rounds = 0
    while sent < LARGE_BYTES:
        for number, piece in enumerate(middle):
            sent += file.write(b"," + piece if form == "json" and number == 0 and rounds else piece)
        rounds += 1
    return int(sent + file.write(pieces[-1]))


def _table(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(line[at]) for line in [head, *lines]) for at in range(len(head))]
    rule = "  ".join("-" * width for width in widths)
    rows = ["  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) for line in [head, *lines]]
    return "\n".join([rows[0], rule, *rows[1:]])


@click.command()
@click.option("--memory/--no-memory", "with_memory", default=True, help="also read a file of 300 MB per format")
def main(*, with_memory: bool) -> None:
    """Measure and print."""
    assert threading.active_count() == 1, "forks below"
    with scratch("bench") as folder:
        if with_memory:  # first, while this process is small: its children begin with its memory
            large: list[tuple[str, ...]] = [memory(form, folder) for form in PLAIN]
            click.echo(_table(("format", "file", "time", "peak memory"), large) + "\n")
        head = ("format", "items", "plain rows/s", "ours rows/s", "to disk rows/s", "ours", "to disk")
        click.echo(_table(head, speeds(folder)))


if __name__ == "__main__":
    main()
