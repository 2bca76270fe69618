"""The webhook endpoint against a real RabbitMQ and Postgres: its answers, and what then is on the queue."""

import asyncio
import gzip
import re
from email.utils import parsedate_to_datetime

import orjson
import pytest
from yarl import URL

from ingest.edge.post import PATH
from schemas.batches import is_ours
from tests.midday import midday

ITEM = {"externalId": "1234", "vendorSku": "1234", "inventoryQuantity": 10}


async def test_a_post_is_one_confirmed_batch_and_202_says_where_its_receipt_will_be(edge):
    status, answer, headers = await edge.post([ITEM, {"externalId": "2", "retailPrice": "12.50"}])

    (batch,) = await edge.queued()
    assert 202 == status
    assert "application/json" == headers["Content-Type"]
    assert {
        "batchId": str(batch.batch_id),
        "accepted": 2,
        "rejected": [],
        "warnings": [],
        "receiptUrl": f"http://api/api/batches/{batch.batch_id}.json",
    } == answer
    assert [ITEM, {"externalId": "2", "retailPrice": "12.5"}] == batch.items
    assert (1, 1, "webhook", None) == (batch.account_id, batch.feed_id, batch.source, batch.indexes)
    assert is_ours(batch.batch_id, 1, [edge.settings.key])


async def test_one_item_alone_is_taken(edge):
    assert 202 == (await edge.post(ITEM))[0]
    assert [ITEM] == (await edge.queued())[0].items


async def test_onports_header_is_taken_too(edge):
    assert 202 == (await edge.post(ITEM, None, **{"onport-webhook-hash": "hash-1"}))[0]


async def test_valid_items_go_on_when_others_are_rejected_and_unknown_attributes_are_warned_of(edge):
    status, answer, _ = await edge.post(
        [{"externalId": "1", "inventoryQuantity": "in stock"}, {**ITEM, "colour": "red"}]
    )

    (batch,) = await edge.queued()
    assert (202, 1) == (status, answer["accepted"])
    (reject,) = answer["rejected"]
    assert (0, "1", "inventoryQuantity", "type", "in stock") == tuple(
        reject[name] for name in ("index", "externalId", "field", "code", "value")
    )
    assert [("colour", "unknown")] == [(warning["field"], warning["code"]) for warning in answer["warnings"]]
    assert ([ITEM], [1]) == (batch.items, batch.indexes)
    assert (answer["rejected"], answer["warnings"]) == (batch.rejected, batch.warnings)


async def test_no_valid_item_is_422_and_nothing_is_enqueued(edge):
    status, answer, headers = await edge.post([{"externalId": ""}, {}])

    assert (422, "edge.items.invalid") == (status, answer["title"])
    assert "application/problem+json" == headers["Content-Type"]
    assert [0, 1] == [reject["index"] for reject in answer["details"]["rejected"]]
    assert 0 == await edge.waiting()


async def test_fifty_items_are_taken_and_fifty_one_are_413(edge):
    assert 202 == (await edge.post([{"externalId": str(number)} for number in range(50)]))[0]
    status, answer, _ = await edge.post([{"externalId": str(number)} for number in range(51)])

    assert (413, "edge.body.too_many_items") == (status, answer["title"])
    assert 1 == await edge.waiting()


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b'[{"externalId": }]', {}, 400, "edge.body.malformed"),
        (b"[]", {}, 400, "edge.body.shape"),
        (b"", {}, 400, "edge.body.empty"),
        (b"[1]", {"Idempotency_Key": " "}, 400, "edge.idempotency_key.invalid"),
        (b"[1]", {}, 422, "edge.items.invalid"),
        (b"[1]", {"Content_Type": "text/csv"}, 415, "edge.body.type"),
        (b"[1]", {"Content_Encoding": "br"}, 415, "edge.body.encoding"),
        (b"[1]", {"Content_Encoding": "gzip"}, 400, "edge.body.gzip"),
        (b" " * (2**20 + 1), {}, 413, "edge.body.too_large"),
        (gzip.compress(b" " * 16 * 2**20, mtime=0), {"Content_Encoding": "gzip"}, 413, "edge.body.too_large"),
        (b"[1]", {"jetti_webhook_hash": "nobody"}, 401, "edge.hash.unknown"),
        (b"[1]", {"jetti_webhook_hash": "hash-2"}, 403, "edge.feed.disabled"),
        (b"[1]", {"jetti_webhook_hash": "hash-3"}, 403, "edge.feed.not_a_webhook"),
    ],
)
async def test_a_refusal_is_a_problem_and_enqueues_nothing(edge, body, headers, status, code):
    found, answer, sent = await edge.post(body, **headers)

    assert (status, code, status) == (found, answer["title"], answer["status"])
    assert ("application/problem+json", f"/api/problems/{code}") == (sent["Content-Type"], answer["type"])
    assert answer["detail"]
    async with edge.client.get(edge.url + answer["type"]) as page:
        assert (200, "text/html") == (page.status, page.content_type)
    assert 0 == await edge.waiting()


