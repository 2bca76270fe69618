"""Characters: UTF-8 proves itself over the whole file, a mark wins, and what cannot be told is held, not guessed."""

import gzip
import io
from pathlib import Path

import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pull.fetch import open_content
from ingest.pull.parse import FormatError, parse

FEEDS = Path(__file__).parents[3] / "fixtures" / "feeds"
TEXT = "externalId,name\nA,Stühle für 5 €\nB,Möbel\n"


def read(data, charset=None, **more):
    parsing = parse(
        io.BytesIO(data), FormatSettings.model_validate({"resourceType": "ftpCsv", **more}), charset=charset
    )
    chunks = list(parsing)
    items = [item for chunk in chunks for item in chunk.items]
    return items, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


def names(data, charset=None, **more):
    return [item["name"] for item in read(data, charset, **more)[0]]


def test_one_wrong_byte_early_in_a_file_of_utf8_costs_its_row_alone():
    data = (FEEDS / "stray_byte.csv").read_bytes()
    items, (reject,), report = read(data, mapping={"externalId": "sku", "name": "name"})

    assert (2, "P0", "name", "encoding") == (reject.row, reject.external_id, reject.field, reject.code)
    assert ("utf-8", True) == (report.encoding, report.complete)
    assert "Tür größe 499" == items[-1]["name"]


@pytest.mark.parametrize("declared", ["windows-1252", "iso-8859-1", "windows-1251", "iso-8859-15", "utf-16", "cp437"])
@pytest.mark.parametrize("by", ["charset", "encoding"])
def test_bytes_that_are_utf8_are_utf8_whatever_was_declared(declared, by):
    assert ["Stühle für 5 €", "Möbel"] == names(TEXT.encode(), **{by: declared})


@pytest.mark.parametrize("declared", ["windows-1252", "utf-8", "utf-16-be", "iso-8859-1", None])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_wins_over_what_was_declared(encoding, declared):
    data = TEXT.encode(encoding)

    assert ["Stühle für 5 €", "Möbel"] == names(data, charset=declared) == names(data, encoding=declared)


@pytest.mark.parametrize("given", [None, "utf-16"])
@pytest.mark.parametrize("written", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", [TEXT, "Номер;Название\n" + "Ж-1;Стул\nБ-2;Стол большой\n" * 9])
def test_wide_encodings_without_a_mark_are_read_in_either_order(written, given, text):
    mapping = {"externalId": 1, "name": 2}
    items, rejects, report = read(text.encode(written), encoding=given, mapping=mapping)

    assert ([], written) == (rejects, report.encoding)
    assert items[0]["name"] in ("Stühle für 5 €", "Стул")


def test_a_big_endian_mark_makes_utf16_big_endian():
    assert ["Stühle für 5 €", "Möbel"] == names(b"\xfe\xff" + TEXT.encode("utf-16-be"), encoding="utf-16")


@pytest.mark.parametrize("byte", [b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d"])
@pytest.mark.parametrize("declared", [None, "windows-1252"])
def test_a_byte_that_windows_1252_does_not_have_holds_the_file(byte, declared):
    _, _, report = read(b"externalId,name\nA,Gr\xfcn\nB,x" + byte + b"y\n", charset=declared)

    assert not report.complete
    assert "encoding cannot be told" in report.reason


def test_utf8_beside_other_bytes_late_in_the_file_holds_it():
    rows = "".join(f"{n},plain\n" for n in range(20_000)).encode()
    data = b"externalId,name\nA,Gr\xfcn\nB,Stra\xdfe\n" + rows + "C,Möbel\n".encode()
    _, _, report = read(data)

    assert ("cp1252", False) == (report.encoding, report.complete)
    assert "set the feed's encoding" in report.reason


def test_windows_1252_without_a_contradiction_is_read():
    items, rejects, report = read(TEXT.encode("cp1252"))

    assert (["Stühle für 5 €", "Möbel"], []) == ([item["name"] for item in items], rejects)
    assert ("cp1252", True) == (report.encoding, report.complete)


@pytest.mark.parametrize("before", ["", "für ", "x" * 70_000])
@pytest.mark.parametrize(
    ("encoding", "given", "cut"),
    [
        ("utf-8", None, 1),
        ("utf-8-sig", None, 1),
        ("utf-8", "utf-8", 2),
        ("utf-16", None, 1),
        ("utf-16-be", None, 1),
        ("shift_jis", "shift_jis", 1),
        ("gb18030", "gb18030", 1),
    ],
)
def test_a_file_that_ends_inside_a_character_is_not_whole(encoding, given, cut, before):
    before = "x" if given and given != "utf-8" else before  # no umlauts there
    data = f"externalId,name\nA,{before}\nB,テス".encode(encoding)
    *_, report = read(data[:-cut], encoding=given)

    assert (False, "truncated") == (report.complete, report.doubt)
    assert "ends inside a character" in report.reason
    assert read(data, encoding=given)[2].complete


def test_one_letter_at_the_end_is_no_cut_where_the_encoding_is_told_or_others_tell_it():
    data = "externalId,name\nA,x\nB,café"

    assert ["x", "café"] == names(data.encode("cp1252"), encoding="windows-1252")
    assert ["für", "café"] == names(data.replace(",x", ",für").encode("cp1252"))
    assert not read(data.encode("cp1252"))[2].complete


@pytest.mark.parametrize(("encoding", "charset"), [("iso2022_jp", None), ("utf-7", "UTF-7"), ("hz", "hz-gb-2312")])
def test_other_letters_written_in_the_bytes_of_ascii_hold_the_file(encoding, charset):
    *_, report = read("externalId,name\nA,テスト\n".encode(encoding), charset=charset)

    assert (False, "encoding") == (report.complete, report.doubt)
    assert read(b"externalId,name\nA,x\n", charset=charset)[2].complete


def test_a_compressed_file_is_looked_through_likewise(tmp_path):
    path = tmp_path / "stock.csv.gz"
    path.write_bytes(gzip.compress((FEEDS / "stray_byte.csv").read_bytes()))
    settings = FormatSettings(resource_type="ftpCsv", mapping={"externalId": "sku", "name": "name"})
    with open_content(path) as content:
        parsing = parse(content, settings)
        items = [item for chunk in parsing for item in chunk.items]

    assert ("utf-8", "Tür größe 499") == (parsing.report.encoding, items[-1]["name"])
    assert (2000, 1) == (parsing.report.rows_mapped, parsing.report.rows_rejected)


@pytest.mark.parametrize(
    "notice",
    [
        "<br />\n<b>Notice</b>:  Undefined index: price in <b>/var/www/export.php</b> on line <b>12</b><br />\n",
        "PHP Warning:  mysqli_connect(): Access denied in /var/www/export.php on line 12\n",
        "\nDeprecated: Function each() is deprecated in /var/www/export.php on line 12\n\n",
    ],
)
def test_messages_of_a_program_in_front_of_the_file_are_shown(notice):
    with pytest.raises(FormatError, match=r"PHP program.*/var/www/export.php on line 12"):
        read((notice + TEXT).encode())
