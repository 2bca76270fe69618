"""A run's parts on disk: complete or not there, the same when read again, none too large."""

from ingest.pull.run.part_files import MAX_PART_BYTES, PartsWriter, Spooled


def items(count, size=1):
    return [{"externalId": f"A-{n}", "description": "x" * size} for n in range(count)]


async def read(spooled, first=0):
    return [part async for part in spooled.parts(first)]


async def test_parts_are_read_as_they_were_written_from_any_one_on(tmp_path):
    writer = PartsWriter(tmp_path / "run")
    for number in range(5):
        writer.part(items(3), [number, number + 1, number + 2])
    writer.rejected(["B", "C"])
    writer.finish({"bytes": 7})

    spooled = Spooled.find(tmp_path / "run")

    assert {"bytes": 7, "parts": 5} == spooled.facts
    assert [(3, [3, 4, 5]), (4, [4, 5, 6])] == [(part.number, part.rows) for part in await read(spooled, 3)]
    assert {"A-0", "A-1", "A-2", "B", "C"} == {external_id async for (external_id,) in spooled.seen()}


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