async def test_a_missing_hash_is_401(edge):
    assert (401, "edge.hash.missing") == ((found := await edge.post(ITEM, None))[0], found[1]["title"])


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", PATH, 405, "POST"),
        ("PUT", PATH, 405, "POST"),
        ("POST", "/healthz", 405, "GET,HEAD"),
        ("GET", "/", 404, None),
    ],
)
async def test_other_methods_and_paths_are_problems(edge, method, path, status, allowed):
    async with edge.client.request(method, edge.url + path) as response:
        assert (status, allowed) == (response.status, response.headers.get("Allow"))
        assert "application/problem+json" == response.headers["Content-Type"]


async def raw(url, *chunks):
    """Send bytes as they are and return the status line and body of the answer."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for chunk in chunks:
        writer.write(chunk)
        await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1])


HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\njetti-webhook-hash: hash-1\r\n".encode()


async def test_a_body_without_length_is_411(edge):
    assert 411 == await raw(edge.url, HEAD + b"\r\n")


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        HEAD + b"Content-Length: many\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_problem_too(edge, sent):
    host, _, port = edge.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    answer = await reader.read()
    writer.close()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    assert (400, "edge.http.malformed") == (int(head.split()[1]), orjson.loads(body)["title"])


async def test_a_chunked_body_that_breaks_off_wrongly_is_400(edge):
    assert 400 == await raw(edge.url, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nabc", b"xyz\r\n")


async def test_a_chunked_body_is_taken_within_the_same_limit(edge):
    body = orjson.dumps([ITEM])
    chunk = b"%x\r\n%b\r\n" % (len(body), body)
    large = b"%x\r\n%b\r\n" % (600_000, b" " * 600_000)

    assert 202 == await raw(edge.url, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk, b"0\r\n\r\n")
    assert 413 == await raw(edge.url, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", large, large, b"0\r\n\r\n")


async def test_a_length_over_the_limit_is_refused_before_the_body_comes(edge):
    assert 413 == await raw(edge.url, HEAD + b"Content-Length: 2000000\r\n\r\n")


async def test_a_body_in_pieces_is_one_body(edge):
    body = orjson.dumps([ITEM])
    head = HEAD + b"Content-Length: %d\r\n\r\n" % len(body)

    assert 202 == await raw(edge.url, head + body[:5], body[5:9], body[9:])


@pytest.mark.parametrize(
    ("version", "header", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: keep-alive\r\n", True),
    ],
)
async def test_a_connection_is_kept_as_the_sender_asks(edge, version, header, kept):
    body = orjson.dumps([ITEM])
    head = HEAD.replace(b"1.1", version) + header + b"Content-Length: %d\r\n\r\n" % len(body)
    host, _, port = edge.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    for _ in range(2 if kept else 1):
        writer.write(head + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.split(b"\r\n")[0].endswith(b" 202 Accepted")
        length = int(re.search(rb"Content-Length: (\d+)", answer)[1])
        assert 1 == orjson.loads(await reader.readexactly(length))["accepted"]
        assert parsedate_to_datetime(re.search(rb"Date: (.+?)\r", answer)[1].decode()).tzinfo
    if not kept:
        assert b"" == await reader.read()
    writer.close()


async def test_a_sender_that_waits_for_100_continue_gets_it_at_once(edge):
    body = orjson.dumps([ITEM])
    host, _, port = edge.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))

    assert b"HTTP/1.1 100 Continue\r\n\r\n" == await reader.readuntil(b"\r\n\r\n")
    writer.write(body)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202")
    writer.close()


async def test_gzip_is_taken(edge):
    assert 202 == (await edge.post(gzip.compress(orjson.dumps([ITEM])), Content_Encoding="gzip"))[0]
    assert [ITEM] == (await edge.queued())[0].items


async def test_the_same_idempotency_key_on_the_same_feed_is_the_same_batch(edge):
    first, second, other = [(await edge.post(ITEM, Idempotency_Key=key))[1] for key in ("a", "a", "b")]

    assert first["batchId"] == second["batchId"] != other["batchId"]
    assert [first["batchId"]] * 2 + [other["batchId"]] == [str(batch.batch_id) for batch in await edge.queued(3)]


async def test_a_public_port_says_whether_and_neither_why_nor_how_much(edge):
    for path, expected in (("/healthz", (200, b'{"status": "ok"}')), ("/readyz", (200, b'{"status": "ok"}'))):
        async with edge.client.get(edge.url + path) as response:
            assert expected == (response.status, await response.read())
    async with edge.client.get(edge.url + "/metrics") as response:
        assert 404 == response.status


async def test_too_many_posts_in_flight_are_503_with_retry_after(edge):
    edge.posts.places.most_posts = 0

    status, answer, headers = await edge.post(ITEM)

    assert (503, "edge.busy", "1") == (status, answer["title"], headers["Retry-After"])


@pytest.mark.parametrize(
    ("path", "webhook_hash", "status"),
    [(PATH, "hash-1", 202), (PATH, "unknown", 401), ("/nothing", None, 404), ("/healthz", None, 405)],
)
async def test_every_answer_has_a_request_id_the_senders_if_it_sent_one(edge, path, webhook_hash, status):
    async def answered(**headers):
        if webhook_hash:
            headers["jetti-webhook-hash"] = webhook_hash
        async with edge.client.post(edge.url + path, json=[{"externalId": "a"}], headers=headers) as answer:
            assert status == answer.status
            return answer.headers["X-Request-Id"]

    assert "mine-7" == await answered(**{"X-Request-Id": "mine-7"})
    made = {await answered(), await answered(**{"X-Request-Id": "not sound"})}
    assert [32, 32] == [len(one) for one in made]


async def test_what_is_no_http_has_a_request_id_too(edge):
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(edge.url).port)
    writer.write(b"POST / HTTP/1.1\r\nbad header\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert b"400" in head.split(b"\r\n")[0]
    assert b"x-request-id: " in head.lower()


async def test_a_limited_accounts_answers_tell_what_was_left_of_its_day(edge, seeded, until):
    await seeded.execute("UPDATE accounts SET daily_sku_limit = 100, time_zone = $1", zone := midday())
    await seeded.execute("INSERT INTO usage VALUES (1, (now() AT TIME ZONE $1)::date, 30)", zone)
    await until(lambda: [30] == [one.used for one in edge.feeds.current.allowances.values()])

    answers = [await edge.post(ITEM), await edge.post(b"{"), await edge.post(ITEM, "hash-2")]

    assert [202, 400, 403] == [status for status, _, _ in answers]
    for _, _, headers in answers:
        assert '"daily-skus";q=100;w=86400' == headers["RateLimit-Policy"]
        assert headers["RateLimit"].startswith('"daily-skus";r=70;t=')
    assert "RateLimit" not in (await edge.post(ITEM, "nobody's"))[2]
