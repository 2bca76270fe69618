"""FTP servers that are peculiar, broken or hostile."""

import hashlib
from dataclasses import replace

import pytest

from ingest.pull.fetch import FetchError, FetchRequest, FetchUnavailable, Guard, Validators, fetch


@pytest.fixture
def get(scripted, context):
    """Fetch the scripted server's file."""

    async def get(path="stock.csv", user="", using=context, **options):
        return await fetch(FetchRequest(f"ftp://{user}127.0.0.1:{scripted.port}/{path}", **options), using)

    return get


async def test_folders_are_entered_one_by_one(scripted, get):
    await get("%2Fdata/in%20x/stock.csv;type=i")

    assert ["CWD /data", "CWD in x"] == [command for command in scripted.commands if command.startswith("CWD")]
    assert "RETR stock.csv" in scripted.commands


async def test_epsv_is_asked_first_and_pasv_after_any_refusal(scripted, get, csv):
    for refusal in ("500 ?", "502 no", "522 2", "425 no", "550 denied", "229 rubbish", "229 (|||0|)"):
        scripted.replies["EPSV"] = refusal
        assert len(csv) == (await get()).size

    assert "PASV" in scripted.commands


async def test_pasv_is_asked_when_the_port_that_epsv_names_is_dead(scripted, get, csv, unused_tcp_port):
    scripted.replies["EPSV"] = f"229 (|||{unused_tcp_port}|)"

    assert len(csv) == (await get()).size


@pytest.mark.parametrize(
    "reply", ["227 127,0,0,1,{high},{low}", "227 Passive =127,0,0,1,{high},{low}", "227 (10,0,0,1,{high},{low})"]
)
async def test_pasv_is_understood_in_all_its_spellings_and_its_address_ignored(scripted, get, csv, reply):
    high, low = divmod(scripted.data_port, 256)
    scripted.replies |= {"EPSV": "500 ?", "PASV": reply.format(high=high, low=low)}

    assert len(csv) == (await get()).size


async def test_a_greeting_in_any_encoding_is_read(scripted, get, csv):
    scripted.banner = "220-Gr\xfc\xdfe\r\n Zeile\r\n220 bereit"

    assert len(csv) == (await get()).size


async def test_a_cut_transfer_is_resumed_with_rest(scripted, get, csv):
    scripted.sends = [csv[:400_000]]

    result = await get()

    assert ([0, 400_000], 1) == (scripted.offsets, result.resumed)
    assert (len(csv), hashlib.sha256(csv).hexdigest()) == (result.size, result.content_hash)


async def test_a_file_that_changed_meanwhile_is_fetched_anew_and_never_mixed(scripted, get, csv):
    scripted.sends = [csv[:400_000]]
    scripted.replies["MDTM"] = ["213 20261122100000", "213 20261122100001"]

    result = await get()

    assert ([0, 0], 0) == (scripted.offsets, result.resumed)
    assert hashlib.sha256(csv).hexdigest() == result.content_hash


@pytest.mark.parametrize("unknown", ["SIZE", "MDTM"])
async def test_what_cannot_be_recognised_is_not_resumed(scripted, get, csv, unknown):
    scripted.replies[unknown] = "502 ?"
    scripted.sends = [None]

    result = await get()

    assert ([0, 0], len(csv)) == (scripted.offsets, result.size)


async def test_a_server_that_refuses_rest_sends_from_the_beginning(scripted, get, csv):
    scripted.sends = [csv[:400_000], csv]
    scripted.replies["REST"] = "502 ?"

    assert hashlib.sha256(csv).hexdigest() == (await get()).content_hash


async def test_a_file_shorter_than_its_size_is_truncated(scripted, get, csv, leftovers):
    scripted.sends = [b""] * 4

    with pytest.raises(FetchUnavailable) as caught:
        await get()

    assert "truncated" == caught.value.code
    assert [] == leftovers()


async def test_a_transfer_without_a_good_end_is_no_file(scripted, get, leftovers):
    """Without SIZE the final reply is all that tells."""
    scripted.replies |= {"SIZE": "502 ?", "END": "426 connection closed"}

    with pytest.raises(FetchUnavailable) as caught:
        await get()

    assert ("interrupted", 4) == (caught.value.code, len(scripted.offsets))
    assert [] == leftovers()


@pytest.mark.parametrize("end", ["426 connection closed", "451 oops", "rubbish"])
async def test_a_file_of_the_size_that_was_said_needs_no_good_end(scripted, get, csv, limited, end):
    scripted.replies["END"] = end

    # What is no reply is waited behind.
    assert csv == (await get(using=limited(read_timeout_ms=2_000))).path.read_bytes()


