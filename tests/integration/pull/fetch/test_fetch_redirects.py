"""Redirects: followed within limits, checked at each hop, and credentials stay at home."""

from dataclasses import replace

import pytest
from aiohttp import web

from ingest.pull.fetch import FetchError, FetchRequest, FetchUnavailable, Guard, fetch

CSV = b"sku,quantity\n1,2\n"
CREDENTIALS = ("authorization", "x-api-key")


def to(target, status=302, **headers):
    return lambda _request: web.Response(status=status, headers={"Location": target, **headers})


def file(_request):
    return web.Response(body=CSV)


def sent_credentials(request):
    return sorted(name.lower() for name in request.headers if name.lower() in CREDENTIALS)


def with_user(url):
    return url.replace("://", "://user:hunter2@")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_with_get_and_credentials_of_the_same_origin(vendor, context, status):
    vendor.answers |= {"/a": to("b?x=%2F#top", status), "/b": file}

    result = await fetch(FetchRequest(f"{with_user(vendor.url)}/a", "X-Api-Key:", "hunter2"), context)

    assert CSV == result.path.read_bytes()
    assert f"{vendor.url}/b?x=********" == result.url
    assert [("GET", "/a"), ("GET", "/b?x=%2F")] == [(r.method, r.path_qs) for r in vendor.requests]
    assert [["authorization", "x-api-key"]] * 2 == [sent_credentials(r) for r in vendor.requests]


async def test_credentials_are_not_sent_to_another_origin_nor_back_again(vendor, other_vendor, context):
    vendor.answers |= {"/a": to(f"{other_vendor.url}/b"), "/c": file}
    other_vendor.answers |= {"/b": to(f"{with_user(vendor.url)}/c")}

    await fetch(FetchRequest(f"{with_user(vendor.url)}/a", "X-Api-Key:", "hunter2"), context)

    assert [["authorization", "x-api-key"], []] == [sent_credentials(r) for r in vendor.requests]
    assert [[]] == [sent_credentials(r) for r in other_vendor.requests]


async def test_cookies_set_on_the_way_are_sent_on_to_their_own_host(vendor, context):
    vendor.answers |= {
        "/a": [to("/a", **{"Set-Cookie": "seen=1"}), file],
    }

    async def lookup(_host, _port):
        return ["127.0.0.1"]

    named = replace(context, guard=Guard(["127.0.0.0/8"], lookup))
    await fetch(FetchRequest(f"http://shop.example:{vendor.port}/a"), named)

    assert "seen=1" == vendor.requests[1].headers["Cookie"]


async def test_cookies_are_kept_for_bare_addresses_too_and_sent_as_they_came(vendor, context):
    vendor.answers |= {"/a": [to("/a", **{"Set-Cookie": "s=a/b=:c"}), file]}

    await fetch(FetchRequest(f"{vendor.url}/a"), context)

    assert "s=a/b=:c" == vendor.requests[1].headers["Cookie"]


async def test_a_loop_ends_at_the_limit(vendor, context):
    vendor.answers |= {"/a": to("/b"), "/b": to("/a")}

    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{vendor.url}/a"), context)

    assert ("redirect_limit", 6) == (caught.value.code, len(vendor.requests))


async def test_as_many_redirects_as_the_limit_are_followed(vendor, limited):
    vendor.answers |= {"/a": to("/b"), "/b": to("/c"), "/c": file}

    assert len(CSV) == (await fetch(FetchRequest(f"{vendor.url}/a"), limited(max_redirects=2))).size
    with pytest.raises(FetchError):
        await fetch(FetchRequest(f"{vendor.url}/a"), limited(max_redirects=1))


async def test_https_never_falls_to_http_with_credentials(tls_vendor, vendor, context):
    tls_vendor.answers["/a"] = to(f"{vendor.url}/b?sig=hunter2")

    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{with_user(tls_vendor.url)}/a"), context)

    assert ("redirect_insecure", []) == (caught.value.code, vendor.requests)
    assert "hunter2" not in str(caught.value)


