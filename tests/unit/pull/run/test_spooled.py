"""A run's parts on disk: complete or not there, the same when read again, none too large."""

from pathlib import Path

import orjson
import pytest

from ingest.pull.records import EncodedChunks
from ingest.pull.run.file.disk import DiskTrouble
from ingest.pull.run.file.part_files import MAX_PART_BYTES, PartsWriter, Spooled


def items(count, size=1):
    return [{"externalId": f"A-{n}", "description": "x" * size} for n in range(count)]


async def read(spooled, first=0):
    return [part async for part in spooled.parts(first)]


async def test_parts_are_read_as_they_were_written_from_any_one_on(tmp_path):
    writer = PartsWriter(tmp_path / "run")
    for number in range(5):
        writer.part(items(3), [number, number + 1, number + 2])
    writer.rejected([("B", False), ("C", True)])
    writer.finish({"bytes": 7})

    spooled = Spooled.find(tmp_path / "run")

    assert {"bytes": 7, "parts": 5} == spooled.facts
    assert [(3, [3, 4, 5]), (4, [4, 5, 6])] == [(part.number, part.rows) for part in await read(spooled, 3)]
    seen = {("A-0", False), ("A-1", False), ("A-2", False), ("B", False), ("C", True)}
    assert seen == {entry async for entry in spooled.seen()}


@pytest.mark.parametrize("size", [10, 65_000])
async def test_items_that_are_json_already_give_the_same_parts(tmp_path, size):
    chunks = [(items(50, size), list(range(50))), (items(2), [50, 51])]
    plain, encoded = PartsWriter(tmp_path / "plain"), PartsWriter(tmp_path / "encoded")
    for some, rows in chunks:
        plain.part(some, rows)
    lines = b"".join(orjson.dumps(chunk, option=orjson.OPT_APPEND_NEWLINE) for chunk in chunks)
    encoded.encoded(EncodedChunks(52, lines, [len(orjson.dumps(some)) for some, _ in chunks], [], 0))
    for writer in (plain, encoded):
        writer.finish({})

    assert await read(Spooled.find(tmp_path / "plain")) == await read(Spooled.find(tmp_path / "encoded"))


async def test_a_page_is_forgotten_as_if_it_had_never_come(tmp_path):
    writer = PartsWriter(tmp_path / "run")
    writer.part(items(1), [1])
    mark = writer.mark()
    writer.part(items(2), [2, 3])
    writer.rejected([("B", False)])
    writer.back_to(mark)
    writer.part(items(3), [4, 5, 6])
    writer.finish({})

    spooled = Spooled.find(tmp_path / "run")

    assert [[1], [4, 5, 6]] == [part.rows for part in await read(spooled)]
    assert {"A-0", "A-1", "A-2"} == {external_id async for external_id, _ in spooled.seen()}


async def test_an_attempt_takes_over_the_folder_of_an_earlier_one_which_cannot_take_it_back(tmp_path):
    first = PartsWriter(tmp_path / "feedline-run-5-1")
    first.part(items(2), [1, 2])
    first.finish({})
    other = PartsWriter(tmp_path / "feedline-run-55-1")
    other.finish({})
    stale = Spooled.find(tmp_path / "feedline-run-5-1")

    adopted = Spooled.adopt(tmp_path / "feedline-run-5-2")
    await stale.discard()

    assert [[1, 2]] == [part.rows for part in await read(adopted)]
    assert None is Spooled.adopt(tmp_path / "feedline-run-6-1")


async def test_a_file_that_is_gone_is_trouble_of_the_disk_and_of_nothing_else(tmp_path):
    writer = PartsWriter(tmp_path / "run")
    writer.part(items(1), [1])
    writer.finish({})
    spooled = Spooled.find(tmp_path / "run")
    (tmp_path / "run" / "parts").unlink()

    with pytest.raises(DiskTrouble, match="No such file"):
        await read(spooled)


async def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    writer = PartsWriter(tmp_path / "run")
    (tmp_path / "run" / "parts").unlink()
    writer._parts.close()
    writer._parts = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115, ASYNC230 - the writer closes it
    with pytest.raises(DiskTrouble, match="No space left"):
        writer.part(items(50, 1_000), list(range(50)))

    writer.close()

    assert [] == list(tmp_path.iterdir())


async def test_a_folder_that_was_not_finished_does_not_count(tmp_path):
    writer = PartsWriter(tmp_path / "run")
    writer.part(items(1), [1])
    writer.close()

    assert Spooled.find(tmp_path / "run") is None
    assert Spooled.find(tmp_path / "nowhere") is None


async def test_parts_of_long_items_are_split_in_order(tmp_path):
    writer = PartsWriter(tmp_path / "run")
    writer.part(items(50, 65_000), list(range(50)))
    writer.finish({})

    parts = await read(Spooled.find(tmp_path / "run"))

    assert list(range(50)) == [row for part in parts for row in part.rows]
    assert max(part.size for part in parts) <= MAX_PART_BYTES
    assert len(parts) == 4 == Spooled.find(tmp_path / "run").facts["parts"]


async def test_a_discarded_folder_is_gone(tmp_path):
    writer = PartsWriter(tmp_path / "run")
    writer.finish({})
    await Spooled.find(tmp_path / "run").discard()
    assert [] == list(tmp_path.iterdir())
