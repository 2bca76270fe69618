"""What an API's answers tell of their pages: it excuses an odd end and puts a smooth one in doubt."""

import pytest
from yarl import URL

from ingest.feeds.pagination import Pagination
from ingest.pull.fetch import Fetched, FetchError, Page, Validators, next_by
from ingest.pull.fetch.errors import FetchCode
from ingest.pull.fetch.told import Told
from schemas.errors import Rejected

BY_PAGE = {"by": "page", "parameter": "page"}
BY_URL = {"by": "nextUrl", "path": "next"}
BY_CURSOR = {"by": "cursor", "path": "c", "parameter": "after"}


def page(number, fields=None, items=1, address="https://h/items", **headers):
    fetched = Fetched(None, 0, "", Validators(), "", headers={name.replace("_", "-"): v for name, v in headers.items()})
    return Page(number, fetched, URL(address), fields or {}, items, f"{number}" if items else "", items)


def pager_after(pagination, *read):
    """Return a pager that has walked these pages."""
    pager = next_by(Pagination(**pagination))
    for one in read:
        if not pager.repeats(one):
            pager.next(one)
    return pager


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"total": 3}, "tells of 3 items in all, and 2 came"),
        ({"meta.totalCount": 9}, "tells of 9 items in all, and 2 came"),
        ({"pagination.total_items": "9"}, "tells of 9 items in all, and 2 came"),
        ({"pages": 3}, "tells of 3 pages, and 2 came"),
        ({"meta.pagination.total_pages": 4}, "tells of 4 pages, and 2 came"),
        ({"last_page": 7}, "tells of 7 pages, and 2 came"),
        ({"has_more": True}, "says that more follow"),
        ({"pageInfo.hasNextPage": True}, "says that more follow"),
        ({"errors[0].message": "timeout"}, "page 2 has a field errors"),
        ({"total": 2, "pages": 2, "has_more": False, "error": False, "errors.count": 0, "error.text": "none"}, None),
        ({"total": 1}, None),
        ({"total": 3.5, "page": 9, "per_page": 100, "count": 50}, None),
    ],
)
@pytest.mark.parametrize("pagination", [BY_PAGE, BY_URL, {"by": "link"}, BY_CURSOR])
def test_pages_that_end_before_what_they_announced_may_not_be_all(pagination, told, says):
    lacking = pager_after(pagination, page(0, {"next": "/2", "c": "x"}), page(1, told)).lacks()

    assert says is None if lacking is None else says in lacking


def test_an_empty_page_in_the_middle_is_an_end_in_doubt():
    pager = pager_after(BY_PAGE, page(0, {"total": 3, "pages": 3}), page(1, {"total": 3, "pages": 3}, items=0))

    assert "tells of 3 pages, and 2 came" in pager.lacks()


BY_OFFSET = {"by": "page", "parameter": "offset", "step": 100}


@pytest.mark.parametrize(
    ("sizes", "told", "lacks"),
    [
        ((50, 50, 30, 0), {}, True),
        ((50, 20), {}, True),
        ((100, 100, 50, 0), {}, False),
        ((97, 93, 99, 0), {}, False),  # filtered
        ((50, 0), {}, False),
        ((50, 45, 50, 0), {}, False),
        ((50, 50, 30), {"totalCount": 130}, False),
        ((250, 250, 10), {}, False),
    ],
)
def test_pages_that_are_smaller_than_the_step_to_the_next_one_leave_items_out(sizes, told, lacks):
    pager = pager_after(BY_OFFSET, *(page(number, told, items=size) for number, size in enumerate(sizes)))

    assert ("set the pagination's step to 50" in (pager.lacks() or "")) == lacks


