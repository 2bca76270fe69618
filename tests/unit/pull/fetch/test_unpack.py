"""What a spool file holds: decompression by content, within bounds, and pages of HTML."""

import bz2
import gzip
import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.pull.fetch import ContentLimits, Fetched, FetchError, Validators, Wanted, open_content, unpack
from ingest.pull.fetch.gunzip import Gunzip
from ingest.pull.fetch.html import refuse_html

CSV = b"sku,quantity\n" + b"".join(b"%d,%d\n" % (n, n % 7) for n in range(20_000))


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def spooled(tmp_path):
    def write(data):
        path = tmp_path / "spool"
        path.write_bytes(data)
        return path

    return write


def read(path, **options):
    with open_content(path, **options) as reader:
        return reader.read()


def refused(path, **options):
    with pytest.raises(FetchError) as caught:
        read(path, **options)
    return caught.value.code.value


@pytest.mark.parametrize(
    "data",
    [
        lambda: CSV,
        lambda: gzip.compress(CSV),
        lambda: gzip.compress(CSV[:1000]) + gzip.compress(CSV[1000:]),
        lambda: bz2.compress(CSV),
        lambda: zipped(("stock.csv", CSV)),
        lambda: zipped(("stock.csv", CSV), method=zipfile.ZIP_STORED),
        lambda: zipped(("stock.csv", CSV), method=zipfile.ZIP_BZIP2),
        lambda: zipped(("in/", b""), ("__MACOSX/._stock.csv", b"x"), (".DS_Store", b"x"), ("in/stock.dat", CSV)),
    ],
    ids=["plain", "gzip", "gzip of two members", "bzip2", "zip", "zip stored", "zip bzip2", "zip with litter"],
)
def test_content_is_decompressed_by_what_it_is(spooled, data):
    assert CSV == read(spooled(data()))


@pytest.mark.parametrize(
    "data",
    [
        lambda: gzip.compress(gzip.compress(CSV)),
        lambda: gzip.compress(bz2.compress(CSV)),
        lambda: zipped(("a.csv.gz", gzip.compress(CSV))),
    ],
)
def test_a_file_that_was_packed_once_more_is_read(spooled, data):
    assert CSV == read(spooled(data()))


def test_it_can_be_read_line_by_line_and_in_small_bits(spooled):
    with open_content(spooled(gzip.compress(CSV))) as reader:
        assert (b"sku,quantity\n", b"0", b",0\n1,1") == (reader.readline(), reader.read(1), reader.read(6))


def test_an_empty_file_is_empty(spooled):
    assert b"" == read(spooled(b""))
    assert b"" == read(spooled(gzip.compress(b"")))


def test_of_several_members_the_only_one_that_fits_is_read_and_of_several_the_one_that_the_feed_names(spooled):
    archive = spooled(
        zipped(("readme.txt", b"hello"), ("out/A.CSV", b"a"), ("stock_2025.csv", b"b"), ("c.xml", b"<c/>"))
    )
    csv = (".csv", ".tsv")

    assert b"<c/>" == read(archive, wanted=Wanted((".xml",)))
    assert b"b" == read(archive, wanted=Wanted(csv, r"stock_\d+\.csv$"))
    assert b"a" == read(archive, wanted=Wanted(csv, "(?i)^out/a"))
    assert "content_no_member" == refused(archive, wanted=Wanted((".json",)))
    assert "content_no_member" == refused(archive, wanted=Wanted(csv, "stock_2023"))
    assert "content_no_member" == refused(archive)
    with pytest.raises(
        FetchError, match=r"4 files, 2 of them may be meant: out/A.CSV, stock_2025.csv\..*archiveMember"
    ):
        read(archive, wanted=Wanted(csv))


def test_a_single_member_that_is_not_the_one_that_the_feed_names_is_refused(spooled):
    assert "content_no_member" == refused(spooled(zipped(("prices.csv", CSV))), wanted=Wanted((".csv",), "stock"))


