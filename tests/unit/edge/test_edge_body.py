"""The body of a post: limits, encodings, and errors that say where."""

import gzip
import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.edge.body import MAX_DEPTH, MAX_VALUES, check_headers, check_structure, decode, gunzip, is_json
from ingest.http.problems import ProblemError

LIMIT = 2**20


def refusal(function, *arguments):
    with pytest.raises(ProblemError) as caught:
        function(*arguments)
    return caught.value


@pytest.mark.parametrize(
    "body",
    [b'[{"externalId":"1"}]', b'{"externalId":"1"}', b'\xef\xbb\xbf[{"externalId":"1"}]', b' \n{"externalId":"1"} '],
)
def test_an_array_and_one_item_alone_are_taken(body):
    assert [{"externalId": "1"}] == decode(body)


@pytest.mark.parametrize(
    ("body", "code", "details"),
    [
        (b'[{"a": 1},\n {"b" 2}]', "edge.body.malformed", {"line": 2, "column": 7, "position": 17}),
        (b'[{"a":', "edge.body.malformed", {"line": 1, "column": 7, "position": 6}),
        (b'{"a":1}{"a":2}', "edge.body.malformed", {"line": 1, "column": 8, "position": 7}),
        (b"[None]", "edge.body.malformed", {"line": 1, "column": 2, "position": 1}),
        (b'[{"a":\n"\xff"}]', "edge.body.utf8", {"line": 2, "column": 2, "position": 8}),
    ],
)
def test_malformed_json_says_where(body, code, details):
    problem = refusal(decode, body)

    assert (400, code) == (problem.status, problem.code)
    assert details == {name: problem.details[name] for name in details}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "edge.body.empty"),
        (b"  ", 400, "edge.body.empty"),
        (b"[]", 400, "edge.body.shape"),
        (b'"text"', 400, "edge.body.shape"),
        (b"null", 400, "edge.body.shape"),
        (b"5", 400, "edge.body.shape"),
        (orjson.dumps([{"externalId": "1"}] * 51), 413, "edge.body.too_many_items"),
        (b"[" * 2_000, 400, "edge.body.malformed"),
        (b'[{"externalId":"1","tags":' + b"[" * 100 + b"]" * 100 + b"}]", 400, "edge.body.depth"),
        (b'[{"externalId":"1","metaFields":' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}]", 400, "edge.body.depth"),
    ],
)
def test_a_wrong_shape_has_its_code(body, status, code):
    problem = refusal(decode, body)

    assert (status, code) == (problem.status, problem.code)


def test_fifty_items_are_taken():
    assert 50 == len(decode(orjson.dumps([{"externalId": "1"}] * 50)))


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_is_counted_in_levels():
    check_structure(nested(MAX_DEPTH + 1))  # the array of items is no level of them

    assert "edge.body.depth" == refusal(check_structure, nested(MAX_DEPTH + 2)).code


@pytest.mark.parametrize("unit", [b"1,", b"[],", b"{},", b'"a",', b"[[[[[[[[1]]]]]]]],"])
def test_a_body_of_too_many_values_is_refused_whatever_they_are(unit):
    body = b'[{"externalId":"1","metaFields":[' + unit * (2**20 // len(unit)) + b"1]}]"

    assert (413, "edge.body.too_many_values") == ((problem := refusal(decode, body)).status, problem.code)


def test_a_long_text_is_no_structure():
    text = ",,,[{" * 15_000

    assert [{"externalId": "1", "description": text}] == decode(orjson.dumps({"externalId": "1", "description": text}))


def test_as_many_values_as_may_be_are_taken():
    decode(orjson.dumps([{"externalId": "1", "metaFields": [1] * (MAX_VALUES - 3)}]))

    assert 413 == refusal(decode, orjson.dumps([{"externalId": "1", "metaFields": [1] * (MAX_VALUES - 2)}])).status


@given(parts=st.lists(st.binary(max_size=2_000), min_size=1, max_size=4))
def test_gzip_of_any_members_reads_back(parts):
    assert b"".join(parts) == gunzip(b"".join(gzip.compress(part, mtime=0) for part in parts), LIMIT)


def test_a_bomb_is_refused_without_being_unpacked():
    bomb = gzip.compress(b" " * 10 * LIMIT)

    problem = refusal(gunzip, bomb, LIMIT)

    assert (413, "edge.body.too_large") == (problem.status, problem.code)


def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not():
    assert LIMIT == len(gunzip(gzip.compress(b" " * LIMIT), LIMIT))
    assert 413 == refusal(gunzip, gzip.compress(b" " * (LIMIT + 1)), LIMIT).status


@pytest.mark.parametrize(
    "body",
    [
        b"not gzip",
        gzip.compress(b"[1]" * 50, mtime=0)[:-9],
        zlib.compress(b"[1]"),
        gzip.compress(b"[1]", mtime=0) + b"rest",
        gzip.compress(b"", mtime=0) * 1_000,
        b"",
    ],
)
def test_broken_gzip_is_malformed(body):
    assert (400, "edge.body.gzip") == (refusal(gunzip, body, LIMIT).status, refusal(gunzip, body, LIMIT).code)


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        ("application/json", True),
        ("Application/JSON; charset=UTF-8", True),
        ('application/json; charset="utf-8"', True),
        ("application/vnd.vendor+json", True),
        ("application/json; charset=iso-8859-1", False),
        ("text/csv", False),
        ("application/x-www-form-urlencoded", False),
        ("", False),
    ],
)
def test_json_is_known_by_its_content_type(content_type, taken):
    assert taken == is_json(content_type)


def test_a_body_without_content_type_is_taken_for_json():
    assert not check_headers({})


@pytest.mark.parametrize(("encoding", "gzipped"), [("gzip", True), ("X-GZIP", True), ("identity", False)])
def test_encodings_that_are_read(encoding, gzipped):
    assert gzipped == check_headers({"Content-Encoding": encoding})


@pytest.mark.parametrize(
    ("headers", "code", "hint"),
    [
        ({"Content-Encoding": "br"}, "edge.body.encoding", "Accept-Encoding"),
        ({"Content-Type": "text/xml"}, "edge.body.type", "Accept"),
    ],
)
def test_what_is_not_read_is_415_and_says_what_is(headers, code, hint):
    problem = refusal(check_headers, headers)

    assert (415, code) == (problem.status, problem.code)
    assert hint in problem.headers


@pytest.mark.parametrize("name", ["Content-Type", "Content-Encoding"])
def test_header_bytes_that_are_no_text_are_400(name):
    with pytest.raises(ProblemError) as caught:
        check_headers({name: b"\xff/json".decode("utf-8", "surrogateescape")})

    assert (400, "edge.header.bytes") == (caught.value.status, caught.value.code)
    assert caught.value.response().body