@pytest.mark.parametrize("headers", [{"x_wp_totalpages": "2"}, {"x_total_pages": "2"}, {"x_total_count": "2"}])
@pytest.mark.parametrize("refusal", [FetchCode.REFUSED, FetchCode.NOT_FOUND, FetchCode.PROTOCOL])
def test_a_refused_page_behind_the_last_one_that_was_announced_is_the_end(headers, refusal):
    before, last = pager_after(BY_PAGE, page(0, **headers)), pager_after(BY_PAGE, page(0), page(1, **headers))

    assert (False, True) == (before.is_end(FetchCode.REFUSED), last.is_end(refusal))
    assert not last.is_end(FetchCode.HTML)
    assert not pager_after(BY_PAGE, page(0), page(1)).is_end(FetchCode.REFUSED)
    assert pager_after(BY_PAGE, page(0), page(1)).is_end(FetchCode.NOT_FOUND)


def test_a_cursor_that_stays_on_the_last_page_is_the_end_if_the_page_says_so():
    last = page(1, {"c": "x", "has_more": False})
    pager = pager_after(BY_CURSOR, page(0, {"c": "x", "has_more": True}), last)
    again = page(2, {"c": "x", "has_more": False})
    again.digest = last.digest

    assert pager.is_end()
    assert (True, None, None) == (pager.repeats(again), pager.next(again), pager.lacks())


@pytest.mark.parametrize("fields", [{"error": "rate limit"}, {"errors[0].code": 429}, {"error.message": "slow down"}])
@pytest.mark.parametrize("pagination", [BY_PAGE, BY_URL, BY_CURSOR])
def test_an_error_document_with_an_empty_list_is_never_the_end(pagination, fields):
    with pytest.raises(FetchError, match=r"page 2 has a field error.* and no items") as caught:
        pager_after(pagination, page(0, {"next": "/2", "c": "x"}), page(1, fields, items=0))

    assert FetchCode.PAGES_BROKEN is caught.value.code


def test_a_page_without_items_whose_code_is_another_one_is_never_the_end():
    with pytest.raises(FetchError, match=r"page 2 has no items, and its code is 42901 instead of 0") as caught:
        pager_after(BY_PAGE, page(0, {"code": 0}), page(1, {"code": 42901, "msg": "slow down"}, items=0))

    assert FetchCode.PAGES_BROKEN is caught.value.code
    for told in ({"message": "Rate limit exceeded"}, {"meta.detail": "timeout"}, {"meta.code": 5}):
        with pytest.raises(FetchError, match="page 2 has no items, and its m"):
            pager_after(BY_PAGE, page(0, {"meta.code": 0}), page(1, told, items=0))
    for first, last in (
        ({"message": "ok"}, {"message": "no more items"}),
        ({"code": 0}, {"code": 0}),
        ({"code": 0, "total": 1}, {"code": 1}),
        ({}, {"status": "empty"}),
    ):
        assert pager_after(BY_PAGE, page(0, first), page(1, last, items=0)).lacks() is None


@pytest.mark.parametrize("fields", [{"next.href": "/2", "next.title": "more"}, {"next[0]": "/2"}])
def test_a_path_to_what_is_no_address_is_refused_and_what_is_there_is_named(fields):
    with pytest.raises(Rejected, match=r"at next of page 1 is no value, but next.*: set path"):
        pager_after(BY_URL, page(0, fields))


@pytest.mark.parametrize(
    ("pagination", "address", "numbers"),
    [
        (BY_PAGE, "https://h/items?page=0", "1"),
        (BY_PAGE, "https://h/items?page=5", "6"),
        (BY_PAGE, "https://h/items?page=x", "2"),
        (BY_PAGE, "https://h/items", "2"),
        ({"by": "page", "parameter": "page", "first": 0}, "https://h/items", "1"),
        ({"by": "page", "parameter": "page", "step": 100}, "https://h/items", "100"),
        ({"by": "page", "parameter": "page", "step": 100}, "https://h/items?page=0", "100"),
        ({"by": "page", "parameter": "page", "step": 100, "first": 1}, "https://h/items", "101"),
    ],
)
def test_pages_are_counted_from_the_number_in_the_address(pagination, address, numbers):
    pager, first = next_by(Pagination(**pagination)), page(0, address=address)
    pager.repeats(first)

    assert numbers == URL(pager.next(first)).query["page"]


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"link": '</stock.csv?page=2>; rel="next"'}, "names a next page (Link), and only JSON"),
        ({"x-total-pages": "3"}, "tells of 3 pages, and only JSON"),
        ({"link": "</stock.csv?page=1>; rel=prev", "x-total-pages": "1", "x-total-count": "51"}, None),
    ],
)
def test_a_file_without_pages_that_is_but_the_first_of_several_is_told(headers, says):
    lacking = Told.of({}, headers).lacks_pages()

    assert says is None if lacking is None else says in lacking