@pytest.mark.parametrize("padding", [b"\n", b"\r\n", b"\0" * 600, b" \n\0"])
def test_white_space_behind_gzip_is_no_damage(spooled, padding):
    path = spooled(gzip.compress(CSV) + padding + gzip.compress(CSV) + padding)

    assert CSV * 2 == read(path)
    with open_content(path) as reader:
        reader.seek(len(CSV) + 3)
        again = reader.read()
        reader.seek(2)
        assert (CSV[3:], CSV[2:12]) == (again, reader.read(10))


@pytest.mark.parametrize(
    ("cut", "code"),
    [
        (lambda whole: whole + b"\nx", "content_corrupt"),
        (lambda whole: whole[:-1], "content_truncated"),
        (lambda whole: whole[:12], "content_truncated"),
        (lambda whole: whole + b"\x1f", "content_truncated"),
        (lambda whole: whole[:-8] + b"\0" * 8, "content_corrupt"),
    ],
)
def test_what_is_wrong_with_gzip_is_told(spooled, cut, code):
    assert code == refused(spooled(cut(gzip.compress(CSV))))


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(1, 70))
def test_gzip_members_are_read_in_bits_of_any_size(members, size):
    stream = Gunzip(io.BytesIO(b"".join(map(gzip.compress, members))))
    assert b"".join(members) == b"".join(iter(lambda: stream.read(size), b""))


def test_gzip_as_a_transfer_coding_is_one_more_layer(spooled):
    assert CSV == read(spooled(gzip.compress(CSV)), content_encoding="gzip")
    assert CSV == read(spooled(gzip.compress(gzip.compress(CSV))), content_encoding="gzip")
    assert CSV == read(spooled(gzip.compress(zipped(("a.csv", CSV)))), content_encoding="gzip")
    assert CSV == read(spooled(CSV), content_encoding="gzip")


@pytest.mark.parametrize(
    "data",
    [
        lambda: gzip.compress(gzip.compress(gzip.compress(CSV))),
        lambda: zipped(("a.zip", zipped(("a.csv", CSV)))),
        lambda: bz2.compress(zipped(("a.csv", CSV))),
        lambda: gzip.compress(b"a.csv".ljust(257, b"\0") + b"ustar\x0000".ljust(255, b"\0")),
    ],
    ids=["gzip thrice", "zip in zip", "zip in bzip2", "tar in gzip"],
)
def test_an_archive_in_an_archive_is_refused(spooled, data):
    assert "content_nested" == refused(spooled(data()))


@pytest.mark.parametrize(
    "data",
    [
        b"\xfd7zXZ\x00",
        b"Rar!\x1a\x07\x00",
        b"7z\xbc\xaf\x27\x1c",
        zipped(("[Content_Types].xml", b""), ("xl/a.xml", b"")),
    ],
    ids=["xz", "rar", "7z", "xlsx"],
)
def test_other_formats_are_named(spooled, data):
    assert "content_unsupported" == refused(spooled(data))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
def test_a_compressed_file_that_breaks_off_is_told_from_a_damaged_one(spooled, pack):
    packed = pack(CSV)
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF

    assert "content_truncated" == refused(spooled(packed[:-10]))
    assert "content_corrupt" == refused(spooled(bytes(damaged)))


def test_a_zip_that_breaks_off_or_is_damaged_is_refused(spooled):
    packed = zipped(("a.csv", CSV), method=zipfile.ZIP_STORED)
    damaged = bytearray(packed)
    damaged[5000] ^= 0xFF

    assert "content_truncated" == refused(spooled(packed[:-100]))
    assert "content_corrupt" == refused(spooled(bytes(damaged)))


def test_an_encrypted_zip_is_refused(spooled):
    packed = bytearray(zipped(("a.csv", CSV)))
    packed[6] |= 1
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1

    assert "content_encrypted" == refused(spooled(bytes(packed)))


