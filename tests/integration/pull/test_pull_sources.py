"""Whole runs from sources other than a plain file over HTTP: FTP, archives, pages, and places that must not be read."""

import gzip
import io
import zipfile

import aioftp
import orjson
import pytest
from aiohttp import web

from schemas.secrets import Vault

CSV = "externalId,inventoryQuantity\n" + "".join(f"A-{n:03},{n}\n" for n in range(120))
STOCK = {f"A-{n:03}": n for n in range(120)}


async def located(pulling, feed, address):
    """Put a feed's file elsewhere."""
    secrets = Vault(pulling.settings.key).encrypt({"resourceLocation": address})
    await pulling.execute("UPDATE inventory_feeds SET secrets = $1 WHERE id = $2", secrets, feed)


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.md", "hello")
        archive.writestr("export/stock.csv", CSV)
    return buffer.getvalue()


async def test_a_file_over_ftp_becomes_rows(pulling, puller, worker, tmp_path):
    folder = tmp_path / "ftp" / "out"
    folder.mkdir(parents=True)
    (folder / "stock.csv").write_text(CSV)
    server = aioftp.Server([aioftp.User("ann", "s3cret/1", base_path=tmp_path / "ftp")])
    await server.start("127.0.0.1", 0)
    feed = await pulling.feed()
    await located(pulling, feed, f"ftp://ann:s3cret%2F1@127.0.0.1:{server.server_port}/out/stock.csv")

    run = await pulling.run(puller, feed)
    again = await pulling.run(puller, feed)
    await server.close()

    assert ("succeeded", STOCK) == (run["status"], await pulling.quantities(feed))
    assert "not modified" == again["status"]


@pytest.mark.parametrize("content", [gzip.compress(CSV.encode()), zipped()], ids=["gzip", "zip"])
async def test_a_compressed_file_becomes_rows(pulling, puller, worker, vendor, content):
    vendor.files["stock.dat"] = content
    feed = await pulling.feed("stock.dat")

    run = await pulling.run(puller, feed)

    assert ("succeeded", STOCK) == (run["status"], await pulling.quantities(feed))


async def test_a_redirect_to_the_inside_fails_the_run_and_tells_nothing(pulling, puller, vendor):
    async def away(_request):
        return web.Response(status=302, headers={"Location": "http://bob:s3cret@169.254.169.254/latest?token=s3cret"})

    vendor.files["stock.csv"] = away
    feed = await pulling.feed()

    run = await pulling.run(puller, feed)

    assert ("failed", "address_refused") == (run["status"], run["error_code"])
    assert "s3cret" not in repr([dict(row) for row in await pulling.rows("SELECT * FROM runs")])


async def test_a_login_page_fails_the_run_and_says_so(pulling, puller, vendor):
    vendor.files["stock.csv"] = "<!DOCTYPE html><html><title>Log in</title></html>"
    feed = await pulling.feed()

    run = await pulling.run(puller, feed)

    assert ("failed", "html") == (run["status"], run["error_code"])
    assert "HTML page where a file was expected" in run["error"]


async def test_the_pages_of_an_api_are_one_file(pulling, puller, worker, vendor):
    asked = []

    async def page(request):
        asked.append(request.query_string)
        first = int(request.query.get("after", 0))
        keys = sorted(STOCK)[first : first + 50]
        items = [{"externalId": key, "inventoryQuantity": STOCK[key]} for key in keys]
        following = first + 50 if first + 50 < len(STOCK) else None
        return web.json_response(
            {"items": items, "meta": {"next": following}}, dumps=lambda v: orjson.dumps(v).decode()
        )

    vendor.files["items"] = page
    pagination = {"by": "cursor", "parameter": "after", "path": "meta.next"}
    feed = await pulling.feed("items", "api", pagination=pagination)

    run = await pulling.run(puller, feed)
    again = await pulling.run(puller, feed)

    assert ("succeeded", 120, STOCK) == (run["status"], run["rows_read"], await pulling.quantities(feed))
    assert ["", "after=50", "after=100"] * 2 == asked
    assert "not modified" == again["status"]


BY_PAGE = {"by": "page", "parameter": "page"}
BY_CURSOR = {"by": "cursor", "parameter": "after", "path": "next"}


