"""The same fetches from three real FTP servers, with and without what newer servers know, plain and over TLS."""

import hashlib
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from ingest.pull.fetch import Fetched, FetchError, FetchRequest, FetchUnavailable, NotModified, fetch, ftp
from ingest.pull.fetch.ftpclient import FtpClient

SERVERS = ("pyftpdlib", "pyftpdlib-old", "aioftp", "aioftp-old", "vsftpd", "vsftpd-old")
TLS_SERVERS = ("pyftpdlib-explicit", "aioftp-implicit", "vsftpd-explicit", "vsftpd-implicit", "vsftpd-reuse")
OLD = ("EPSV", "MLSD", "MLST", "SIZE", "MDTM")


@pytest.fixture
async def serve(pyftpdlib_server, aioftp_server, vsftpd_server, certificates, login):
    """Start a server by its name; returns the beginning of its addresses."""
    async with AsyncExitStack() as stack:

        async def start(name):
            tls = {
                "ssl_enable": "YES",
                "allow_anon_ssl": "YES",
                "force_anon_logins_ssl": "YES",
                "force_anon_data_ssl": "YES",
                "rsa_cert_file": certificates.path,
                "require_ssl_reuse": "YES" if name.endswith("reuse") else "NO",
                "implicit_ssl": "YES" if name.endswith("implicit") else "NO",
            }
            scheme = "ftps" if name in TLS_SERVERS else "ftp"
            match name.partition("-"):
                case "pyftpdlib", _, kind:
                    without = OLD if kind == "old" else ()
                    pem = certificates.path if kind == "explicit" else None
                    port = stack.enter_context(pyftpdlib_server(without=without, pem=pem))
                case "aioftp", _, kind:
                    without = ("EPSV", "MLSD", "MLST", "REST") if kind == "old" else ()
                    context = certificates.server if kind == "implicit" else None
                    port = await stack.enter_async_context(aioftp_server(without=without, tls=context))
                case _, _, kind:
                    options = {"cmds_denied": ",".join(OLD)} if kind == "old" else tls if kind else {}
                    return f"{scheme}://127.0.0.1:{stack.enter_context(vsftpd_server(**options))}"
            return f"{scheme}://{login}127.0.0.1:{port}".replace(login, f"{login}@")

        yield start


@pytest.mark.parametrize("name", [*SERVERS, *TLS_SERVERS])
async def test_a_file_is_fetched_by_a_relative_path(serve, context, csv, name):
    address = await serve(name)

    result = await fetch(FetchRequest(f"{address}/data/in/stock.csv"), context)

    assert isinstance(result, Fetched)
    assert (csv, hashlib.sha256(csv).hexdigest()) == (result.path.read_bytes(), result.content_hash)
    declared = None if "old" in name or "aioftp" in name else len(csv)
    assert declared == result.declared_length


@pytest.mark.parametrize("name", SERVERS)
async def test_a_file_is_fetched_by_an_absolute_path(serve, context, csv, name):
    address = await serve(name)

    for path in ("%2Fdata/in/stock.csv", "/data/in/stock.csv", "%2Fdata%2Fin/stock.csv"):
        assert len(csv) == (await fetch(FetchRequest(f"{address}/{path}"), context)).size


@pytest.mark.parametrize("name", SERVERS)
async def test_a_name_with_odd_characters_is_fetched(serve, context, csv, name):
    address = await serve(name)

    result = await fetch(FetchRequest(f"{address}/st%C3%BCck%20%231%3F.csv;type=i"), context)

    assert csv == result.path.read_bytes()


@pytest.mark.parametrize("name", SERVERS)
async def test_a_file_is_fetched_as_text(serve, context, csv, name):
    address = await serve(name)

    result = await fetch(FetchRequest(f"{address}/stock.csv;type=a"), context)

    assert csv.replace(b"\r", b"") == result.path.read_bytes().replace(b"\r", b"")
    assert None is result.declared_length


@pytest.mark.parametrize("name", SERVERS)
async def test_a_file_or_folder_that_is_not_there_is_an_error(serve, context, leftovers, name):
    address = await serve(name)

    for path in ("nothing.csv", "nowhere/stock.csv", "data"):
        with pytest.raises(FetchError) as caught:
            await fetch(FetchRequest(f"{address}/{path}"), context)
        assert "not_found" == caught.value.code
    assert [] == leftovers()


@pytest.mark.parametrize("name", ["pyftpdlib", "aioftp", "pyftpdlib-explicit", "aioftp-implicit"])
async def test_a_wrong_password_is_an_error_that_does_not_tell_it(serve, context, login, name):
    address = (await serve(name)).replace(login, "hunter1:hunter2")

    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{address}/stock.csv"), context)

    assert "unauthorized" == caught.value.code
    assert "hunter" not in f"{caught.value}{caught.value!r}"


async def test_without_a_user_the_login_is_anonymous(serve, context, csv, login):
    address = (await serve("pyftpdlib")).replace(f"{login}@", "")

    assert len(csv) == (await fetch(FetchRequest(f"{address}/stock.csv"), context)).size


