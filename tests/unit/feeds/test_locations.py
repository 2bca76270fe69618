"""Addresses with credentials: what is taken, what is shown, what a mask stands for when it comes back."""

import pytest

from ingest.feeds.locations import check, masked, unmasked
from schemas.secrets import MASK

STORED = "https://ann:p%40ss@example.com:8443/stock.csv?token=abc&page=1&apiKey=k"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://example.com/a.csv", "https://example.com/a.csv"),
        ("ftp://ann:secret@example.com/a.csv;type=a", f"ftp://{MASK}@example.com/a.csv;type=a"),
        ("ftp://ann@example.com/%2Fetc/a", f"ftp://{MASK}@example.com/%2Fetc/a"),
        (STORED, f"https://{MASK}@example.com:8443/stock.csv?token={MASK}&page={MASK}&apiKey={MASK}"),
        (
            "https://h/a?accessKey=1&clientSecret=2&pw=3&hash=4&sessionid=5&Id=6&bare",
            f"https://h/a?accessKey={MASK}&clientSecret={MASK}&pw={MASK}&hash={MASK}&sessionid={MASK}&Id={MASK}&{MASK}",
        ),
        ("https://h/a#token", "https://h/a"),
        ("https://h/feeds/9f86d081884c7d65/stock.csv", f"https://h/feeds/{MASK}/stock.csv"),
        ("https://h/9f86d081-884c-7d65-9f86-d081884c7d65.csv", f"https://h/{MASK}.csv"),
        ("https://h/s/AKfycbx8Zq3-v_Lk29dTn1aa01/exec", f"https://h/s/{MASK}/exec"),
        ("https://h/token/abc/stock.csv", f"https://h/token/{MASK}/stock.csv"),
        ("https://h/api-key/abc", f"https://h/api-key/{MASK}"),
        ("https://h/a;jsessionid=1A2B/b.csv", f"https://h/a;jsessionid={MASK}/b.csv"),
        (
            "https://h/inventory-export-2024-01-31-daily-full.csv",
            "https://h/inventory-export-2024-01-31-daily-full.csv",
        ),
        ("https://h/wholesale/warehouse/availability.xml", "https://h/wholesale/warehouse/availability.xml"),
    ],
)
def test_credentials_are_not_shown(location, shown):
    assert shown == masked(location)


@pytest.mark.parametrize(
    "location",
    [
        STORED,
        "ftp://ann:secret@example.com/a",
        "http://h/a?token=x",
        "http://h/a?x=1&x=2&y&z=",
        "http://h/feeds/9f86d081884c7d65/stock.csv?page=1",
        "http://h/a%2Fb;jsessionid=1/c?sig=a%2Fb%20c+d",
    ],
)
def test_what_was_shown_means_what_is_stored(location):
    assert location == unmasked(masked(location), location)


def test_another_path_on_the_same_server_keeps_the_credentials():
    assert "https://ann:p%40ss@example.com:8443/new.csv?page=2" == unmasked(
        f"https://{MASK}@example.com:8443/new.csv?page=2", STORED
    )


@pytest.mark.parametrize(
    "location",
    [
        f"https://{MASK}@evil.example:8443/stock.csv",
        f"https://{MASK}@example.com/stock.csv",
        f"http://{MASK}@example.com:8443/stock.csv",
        f"https://evil.example/?token={MASK}",
        f"https://ann:{MASK}@example.com:8443/stock.csv",
        f"https://example.com:8443/stock.csv?other={MASK}",
    ],
)
def test_credentials_do_not_go_where_they_do_not_belong(location):
    with pytest.raises(ValueError, match=r"again|nothing is stored"):
        unmasked(location, STORED)


def test_a_mask_without_anything_stored_is_refused():
    with pytest.raises(ValueError, match="again"):
        unmasked(f"https://{MASK}@example.com/", None)


@pytest.mark.parametrize(
    "location",
    [
        "example.com/a.csv",
        "file:///etc/passwd",
        "https://",
        "https://:80/a",
        "https://ann:s3cret@/a",
        "https://example.com:99999/a",
        "https://example.com:0/a",
        "https://example.com/a b",
        "https://example.com\\@evil.example/",
        "https://example.com/\na",
        "https://[::1/a",
    ],
)
def test_what_cannot_be_fetched_is_refused_without_quoting_it(location):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is what is tested
        check(location)

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("location", ["HTTPS://example.com", "ftps://ann:p%40ss@h:990/%2Fa;type=i", "http://[::1]:80/"])
def test_what_can_be_fetched_is_taken_as_it_is(location):
    assert location == check(location)
