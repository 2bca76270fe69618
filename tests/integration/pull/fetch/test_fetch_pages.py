"""Paginated APIs: every page by the same rules."""

import json

import pytest
from aiohttp import web

from ingest.feeds.pagination import Pagination
from ingest.pull.fetch import FetchError, FetchRequest, FetchUnavailable, next_by, pages


async def read(request, pagination, context):
    """Read all pages as a run does: parse, say what was found, go on."""
    bodies = []
    pager = next_by(Pagination(**pagination))
    async for page in pages(request, pager, context):
        body = json.loads(page.fetched.path.read_bytes())
        page.fields = {name: value for name, value in body.items() if name != "items"}
        page.items, page.digest = len(body["items"]), str(body["items"])
        page.fetched.discard()
        if not pager.repeats(page):
            bodies.append(body["items"])
    return bodies


def page(*items, **fields):
    return lambda _request: web.json_response({"items": items} | fields)


async def test_next_urls_are_followed_with_credentials_to_the_same_origin(vendor, context, leftovers):
    vendor.answers |= {"/1": page(1, next="/2?cursor=a%2Fb"), "/2": page(2, next=f"{vendor.url}/3"), "/3": page(3)}

    bodies = await read(FetchRequest(f"{vendor.url}/1", "token"), {"by": "nextUrl", "path": "next"}, context)

    assert [[1], [2], [3]] == bodies
    assert ["Bearer token"] * 3 == [request.headers["Authorization"] for request in vendor.requests]
    assert "/2?cursor=a%2Fb" == vendor.requests[1].path_qs
    assert [] == leftovers()


async def test_link_headers_are_followed(vendor, context):
    linked = lambda _request: web.json_response({"items": [1]}, headers={"Link": '</2>; rel="next"'})  # noqa: E731
    vendor.answers |= {"/1": linked, "/2": page(2)}

    assert [[1], [2]] == await read(FetchRequest(f"{vendor.url}/1"), {"by": "link"}, context)


async def test_pages_are_counted_until_one_is_empty(vendor, context):
    vendor.answers["/items"] = [page(1), page(2), page()]

    bodies = await read(FetchRequest(f"{vendor.url}/items?size=1"), {"by": "page", "parameter": "page"}, context)

    assert [[1], [2], []] == bodies
    assert ["/items?size=1", "/items?size=1&page=2", "/items?size=1&page=3"] == [r.path_qs for r in vendor.requests]


async def test_the_last_page_again_is_the_end(vendor, context):
    vendor.answers["/items"] = [page(1), page(2, at="10:00"), page(2, at="10:01")]
    assert [[1], [2]] == await read(FetchRequest(f"{vendor.url}/items"), {"by": "page", "parameter": "page"}, context)


@pytest.mark.parametrize(("status", "bodies"), [(404, [[1], [2]]), (410, [[1], [2]]), (400, None), (403, None)])
async def test_a_page_that_is_not_there_behind_a_good_one_is_the_end_and_any_other_error_is_not(
    vendor, context, status, bodies
):
    vendor.answers["/items"] = [page(1), page(2), lambda _request: web.Response(status=status)]
    request, pagination = FetchRequest(f"{vendor.url}/items"), {"by": "page", "parameter": "page"}

    if bodies is None:
        with pytest.raises(FetchError):
            await read(request, pagination, context)
    else:
        assert bodies == await read(request, pagination, context)


async def test_a_page_that_the_server_named_and_that_is_not_there_is_an_error(vendor, context):
    vendor.answers |= {"/1": page(1, next="/2"), "/2": lambda _request: web.Response(status=404)}
    with pytest.raises(FetchError):
        await read(FetchRequest(f"{vendor.url}/1"), {"by": "nextUrl", "path": "next"}, context)


async def test_the_second_page_of_a_signed_address_is_asked_for_byte_for_byte(vendor, context):
    vendor.answers["/items"] = [page(1), page()]
    signed = "sig=%2FA%3D&to=a%20b+c"

    await read(FetchRequest(f"{vendor.url}/items?{signed}"), {"by": "page", "parameter": "page"}, context)

    assert [f"/items?{signed}", f"/items?{signed}&page=2"] == [request.raw_path for request in vendor.requests]