@pytest.mark.parametrize("name", ["pyftpdlib", "vsftpd"])
async def test_an_old_file_that_did_not_change_is_not_fetched_again(serve, context, csv, name):
    address = await serve(name)

    first = await fetch(FetchRequest(f"{address}/old.csv"), context)
    second = await fetch(FetchRequest(f"{address}/old.csv", validators=first.validators), context)

    assert ("20231114221320", len(csv)) == (first.validators.last_modified, first.validators.size)
    assert NotModified(first.validators, "server") == second


async def test_a_file_changed_just_now_is_fetched_and_compared(serve, root, context):
    address = await serve("pyftpdlib")
    changed_at = (root / "stock.csv").stat().st_mtime
    context = replace(context, now=lambda: changed_at + 1)

    first = await fetch(FetchRequest(f"{address}/stock.csv"), context)
    second = await fetch(FetchRequest(f"{address}/stock.csv", validators=first.validators), context)

    assert (None, "content hash") == (first.validators.last_modified, second.by)


@pytest.mark.parametrize("name", ["pyftpdlib", "pyftpdlib-explicit", "aioftp", "vsftpd", "vsftpd-explicit"])
async def test_a_transfer_can_begin_in_the_middle(serve, context, csv, name):
    """REST, as a resumed fetch uses it."""
    address = await serve(name)
    port = int(address.rpartition(":")[2])
    client = FtpClient("127.0.0.1", ["127.0.0.1"], context.tls, 60, 60)
    try:
        await client.open(port)
        if address.startswith("ftps"):
            await client.secure()
        if "vsftpd" in name:
            await client.login()
        else:
            await client.login("us@er", "p:w/ö".encode().decode("latin-1"))
        await client.protect()
        stream, offset = await client.retrieve("stock.csv", "I", 500_000)
        rest = await stream.read()
        while chunk := await stream.read(65_536):
            rest += chunk
        await stream.finish()
        await client.quit()
    finally:
        client.close()

    assert (500_000, csv[500_000:]) == (offset, rest)


async def test_a_server_without_rest_begins_at_the_beginning(serve, context, csv):
    port = int((await serve("aioftp-old")).rpartition(":")[2])
    client = FtpClient("127.0.0.1", ["127.0.0.1"], context.tls, 60, 60)
    try:
        await client.open(port)
        await client.login("us@er", "p:w/ö".encode().decode("latin-1"))
        stream, offset = await client.retrieve("stock.csv", "I", 500_000)
        assert (0, csv[:10]) == (offset, await stream.read(10))
        stream.close()
    finally:
        client.close()


async def test_a_transfer_that_pyftpdlib_cuts_is_resumed(pyftpdlib_server, context, login, csv):
    with pyftpdlib_server(cut_at=700_000) as port:
        result = await fetch(FetchRequest(f"ftp://{login}@127.0.0.1:{port}/old.csv"), context)

    assert (1, hashlib.sha256(csv).hexdigest()) == (result.resumed, result.content_hash)


async def test_the_address_that_a_server_advertises_is_not_connected_to(pyftpdlib_server, context, login, csv):
    """A bounce: the data connection goes to the address of the control connection, whatever PASV says."""
    with pyftpdlib_server(without=("EPSV",), masquerade_address="10.11.12.13") as port:
        result = await fetch(FetchRequest(f"ftp://{login}@127.0.0.1:{port}/stock.csv"), context)

    assert len(csv) == result.size


@pytest.mark.parametrize("name", ["pyftpdlib-explicit", "aioftp-implicit"])
async def test_a_certificate_of_an_unknown_authority_is_refused(serve, context, name):
    address = await serve(name)

    with pytest.raises(FetchError) as caught:
        await fetch(FetchRequest(f"{address}/stock.csv"), replace(context, tls=None))

    assert "certificate" == caught.value.code


async def test_ftps_never_falls_back_to_plain_ftp(serve, context):
    address = (await serve("pyftpdlib")).replace("ftp://", "ftps://")

    with pytest.raises((FetchError, FetchUnavailable)) as caught:
        await fetch(FetchRequest(f"{address}/stock.csv"), context)

    assert "refused" == caught.value.code


async def test_ftps_without_a_port_is_implicit_on_its_own_port_or_explicit_on_that_of_ftp(
    serve, context, csv, monkeypatch, unused_tcp_port
):
    explicit, implicit = await serve("pyftpdlib-explicit"), await serve("aioftp-implicit")
    bare = explicit.rpartition(":")[0] + "/stock.csv"

    monkeypatch.setattr(ftp, "FTP_PORT", int(explicit.rpartition(":")[2]))
    monkeypatch.setattr(ftp, "FTPS_PORT", int(implicit.rpartition(":")[2]))
    assert None is (await fetch(FetchRequest(bare), context)).declared_length  # aioftp knows no SIZE

    monkeypatch.setattr(ftp, "FTPS_PORT", unused_tcp_port)
    assert len(csv) == (await fetch(FetchRequest(bare), context)).declared_length


async def test_a_port_that_was_given_is_the_only_one_that_is_tried(serve, context, monkeypatch, unused_tcp_port):
    explicit = await serve("pyftpdlib-explicit")
    monkeypatch.setattr(ftp, "FTP_PORT", int(explicit.rpartition(":")[2]))

    with pytest.raises(FetchUnavailable) as caught:
        await fetch(FetchRequest(f"{explicit.rpartition(':')[0]}:{unused_tcp_port}/stock.csv"), context)

    assert "connect" == caught.value.code
