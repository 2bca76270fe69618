"""The spool file: bounded, hashed on the way, begun again, and safe when the disk is full or the fetch cancelled."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from ingest.pull.fetch import FetchError, FetchUnavailable
from ingest.pull.fetch.spool import BLOCK_BYTES, Spool

DATA = b"0123456789" * 100_000


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path, len(DATA))
    yield spool
    spool.discard()


async def test_what_is_taken_lies_in_the_file_and_is_hashed(spool):
    for start in range(0, len(DATA), 7_777):
        await spool.take(DATA[start : start + 7_777])
    await spool.flush()

    assert (len(DATA), DATA) == (spool.size, spool.path.read_bytes())
    assert hashlib.sha256(DATA).hexdigest() == spool.content_hash()


async def test_only_a_block_is_held_in_memory(spool):
    await spool.take(DATA[: BLOCK_BYTES - 1])
    assert 0 == spool.path.stat().st_size

    await spool.take(b"x")
    assert BLOCK_BYTES == spool.path.stat().st_size


async def test_more_than_the_limit_is_refused(spool):
    await spool.take(DATA)

    with pytest.raises(FetchError) as caught:
        await spool.take(b"x")
    assert "too_large" == caught.value.code


async def test_a_spool_that_begins_again_forgets_everything(spool):
    await spool.take(DATA)
    await spool.restart()
    await spool.take(b"abc")
    await spool.flush()

    assert (3, b"abc") == (spool.size, spool.path.read_bytes())
    assert hashlib.sha256(b"abc").hexdigest() == spool.content_hash()


async def test_a_full_disk_is_the_operators_to_mend_and_what_was_half_written_is_not_resumed(spool):
    good, spool._file = spool._file, Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115, ASYNC230

    with pytest.raises(FetchUnavailable) as caught:
        await spool.take(DATA)

    assert ("disk", 0) == (caught.value.code, spool.size)
    spool._file.close()
    spool._file = good


def test_a_folder_that_cannot_be_written_to_is_the_operators_to_mend(tmp_path):
    with pytest.raises(FetchUnavailable) as caught:
        Spool(tmp_path / "missing", 1)

    assert "disk" == caught.value.code


async def test_a_write_that_comes_after_the_end_touches_nothing(spool):
    """A cancelled fetch closes its spool while a thread may still be about to write."""
    spool.discard()
    await asyncio.to_thread(spool._write, bytearray(b"late"))
    await spool.restart()

    assert not spool.path.exists()