async def test_https_does_not_fall_to_http_after_the_credentials_were_dropped_either(tls_vendor, vendor, context):
    tls_vendor.answers["/a"] = to(f"https://localhost:{tls_vendor.port}/b")
    tls_vendor.answers["/b"] = to(f"{vendor.url}/c")

    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{tls_vendor.url}/a", "hunter2"), context)

    assert ("redirect_insecure", []) == (caught.value.code, vendor.requests)
    assert [["authorization"], []] == [sent_credentials(r) for r in tls_vendor.requests]


async def test_https_may_lead_to_http_when_there_is_nothing_to_lose(tls_vendor, vendor, context):
    tls_vendor.answers["/a"] = to(f"{vendor.url}/b")
    vendor.answers["/b"] = file

    assert len(CSV) == (await fetch(FetchRequest(f"{tls_vendor.url}/a"), context)).size


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://127.0.0.1/", "http://["])
async def test_a_redirect_to_anything_else_is_refused(vendor, context, target):
    vendor.answers["/a"] = to(target)

    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{vendor.url}/a"), context)

    assert "redirect" == caught.value.code


async def test_a_redirect_that_leads_nowhere_is_an_error(vendor, context):
    vendor.answers["/a"] = lambda _request: web.Response(status=302)

    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{vendor.url}/a"), context)

    assert "protocol" == caught.value.code


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{port}/b",
        "http://[::ffff:127.0.0.2]:{port}/b",
        "http://127.1:{port}/b",
        "http://localhost:{port}/b",
    ],
)
async def test_a_redirect_to_the_inside_is_refused_before_anything_is_connected(vendor, context, target):
    """The vendor is on an allowed address; where it leads to is not."""
    vendor.answers |= {"/a": to(target.format(port=vendor.port)), "/b": file}

    with pytest.raises(FetchError) as caught:
        await fetch(
            FetchRequest(f"http://127.0.0.1:{vendor.port}/a"), replace(context, guard=Guard(["127.0.0.1/32"], inside))
        )

    assert caught.value.code in ("address_refused", "location")
    assert ["/a"] == [request.path for request in vendor.requests]


async def inside(_host, _port):
    return ["127.0.0.3"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "localhost", "0.0.0.0", "127.1", "2130706433", "[::ffff:127.0.0.1]"]
)
async def test_loopback_is_refused_unless_the_settings_name_it(vendor, context, host):
    vendor.answers["/f"] = file

    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"http://{host}:{vendor.port}/f"), replace(context, guard=Guard()))

    assert caught.value.code in ("address_refused", "location")
    assert [] == vendor.requests


async def test_a_name_that_resolves_elsewhere_the_second_time_never_gets_a_second_time(vendor, context):
    """DNS rebinding: the address that was checked is the one that is connected to."""
    answers = [["127.0.0.1"], ["127.0.0.9"]]

    async def rebinding(_host, _port):
        return answers.pop(0)

    vendor.answers["/f"] = file
    result = await fetch(
        FetchRequest(f"http://shop.example:{vendor.port}/f"), replace(context, guard=Guard(["127.0.0.1/32"], rebinding))
    )

    assert CSV == result.path.read_bytes()
    assert [["127.0.0.9"]] == answers


async def test_a_name_that_rebinds_between_attempts_is_refused_at_the_second(vendor, context):
    answers = [["127.0.0.1"], ["169.254.169.254"]]

    async def rebinding(_host, _port):
        return answers.pop(0)

    vendor.answers["/f"] = lambda _request: web.Response(status=500, headers={"Connection": "close"})
    with pytest.raises(FetchError) as caught:
        await fetch(
            FetchRequest(f"http://shop.example:{vendor.port}/f"),
            replace(context, guard=Guard(["127.0.0.1/32"], rebinding)),
        )

    assert ("address_refused", 1) == (caught.value.code, len(vendor.requests))


async def test_a_name_that_is_not_known_is_unavailable(context):
    async def unknown(_host, _port):
        raise OSError

    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest("http://shop.example/f"), replace(context, guard=Guard(lookup=unknown)))

    assert "name_unknown" == caught.value.code