def test_a_zip_with_a_method_that_takes_the_senders_memory_is_refused(spooled):
    assert "content_unsupported" == refused(spooled(zipped(("a.csv", CSV), method=zipfile.ZIP_LZMA)))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lambda data: zipped(("a.csv", data))])
def test_a_bomb_is_refused_by_size_and_by_ratio_before_it_unfolds(spooled, pack, monkeypatch):
    monkeypatch.setattr(unpack, "RATIO_FROM_BYTES", 4 * 2**20)
    bomb = spooled(pack(bytes(8 * 2**20)))

    assert "content_bomb" == refused(bomb, limits=ContentLimits(max_unpacked_bytes=2**20))
    came_out = 0
    with pytest.raises(FetchError, match="unpacks to more than"), open_content(bomb) as reader:  # noqa: PT012
        while chunk := reader.read(2**20):
            came_out += len(chunk)
    assert came_out <= 4 * 2**20


def test_a_small_file_may_shrink_a_lot(spooled):
    assert 2**20 == len(read(spooled(gzip.compress(bytes(2**20))), limits=ContentLimits(max_ratio=2)))


def test_a_zip_that_lies_about_its_members_size_is_bounded_all_the_same(spooled):
    packed = bytearray(zipped(("a.csv", bytes(2 * 2**20))))
    at = packed.rindex(b"PK\x01\x02")
    packed[at + 24 : at + 28] = struct.pack("<I", 10)

    code = refused(spooled(bytes(packed)), limits=ContentLimits(max_unpacked_bytes=2**20))
    assert code in ("content_bomb", "content_corrupt")


def test_a_zip_with_a_giant_directory_is_refused_unread(spooled):
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 500 * 2**20, 0, 0)
    end64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 10**7, 10**7, 500 * 2**20, 0)
    giant = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)

    assert "content_bomb" == refused(spooled(b"PK\x03\x04" + bytes(50) + end))
    assert "content_bomb" == refused(spooled(b"PK\x03\x04" + bytes(50) + end64 + giant))


def html(path, content_type=None, content_encoding=None):
    refuse_html(
        Fetched(path, 0, "", Validators(), "https://h/f", content_type=content_type, content_encoding=content_encoding)
    )


LOGIN = b"\n<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>"


@pytest.mark.parametrize(
    ("data", "content_type", "content_encoding"),
    [
        (LOGIN, "text/html", None),
        (LOGIN, "text/csv", None),
        (LOGIN, None, None),
        (gzip.compress(LOGIN, mtime=0), "text/html", "gzip"),
        (b"\xef\xbb\xbf" + LOGIN, "text/html", None),
        (LOGIN.decode().encode("utf-16"), "text/html", None),
        (b"<html lang=en>", "application/json", None),
        (b'<?xml version="1.0"?>\n<!-- x --> <!DOCTYPE HTML PUBLIC "-//W3C//DTD XHTML 1.0">', "text/xml", None),
        (b"<head><title>Moved</title>", "text/html", None),
        (b"<h1>503</h1>", "text/html", None),
    ],
)
def test_a_page_of_html_is_an_error_that_says_so(spooled, data, content_type, content_encoding):
    with pytest.raises(FetchError) as caught:
        html(spooled(data), content_type, content_encoding)

    assert "html" == caught.value.code
    assert "HTML page where a file was expected" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"sku,quantity\n1,2\n", "text/html"),
        (b"sku,html\n<b>1</b>,<html>\n", "text/csv"),
        (b'<?xml version="1.0"?><products/>', "text/html"),
        (b"<htmlproducts/>", "text/xml"),
        (b"<title>x</title>", "text/xml"),
        (b'{"items": []}', "text/html"),
        (b"", "text/html"),
        (zlib.compress(LOGIN), "application/octet-stream"),
        (b"PK\x03\x04 broken", "application/zip"),
    ],
)
def test_a_file_is_none_whatever_its_label(spooled, data, content_type):
    html(spooled(data), content_type)
