"""Addresses by RFC 1738, and what of them may be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.locations import masked, parse


def test_user_and_password_are_percent_decoded():
    location = parse("https://us%65r%40shop:p%3Ass%2Fw%C3%B6rd@example.com:8443/stock.csv?day=1#top")

    assert ("user@shop", "p:ss/wörd") == (location.user, location.password)
    assert ("https", "example.com", 8443, "/stock.csv?day=1") == (
        location.scheme,
        location.host,
        location.port,
        location.target,
    )


def test_credentials_that_are_no_utf_8_are_latin_1():
    assert "wörd" == parse("ftp://u:w%F6rd@example.com/f").password


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ftp://h/stock.csv", ([], b"stock.csv", "I")),
        ("ftp://h/data/in/stock.csv", ([b"data", b"in"], b"stock.csv", "I")),
        ("ftp://h/%2Fdata/in/stock.csv", ([b"/data", b"in"], b"stock.csv", "I")),
        ("ftp://h//data/stock.csv", ([b"/", b"data"], b"stock.csv", "I")),
        ("ftp://h/a%2Fb/c", ([b"a/b"], b"c", "I")),
        ("ftp://h/stock.csv;type=a", ([], b"stock.csv", "A")),
        ("ftp://h/stock.csv;TYPE=I", ([], b"stock.csv", "I")),
        ("ftp://h/100%25#1?x%3Btype=a.csv", ([], b"100%#1?x;type=a.csv", "I")),
        ("ftp://h/b%FCro/st%C3%BCck.csv", ([b"b\xfcro"], "stück.csv".encode(), "I")),
    ],
)
def test_an_ftp_path_is_folders_to_enter_a_file_and_a_type(address, expected):
    assert expected == parse(address).ftp_path()


@pytest.mark.parametrize(
    "address", ["ftp://h/", "ftp://h/data/", "ftp://h/f;type=d", "ftp://h/a%0D%0ADELE%20b", "ftp://h/f%00"]
)
def test_an_ftp_path_without_a_file_or_with_a_command_in_it_is_refused(address):
    with pytest.raises(ValueError, match=r"does not name a file|transfer type"):
        parse(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "stock.csv",
        "file:///etc/passwd",
        "gopher://secret@h/",
        "http://",
        "http://user:secret@/x",
        "http://h:0/",
        "http://h:99999/",
        "http://[::1/",
        "http://a b/",
        "http://h%2eevil/",
        "http://u:se\ncret@h/",
        "http://u%0d%0aX:secret@h/",
        "ftp://[fe80::1%25eth0]/secret",
    ],
)
def test_what_is_no_address_is_refused_without_a_word_of_its_credentials(address):
    with pytest.raises(ValueError, match=r"address|host and port|control characters") as caught:
        parse(address)

    assert "secret" not in f"{caught.value} {caught.value!r}" or address.startswith("ftp://[")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://example.com/stock.csv", "https://example.com/stock.csv"),
        ("ftp://user:pass@example.com:2121/%2Fdata/f;type=a", "ftp://********@example.com:2121/%2Fdata/f;type=a"),
        ("https://api-key@example.com/", "https://********@example.com/"),
        ("https://h/f?token=abc&page=2", "https://h/f?token=********&page=********"),
        ("https://h/f?abc", "https://h/f?********"),
        ("https://h/f?abc==", "https://h/f?abc=********"),
        ("https://h/f#abc", "https://h/f"),
        ("https://u:p@ss@h/f", "https://********@h/f"),
        ("https://u:p/ss@h/f", "https://********@h/f"),
        ("https://u:1/ss@h/f", "https://********@h/f"),
        ("https://u:p?ss@h/f", "https://********@h/f"),
        ("https://u:p#ss@h/f", "https://********@h/f"),
        ("https://u:p@a?ss@h/f", "https://********@h/f"),
        ("https://u:pass", "https://********"),
        ("user:pass@h", "********"),
        ("", "********"),
    ],
)
def test_a_masked_address_holds_no_credential(address, expected):
    assert expected == masked(address)


AROUND = st.text("@:/?#[]%&=;.\\ a1", max_size=4)


@given(scheme=st.sampled_from(("http", "ftps", "HTTPS")), parts=st.tuples(AROUND, AROUND, AROUND, AROUND))
def test_no_part_of_a_user_or_password_is_shown_however_badly_it_is_encoded(scheme, parts):
    before, between, after, path = parts

    shown = masked(f"{scheme}://{before}hunter1:{between}hunter2{after}@host/{path}")

    assert "hunter" not in shown


def test_the_representation_of_a_location_holds_no_credential():
    assert "hunter2" not in repr(parse("https://user:hunter2@h/f?key=hunter2"))