async def test_a_file_over_the_limit_is_refused_by_its_size_or_as_it_comes(scripted, get, limited):
    with pytest.raises(FetchError) as caught:
        await get(using=limited(max_bytes=1000))
    assert ("too_large", []) == (caught.value.code, scripted.offsets)

    scripted.replies["SIZE"] = "500 ?"
    with pytest.raises(FetchError) as caught:
        await get(using=limited(max_bytes=1000))
    assert "too_large" == caught.value.code


@pytest.mark.parametrize(
    ("command", "reply", "code"),
    [
        ("USER", "530 no", "unauthorized"),
        ("PASS", "530 no", "unauthorized"),
        ("CWD", "550 no", "not_found"),
        ("RETR", "550 no", "not_found"),
        ("RETR", "501 no", "refused"),
        ("PASS", "250 what", "refused"),
        ("TYPE", "200-x\r\n500 y", "refused"),
    ],
)
async def test_a_refusal_has_its_code(scripted, get, command, reply, code):
    scripted.replies[command] = reply

    with pytest.raises((FetchError, FetchUnavailable)) as caught:
        await get("x/stock.csv")

    assert code == caught.value.code


@pytest.mark.parametrize(
    ("reply", "code"), [("421 too many", "busy"), ("450 busy", "server_error"), ("451 local", "server_error")]
)
async def test_a_busy_server_is_asked_again(scripted, get, pauses, reply, code):
    scripted.replies["RETR"] = reply

    with pytest.raises(FetchUnavailable) as caught:
        await get()

    assert (code, [1, 2, 4]) == (caught.value.code, pauses.taken)


async def test_a_greeting_without_end_is_cut_short(scripted, get):
    scripted.banner = "220-hello\r\n" * 10_000 + "220 ready"

    with pytest.raises(FetchError) as caught:
        await get()

    assert "protocol" == caught.value.code


async def test_a_line_without_end_is_cut_short(scripted, get):
    scripted.banner = "220 " + "x" * 1_000_000

    with pytest.raises(FetchError) as caught:
        await get()

    assert "protocol" == caught.value.code


async def test_what_is_not_ftp_is_an_error(scripted, get, limited):
    scripted.banner = "HTTP/1.1 400 Bad Request\r\n\r\n<html>"

    with pytest.raises(FetchUnavailable):
        await get(using=limited(read_timeout_ms=50, attempts=1))


async def test_a_silent_server_is_given_up_on(scripted, get, limited):
    scripted.replies["RETR"] = "150 coming"
    scripted.body, scripted.replies["SIZE"] = b"", "502 ?"
    scripted.replies["END"] = "100-"

    with pytest.raises(FetchUnavailable) as caught:
        await get(using=limited(read_timeout_ms=50, attempts=1))

    assert "timeout" == caught.value.code


async def test_an_html_page_over_ftp_is_an_error_too(scripted, get):
    scripted.body = b"<!DOCTYPE html><html>"

    with pytest.raises(FetchError) as caught:
        await get()

    assert "html" == caught.value.code


async def test_loopback_is_refused_before_anything_is_connected(scripted, get, context):
    with pytest.raises(FetchError) as caught:
        await get(using=replace(context, guard=Guard()))

    assert ("address_refused", []) == (caught.value.code, scripted.commands)


async def test_a_name_that_resolves_elsewhere_the_second_time_never_gets_a_second_time(scripted, context, csv):
    """DNS rebinding: control and data connections go to the one address that was checked."""
    answers = [["127.0.0.1"], ["127.0.0.9"]]

    async def rebinding(_host, _port):
        return answers.pop(0)

    guarded = replace(context, guard=Guard(["127.0.0.1/32"], rebinding))
    result = await fetch(FetchRequest(f"ftp://shop.example:{scripted.port}/stock.csv"), guarded)

    assert (len(csv), [["127.0.0.9"]]) == (result.size, answers)


async def test_no_error_and_no_log_holds_a_credential(scripted, get, caplog):
    caplog.set_level("DEBUG")
    said = ""
    for command, reply in (("PASS", "530 hunter1:hunter2 is wrong"), ("RETR", "550 hunter3"), ("RETR", "450 hunter3")):
        scripted.replies[command] = reply
        with pytest.raises((FetchError, FetchUnavailable)) as caught:
            await get(user="hunter1:hunter2@")
        said += f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"
        del scripted.replies[command]

    assert "hunter" not in said
    logged = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("aioftp"))
    assert "hunter" not in logged


async def test_an_unchanged_file_is_told_by_time_and_size(scripted, get, csv, context):
    known = Validators(None, "20261122100000", "hash", len(csv))

    result = await get(validators=known, using=replace(context, now=lambda: 1_800_000_000.0))

    assert ("server", []) == (result.by, scripted.offsets)