def api(*answers):
    """Answer the n-th request with the n-th object, or status; the last one stays."""
    waiting = list(answers)

    async def answer(_request):
        now = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(now, bytes):
            return web.Response(body=now, content_type="application/json")
        return web.Response(status=now) if isinstance(now, int) else web.json_response(now)

    return answer


def items(*keys, **fields):
    return {"items": [{"externalId": key, "inventoryQuantity": 1} for key in keys], **fields}


async def test_pages_end_where_the_server_has_no_more_and_nowhere_else(pulling, puller, worker, vendor):
    ends = {
        "repeated": (BY_PAGE, [items("A"), items("B", at=1), items("B", at=2)]),
        "echoed": (BY_PAGE, [items("A", page=1), items("B", page=2), {**items("B", page=2), "items": []}]),
        "missing": (BY_PAGE, [items("A"), items("B"), 404]),
    }
    breaks = {
        "error": (BY_PAGE, [items("A"), {"error": "rate limit"}]),
        "cursor": (BY_CURSOR, [items("A", next="x"), {"error": "rate limit"}]),
        "loop": (BY_CURSOR, [items("A", next="x"), items("A", next="y"), items("A", next="z")]),
        "empty": (BY_PAGE, [items("A"), items(error="rate limit")]),
        "object": (BY_CURSOR, [items("A", next={"token": "x"})]),
    }
    holds = {
        "fewer": (BY_PAGE, [items("A", total=3), items(total=3)]),
        "more": (BY_CURSOR, [items("A", has_more=True)]),
        "alone": (None, [items("A", next="/items?page=2")]),
    }
    found = {}
    for name, (pagination, answers) in {**ends, **breaks, **holds}.items():
        vendor.files[name] = api(*answers)
        feed = await pulling.feed(name, "api", pagination=pagination)
        run = await pulling.run(puller, feed)
        found[name] = (run["status"], run["error_code"], run["rows_read"], await pulling.quantities(feed))

    both = {"A": 1, "B": 1}
    assert dict.fromkeys(ends, ("succeeded", None, 2, both)).items() <= found.items()
    failed = {"error": "pages_broken", "cursor": "pages_broken", "loop": "pages_loop", "empty": "pages_broken"}
    failed["object"] = "unreadable"
    assert {name: ("failed", code, None, {}) for name, code in failed.items()}.items() <= found.items()
    assert dict.fromkeys(holds, ("held", "truncated", 1, {})).items() <= found.items()


async def test_pages_of_which_one_breaks_off_are_held_wherever_it_does(pulling, puller, worker, vendor):
    stored = dict.fromkeys("ABCD", 1)
    last = orjson.dumps(items("C", "D"))
    places = (len(b'{"items":['), last.index(b"},{"), last.index(b'"D"'), len(last) - 1)
    feed = await pulling.feed("items", "api", pagination=BY_PAGE, fetchCleanup="enabled", fetchMissingGuard=1)
    vendor.files["items"] = api(items("A", "B"), items("C", "D"), items())
    await pulling.run(puller, feed)
    found = []
    for place in places:
        vendor.files["items"] = api(items("A", "B"), last[:place], 404)
        run = await pulling.run(puller, feed, forced=True)
        found.append((run["status"], run["error_code"], run["error"][:7], await pulling.quantities(feed)))

    assert [("held", "truncated", "page 2:", stored)] * 4 == found


async def test_products_without_variants_do_not_end_the_pages(pulling, puller, worker, vendor):
    def product(number):
        return {"id": number, "variants": [] if number in (2, 3) else [{"sku": f"K{number}", "qty": number}]}

    async def page(request):
        number = int(request.query.get("page", 1))
        return web.json_response({"products": [product(number)] if number <= 4 else []})

    vendor.files["items"] = page
    feed = await pulling.feed(
        "items",
        "api",
        itemPath="products[*].variants[*]",
        mapping={"externalId": "sku", "inventoryQuantity": "qty"},
        pagination={"by": "page", "parameter": "page"},
    )

    run = await pulling.run(puller, feed)

    assert ("succeeded", {"K1": 1, "K4": 4}) == (run["status"], await pulling.quantities(feed))
