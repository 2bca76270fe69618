"""Checksums that come with a file."""

import base64
import hashlib

import pytest
from multidict import CIMultiDict

from ingest.pull.fetch import Fetched, Validators
from ingest.pull.fetch.digests import differing
from ingest.pull.run.file.facts import Facts

BODY = b"sku,qty\nA,5\n"


def of(algorithm, body=BODY):
    return base64.b64encode(hashlib.new(algorithm, body).digest()).decode()


@pytest.fixture
def compared(tmp_path):
    """Compare headers with those of the body."""
    path = tmp_path / "file"
    path.write_bytes(BODY)

    def differs(headers, *, is_coded=False):
        return differing(CIMultiDict(headers), path, hashlib.sha256(BODY).hexdigest(), is_coded=is_coded)

    return differs


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Repr-Digest", "sha-256=:{sha256}:"),
        ("repr-digest", "md5=:AAAA:, sha-512=:{sha512}: , x=1"),
        ("Content-Digest", "sha-256=:{sha256}:,sha-512=:{sha512}:"),
        ("Digest", "SHA-256={sha256}"),
        ("Digest", "unixsum=30637, md5={md5},sha-256={sha256}"),
        ("Content-MD5", "{md5}"),
    ],
)
def test_a_checksum_of_other_bytes_is_found(compared, name, form, coded):
    names = ("sha256", "sha512", "md5")
    right, wrong = (form.format(**{each: of(each, body) for each in names}) for body in (BODY, BODY[:-3]))
    compares = not coded or name.lower() not in ("digest", "content-md5")

    assert compared({name: right}, is_coded=coded) is None
    assert (name.title().replace("Md5", "MD5") if compares else None) == compared({name: wrong}, is_coded=coded)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-MD5": ""},
        {"Content-MD5": "d41d8cd98f00b204e9800998ecf8427e"},  # in hex
        {"Content-MD5": "no base64"},
        {"Content-MD5": of("sha256", b"x")},
        {"Digest": "sha=AAAA, crc32c=AAAA, SHA-256"},
        {"Digest": f"sha-256=:{of('sha256', b'x')}:"},  # neither the one nor the other
        {"Repr-Digest": f"sha-256={of('sha256', b'x')}"},
        {"Repr-Digest": f"sha-1=:{of('sha1', b'x')}:"},
        {"Repr-Digest": "sha-256=:AAAA:"},
        {"Want-Repr-Digest": f"sha-256=:{of('sha256', b'x')}:"},
        {"Repr-Digest": "sha-256=:" + "A" * 1_000_000},
    ],
)
def test_what_is_not_well_formed_says_nothing(compared, headers):
    assert compared(headers) is None


def test_a_file_with_another_checksum_is_held():
    facts = Facts()
    facts.add_file(Fetched(None, 5, "", Validators(), "", differs="Content-MD5"))

    assert (False, "digest") == (facts.complete, facts.reason_code)
    assert "the server's Content-MD5" in facts.reason