@pytest.mark.parametrize(
    ("fields", "headers", "says"),
    [
        ({}, {"link": '</items?page=2>; rel="next"'}, "names a next page (Link): set the feed's pagination"),
        ({"next": "https://h/2"}, {}, "names a next page (next)"),
        ({"meta.next_cursor": "abc"}, {}, "names a next page (meta.next_cursor)"),
        ({"has_more": True}, {}, "more follow: set the feed's pagination"),
        ({"total_pages": 2}, {}, "tells of 2 pages, and 1 came"),
        ({"totalCount": 51}, {}, "tells of 51 items in all, and 50 came"),
        ({}, {"x-total-count": "51"}, "tells of 51 items"),
        ({"errors[0].message": "x"}, {}, "has a field errors"),
        ({"success": False}, {}, "has a field success"),
        ({"status": "Error"}, {}, "has a field status"),
        ({"statusCode": 503}, {}, "has a field statusCode"),
        ({"meta.success": False}, {}, "has a field meta.success"),
        ({"response.status": "failed"}, {}, "has a field response.status"),
        ({"result.error.code": 5}, {}, "has a field result.error"),
        ({"exception": "timeout"}, {}, "has a field exception"),
        ({"errcode": 40001, "errmsg": "invalid credential"}, {}, "has a field errcode"),
        ({"errorMessage": "the operation was not successful"}, {}, "has a field errorMessage"),
        ({"timed_out": True}, {}, "has a field timed_out"),
        ({"_shards.failed": 2}, {}, "has a field _shards.failed"),
        ({"status": "In Progress"}, {}, "has a field status"),
        ({"_links.next.href": "/2"}, {}, "names a next page (_links.next.href)"),
        ({"links[1].rel": "next", "links[1].href": "/2"}, {}, "names a next page (links[1].rel)"),
        ({"next_page": 2}, {}, "names a next page (next_page)"),
        ({"nextRecordsUrl": "/2"}, {}, "names a next page"),
        ({"LastEvaluatedKey.id": "x"}, {}, "names a next page"),
        ({"last": False}, {}, "more follow"),
        ({"@odata.count": 51}, {}, "tells of 51 items"),
        ({"d.__count": "51"}, {}, "tells of 51 items"),
        ({"hits.total.value": 51}, {}, "tells of 51 items"),
        ({"meta.total": 51, "meta.limit": 50}, {}, "tells of 51 items"),
        ({"meta.total": 51, "limit": 50, "last": True, "done": True, "_shards.failed": 0, "failed": 2}, {}, None),
        ({"_links.next.href": "", "links[0].rel": "next", "links[1].rel": "self", "next.count": 0}, {}, None),
        ({"error.code": 0, "error.message": "database gone"}, {}, "has a field error"),
        ({"IsTruncated": True, "hasMore": False}, {}, "more follow: set the feed's pagination"),
        ({"error.code": 0, "error.message": "", "error.time": "2026-01-01", "errors.count": 0}, {}, None),
        ({"error.code": 200, "error.message": "OK.", "error": "No errors", "fault": "n/a"}, {}, None),
        ({"errcode": 0, "errmsg": "ok", "errorMessage": None, "timed_out": False, "code": 20000}, {}, None),
        ({"status": 200, "status.code": "200", "message": "Request was successful", "truncated": False}, {}, None),
        ({"success": True, "ok": "yes", "status": "ok", "item.status": "failed"}, {}, None),
        ({"total": 9_999, "next": None, "totalCount": 50, "pages": 1, "next_page": ""}, {}, None),
    ],
)
def test_a_file_that_is_but_the_first_of_several_pages_is_told(fields, headers, says):
    lacking = Told.of(fields, headers).lacks_alone(50)

    assert says is None if lacking is None else says in lacking
