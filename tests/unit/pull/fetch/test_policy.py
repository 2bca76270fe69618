"""The decisions of a fetch: when to try again, where a hop may lead, which link is the next page."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from yarl import URL

from ingest.feeds.mapping import FormatSettings
from ingest.feeds.pagination import Pagination
from ingest.pull.fetch import Fetched, FetchError, FetchUnavailable, Page, Validators, next_by
from ingest.pull.fetch.errors import REMEDIES, FetchCode
from ingest.pull.fetch.http_rules import keeps_credentials, next_hop, next_link, retry_after_s
from ingest.pull.fetch.pagers import with_parameter
from ingest.pull.fetch.transfer import pause_s, with_retries

HERE = URL("https://shop.example/feeds/stock.csv")


def test_pauses_double_up_to_a_cap():
    assert [1, 2, 4, 8, 16, 30, 30] == [pause_s(attempt, 1) for attempt in range(7)]


def test_jitter_takes_up_to_half_of_a_pause():
    assert (4, 6) == (pause_s(3, 0), pause_s(3, 0.5))


@pytest.mark.parametrize(("wish_s", "expected"), [(0, 1), (20, 20), (120, 120), (121, None)])
def test_a_servers_wish_is_honoured_up_to_a_cap(wish_s, expected):
    assert expected == pause_s(0, 1, wish_s)


async def test_attempts_go_on_until_one_succeeds_and_pause_in_between():
    results, pauses = [FetchUnavailable(FetchCode.CONNECT, "x"), FetchUnavailable(FetchCode.BUSY, "x", 7), "file"], []

    async def attempt():
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    async def sleep(seconds):
        pauses.append(seconds)

    assert "file" == await with_retries(attempt, 3, sleep, lambda: 1)
    assert [1, 7] == pauses


@pytest.mark.parametrize(
    ("error", "attempts", "made"),
    [
        (FetchUnavailable(FetchCode.CONNECT, "x"), 3, 3),
        (FetchUnavailable(FetchCode.BUSY, "x", 86_400), 3, 1),
        (FetchError(FetchCode.NOT_FOUND, "x"), 3, 1),
        (FetchUnavailable(FetchCode.CONNECT, "x"), 1, 1),
    ],
)
async def test_the_last_failure_is_raised_and_a_hopeless_one_at_once(error, attempts, made):
    calls = []

    async def attempt():
        calls.append(1)
        raise error

    async def sleep(_seconds):
        pass

    with pytest.raises(type(error)):
        await with_retries(attempt, attempts, sleep, lambda: 1)

    assert made == len(calls)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("120", 120),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("x", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, expected):
    assert expected == retry_after_s(value, now=10)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/other.csv?sig=a%2Fb", "https://shop.example/other.csv?sig=a%2Fb"),
        ("next", "https://shop.example/feeds/next"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("https://user:pass@cdn.example/x#top", "https://cdn.example/x"),
        ("http://cdn.example/x", "http://cdn.example/x"),
        (" /a b ", "https://shop.example/a%20b"),
        ("/a b%20c?q=d e%2Ff+g", "https://shop.example/a%20b%20c?q=d%20e%2Ff+g"),
        ("/x?sig=%2f%3D~'|&e=!*()", "https://shop.example/x?sig=%2f%3D~'|&e=!*()"),
        ("https://käse.example/ü?ö=%C3%A4", "https://xn--kse-qla.example/%C3%BC?%C3%B6=%C3%A4"),
    ],
)
def test_a_hop_is_joined_and_stripped_of_userinfo_and_fragment(target, expected):
    assert expected == str(next_hop(HERE, target, with_credentials=False))


@pytest.mark.parametrize(
    "target", ["ftp://shop.example/x", "file:///etc/passwd", "javascript:alert(1)", "http://", "http://[x"]
)
def test_a_hop_that_is_not_http_is_refused(target):
    with pytest.raises(FetchError) as caught:
        next_hop(HERE, target, with_credentials=False)

    assert "redirect" == caught.value.code


def test_a_fetch_with_credentials_never_steps_from_https_to_http():
    with pytest.raises(FetchError) as caught:
        next_hop(HERE, "http://shop.example/x?token=hunter2", with_credentials=True)

    assert "redirect_insecure" == caught.value.code
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("current", "hop", "expected"),
    [
        ("https://a/x", "https://a/y", True),
        ("https://a/x", "https://a:443/y", True),
        ("http://a/x", "https://a/x", True),
        ("http://a:8080/x", "https://a/x", False),
        ("http://a/x", "https://a:8443/x", False),
        ("https://a/x", "http://a/x", False),
        ("https://a/x", "https://b.a/x", False),
        ("https://a/x", "https://a:444/x", False),
    ],
)
def test_credentials_stay_with_their_origin(current, hop, expected):
    assert expected == keeps_credentials(URL(current), URL(hop))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ('<https://h/?page=2>; rel="next", <https://h/?page=9>; rel="last"', "https://h/?page=2"),
        ('<https://h/?page=1>; rel="prev", </p?a=1,2>; title="x, y"; rel="first next"', "/p?a=1,2"),
        ("<?page=2>;rel=next", "?page=2"),
        ('</x>; rel="nextish"', None),
        ("</x>", None),
        ("garbage", None),
    ],
)
def test_the_next_link_is_found(header, expected):
    assert expected == next_link(header)


def page(number=0, fields=None, items=0, digest="", **headers):
    fetched = Fetched(None, 0, "", Validators(), "", headers=headers)
    return Page(number, fetched, URL("https://h/items?size=50&page=1"), fields or {}, items, digest)


@pytest.mark.parametrize(
    ("pagination", "read", "expected"),
    [
        ({"by": "link"}, page(link="</2>; rel=next"), "/2"),
        ({"by": "link"}, page(), None),
        ({"by": "nextUrl", "path": "$.meta.next"}, page(fields={"meta.next": "/2"}), "/2"),
        ({"by": "nextUrl", "path": "links[1].href"}, page(fields={"links[1].href": "/2"}), "/2"),
        ({"by": "nextUrl", "path": "next"}, page(fields={"next": None}), None),
        ({"by": "nextUrl", "path": "next"}, page(fields={"next": False}), None),
        (
            {"by": "cursor", "path": "c", "parameter": "after"},
            page(fields={"c": 7}),
            "https://h/items?size=50&page=1&after=7",
        ),
        ({"by": "cursor", "path": "c", "parameter": "after"}, page(fields={"c": ""}), None),
        ({"by": "page", "parameter": "page"}, page(0, items=50), "https://h/items?size=50&page=2"),
        ({"by": "page", "parameter": "page"}, page(4, items=50), "https://h/items?size=50&page=6"),
        (
            {"by": "page", "parameter": "page", "first": 0, "step": 50},
            page(1, items=50),
            "https://h/items?size=50&page=100",
        ),
        ({"by": "page", "parameter": "page"}, page(4, items=0), None),
    ],
)
def test_the_next_page_is_where_the_pagination_says(pagination, read, expected):
    pager = next_by(Pagination(**pagination))
    assert not pager.repeats(read)
    assert expected == pager.next(read)


def walked(pagination, *read):
    """Return how many pages are kept before the pager says that it is over; None when it wants another."""
    pager = next_by(Pagination(**pagination))
    for kept, one in enumerate(read):
        if pager.repeats(one):
            return kept
        if pager.next(one) is None:
            return kept + 1
    return None


BY_PAGE = {"by": "page", "parameter": "page"}
BY_OFFSET = {"by": "page", "parameter": "offset", "first": 0, "step": 50}


@pytest.mark.parametrize(
    ("pagination", "read", "kept"),
    [
        (BY_PAGE, [page(0, items=1, digest="a"), page(1, items=1, digest="b"), page(2, items=1, digest="b")], 2),
        # the last page again, made anew: its number is echoed
        (BY_PAGE, [page(0, {"meta.page": 1}, 1, digest="a"), page(1, {"meta.page": 1}, 1, digest="b")], 1),
        (BY_PAGE, [page(0, {"current_page": "1"}, 1, digest="a"), page(1, {"current_page": "1"}, 1, digest="b")], 1),
        (BY_OFFSET, [page(0, {"offset": 0}, 1, digest="a"), page(1, {"offset": 0}, 1, digest="b")], 1),
        # what merely happens to be the same number
        (BY_PAGE, [page(0, {"count": 1}, 1, digest="a"), page(1, {"count": 1}, 1, digest="b")], None),
        (BY_PAGE, [page(0, {"page": 1}, 1, digest="a"), page(1, {"page": 2}, 1, digest="b")], None),
        (BY_PAGE, [page(0, {"page": 0}, 1, digest="a"), page(1, {"page": 0}, 1, digest="b")], None),
        (BY_PAGE, [page(0, items=1, digest="a"), page(1, items=0, digest="")], 2),
        # the first page again, as some shops answer to a number that is too high
        (BY_PAGE, [page(0, items=1, digest="a"), page(1, items=1, digest="b"), page(2, items=1, digest="a")], 2),
    ],
)
def test_counted_pages_end_where_a_server_repeats_its_last_one(pagination, read, kept):
    assert kept == walked(pagination, *read)


def test_a_cursor_that_leads_to_the_same_items_again_is_an_error():
    with pytest.raises(FetchError, match="items of a page before"):
        walked(
            {"by": "cursor", "path": "c", "parameter": "after"},
            page(0, {"c": 1}, 1, digest="a"),
            page(1, {"c": 2}, 1, digest="a"),
        )


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://h/a%2Fb", "https://h/a%2Fb?page=2"),
        ("https://h/a?sig=x%2Fy%20z+w==&page=1&b", "https://h/a?sig=x%2Fy%20z+w==&page=2&b"),
        ("https://h/a?page=1&page=7", "https://h/a?page=2"),
        ("https://h/a?pag%65=1#x", "https://h/a?page=2#x"),
    ],
)
def test_a_page_number_changes_nothing_else_of_a_signed_address(address, expected):
    assert expected == with_parameter(address, "page", "2")


@pytest.mark.parametrize(
    "pagination",
    [
        {"by": "link", "path": "x"},
        {"by": "nextUrl"},
        {"by": "cursor", "path": "x"},
        {"by": "page", "parameter": "a&b"},
        {"by": "nextUrl", "path": "items[*].next"},
        {"by": "nextUrl", "path": "^.next"},
        {"by": "nextUrl", "path": "$"},
        {"by": "nextUrl", "path": "x", "step": 5},
        {"by": "other"},
    ],
)
def test_a_pagination_that_says_too_much_or_too_little_is_refused(pagination):
    with pytest.raises(ValidationError):
        Pagination(**pagination)


def test_only_json_feeds_have_pages():
    assert "link" == FormatSettings(resource_type="api", pagination={"by": "link"}).pagination.by
    with pytest.raises(ValidationError):
        FormatSettings(resource_type="ftpCsv", pagination={"by": "link"})


def test_every_code_says_what_to_do_and_stands_in_the_docs():
    docs = (Path(__file__).parents[4] / "docs" / "pull.md").read_text()

    assert set(FetchCode) == set(REMEDIES)
    assert [] == [code for code in FetchCode if f"| `{code}` | " not in docs or REMEDIES[code] not in docs]
