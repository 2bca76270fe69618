"""Objects that have the names of an earlier one are those that dicts give, whatever stands among them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.mapping import FormatSettings
from ingest.pull import records
from ingest.pull.parse import parse
from ingest.pull.parse.json import elements, reader
from ingest.pull.parse.json.decode import Alike, Shape

ITEM = '{"sku":"K-{}","name":"A lamp","qty":7,"url":"https://vendor.example/{}"}'
SURPRISES = [
    ITEM,
    '{"qty":7,"url":"https:\\/\\/vendor.example","sku":"K-{}","name":"other order"}',
    '{"sku":"K-{}","name":"spaces" , "qty" :7,"url" : "a:b"}',
    '{"sku":"K-{}","name":"twice","qty":7,"url":"","qty":8}',
    '{"sku":"K-{}","name":"twice","qty" :7,"url":"","qty" :8}',
    '{"sku":"K-{}","name":"escaped","qty":7,"url":"","\\u0071ty":8}',
    '{"sku":"K-{}","name":"\\"qty\\":9 \\u003a","qty":7,"url":"x"}',
    '{"sku":"K-{}","name":null,"qty":"7","url":null}',
    '{"sku":"K-{}","qty":7}',
    '{"sku":"K-{}","name":"more","qty":7,"url":"","extra":{"a":1,"b":[2]}}',
    '{"sku":"K-{}","name":{"a":1,"a":2},"qty":7,"url":""}',
    '{"sku":{}12345678901234567890,"name":"n","qty":7.0,"url":""}',
    '{"sku":"K-{}","name":"half \\ud800","qty":7,"url":""}',
    '{"sku":"K-{}","name":"no \\u0000","qty":7,"url":""}',
    '{"sku":"K-{}","name":"wrong","qty":"many","url":""}',
    '{"sku":"K-{}","name":"broken","qty":7,"url":}',
    '{"sku":"K-{}","name":"open","qty":7,"url":"',
    "{}",
    "[{}]",
]
MAPPINGS = [
    {"externalId": "sku", "name": "name", "inventoryQuantity": "qty", "externalUrl": "url"},
    {"externalId": "sku", "name": "name.a", "inventoryQuantity": "qty"},
    {"externalId": "sku"},
]


@pytest.fixture(autouse=True, scope="module")
def _small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "blocks_of", lambda source: records.blocks_of(source, 200))
        patch.setattr(elements, "_WIDE_ENOUGH", 200)
        yield


def read(data, mapping):
    settings = FormatSettings.model_validate({"resourceType": "api", "mapping": mapping})
    parsing = parse(io.BytesIO(data), settings)
    chunks = list(parsing)
    items = [(row, item) for chunk in chunks for row, item in zip(chunk.rows, chunk.items, strict=True)]
    return items, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


def read_as_dicts(data, mapping):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shape, "loads", lambda *_: None)
        return read(data, mapping)


def file_of(pieces):
    return ("[" + ",".join(piece.replace("{}", str(number)) for number, piece in enumerate(pieces)) + "]").encode()


@pytest.mark.parametrize("surprise", SURPRISES)
def test_a_surprise_among_objects_that_are_alike_is_read_as_among_dicts(surprise):
    data = file_of([ITEM] * 15 + [surprise] + [ITEM] * 9 + [surprise] * 6)

    for mapping in MAPPINGS:
        assert read_as_dicts(data, mapping) == read(data, mapping)


@given(
    pieces=st.lists(st.sampled_from(SURPRISES), min_size=1, max_size=25),
    mapping=st.sampled_from(MAPPINGS),
    change=st.one_of(st.none(), st.tuples(st.integers(0, 2_000), st.sampled_from(b'{}[]",:\\x \xff\n'))),
)
def test_any_mixture_of_surprises_is_read_as_dicts(pieces, mapping, change):
    data = bytearray(file_of([*[ITEM] * 8, *pieces, *[ITEM] * 8]))
    if change is not None:
        data[change[0] % len(data)] = change[1]

    assert read_as_dicts(bytes(data), mapping) == read(bytes(data), mapping)


def test_objects_that_are_alike_are_no_dicts_and_their_rejected_rows_are_kept(monkeypatch):
    made = []
    kept = Alike.columns
    monkeypatch.setattr(Alike, "columns", lambda self, wanted: made.append(len(self)) or kept(self, wanted))
    wrong = '{"sku":"K-{}","name":"A lamp","qty":"many","url":"https://vendor.example/{}"}'
    items, rejects, _ = read(file_of([ITEM] * 30 + [wrong] * 30), MAPPINGS[0])

    assert (list(range(1, 31)), list(range(31, 61))) == ([row for row, _ in items], [each.row for each in rejects])
    assert rejects[-1].record == [
        ("sku", "K-59"),
        ("name", "A lamp"),
        ("qty", "many"),
        ("url", "https://vendor.example/59"),
    ]
    assert sum(made) >= 45, made