async def test_cursors_are_followed_until_there_is_none(vendor, context):
    vendor.answers["/items"] = [page(1, next="x&y=1"), page(2, next=None)]
    pagination = {"by": "cursor", "path": "next", "parameter": "after"}

    assert [[1], [2]] == await read(FetchRequest(f"{vendor.url}/items"), pagination, context)
    assert {"after": "x&y=1"} == dict(vendor.requests[1].query)


async def test_a_next_url_on_another_origin_gets_no_credentials(vendor, other_vendor, context):
    vendor.answers |= {"/1": page(1, next=f"{other_vendor.url}/2"), "/3": page(3)}
    other_vendor.answers["/2"] = page(2, next=f"{vendor.url}/3")

    await read(FetchRequest(f"{vendor.url}/1", "hunter2"), {"by": "nextUrl", "path": "next"}, context)

    assert [True, False] == ["Authorization" in request.headers for request in vendor.requests]
    assert "Authorization" not in other_vendor.requests[0].headers


async def test_a_page_that_was_redirected_elsewhere_cannot_send_the_credentials_home(vendor, other_vendor, context):
    away = lambda _request: web.Response(status=302, headers={"Location": f"{other_vendor.url}/1"})  # noqa: E731
    vendor.answers |= {"/1": away, "/2": page(2)}
    other_vendor.answers["/1"] = page(1, next=f"{vendor.url}/2")

    await read(FetchRequest(f"{vendor.url}/1", "hunter2"), {"by": "nextUrl", "path": "next"}, context)

    assert [True, False] == ["Authorization" in request.headers for request in vendor.requests]


@pytest.mark.parametrize(
    ("target", "code"),
    [("http://10.0.0.1/x", "address_refused"), ("ftp://127.0.0.1/x", "redirect"), ("/1", "pages_loop")],
)
async def test_a_next_url_is_checked_like_a_redirect(vendor, context, target, code):
    vendor.answers["/1"] = page(1, next=target)

    with pytest.raises(FetchError) as caught:
        await read(FetchRequest(f"{vendor.url}/1"), {"by": "nextUrl", "path": "next"}, context)

    assert (code, 1) == (caught.value.code, len(vendor.requests))


async def test_a_next_url_never_falls_from_https_to_http_with_credentials(tls_vendor, vendor, context):
    tls_vendor.answers["/1"] = page(1, next=f"{vendor.url}/2")

    with pytest.raises(FetchError) as caught:
        await read(FetchRequest(f"{tls_vendor.url}/1", "token"), {"by": "nextUrl", "path": "next"}, context)

    assert ("redirect_insecure", []) == (caught.value.code, vendor.requests)


async def test_pages_are_bounded_in_number_and_in_bytes(vendor, limited):
    vendor.answers["/items"] = lambda request: web.json_response({"items": ["x" * 100, request.query_string]})
    request, pagination = FetchRequest(f"{vendor.url}/items"), {"by": "page", "parameter": "page"}

    with pytest.raises(FetchError) as caught:
        await read(request, pagination, limited(max_pages=3))
    assert ("pages_limit", 3) == (caught.value.code, len(vendor.requests))

    with pytest.raises(FetchError) as caught:
        await read(request, pagination, limited(max_bytes=300))
    assert "too_large" == caught.value.code


async def test_a_page_that_fails_for_a_while_is_tried_again_and_one_that_stays_away_ends_the_run(
    vendor, context, pauses
):
    failing = lambda _request: web.Response(status=500)  # noqa: E731
    vendor.answers |= {"/1": page(1, next="/2"), "/2": [failing, page(2, next="/3")], "/3": failing}

    with pytest.raises(FetchUnavailable) as caught:
        await read(FetchRequest(f"{vendor.url}/1"), {"by": "nextUrl", "path": "next"}, context)

    assert ("server_error", [1, 1, 2, 4]) == (caught.value.code, pauses.taken)


async def test_an_ftp_address_has_no_pages(context):
    with pytest.raises(FetchError) as caught:
        await read(FetchRequest("ftp://user:hunter2@127.0.0.1/x"), {"by": "link"}, context)

    assert "location" == caught.value.code
    assert "hunter2" not in str(caught.value)
