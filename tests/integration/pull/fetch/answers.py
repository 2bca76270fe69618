"""What a vendor answers, and breaks off."""

from aiohttp import web

CSV = b"sku,quantity\n" + b"".join(b"%d,%d\n" % (n, n % 7) for n in range(100_000))


def text(body, **headers):
    return lambda _request: web.Response(body=body, headers={"Content-Type": "text/csv", **headers})


def head(status="200 OK", **headers):
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def answering(*parts):
    """Read a request, write these bytes, hang up."""

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.writelines(parts)

    return handle


def ranged(body, etag='"v1"'):
    """Serve ranges as RFC 9110 has it."""

    def handle(request):
        wanted = request.http_range.start
        headers = {"ETag": etag, "Content-Type": "text/csv"}
        if wanted is None or request.headers.get("If-Range") != etag:
            return web.Response(body=body, headers=headers)
        headers["Content-Range"] = f"bytes {wanted}-{len(body) - 1}/{len(body)}"
        return web.Response(status=206, body=body[wanted:], headers=headers)

    return handle
