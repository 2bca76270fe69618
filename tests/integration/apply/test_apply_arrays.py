"""Array literals are read by Postgres as they were meant."""

import uuid

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.apply.arrays import documents, numbers, texts, words

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
ODD = st.text('",\\{} NULnul', max_size=6)


async def test_texts_and_numbers_come_back(road):
    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.none() | TEXT | ODD, max_size=6), st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
    def collect(some, more):
        pairs.append((some, more))

    pairs = []
    collect()
    for some, more in pairs:
        assert [some, more] == list(
            await road.connection.fetchrow("SELECT $1::text::text[], $2::text::bigint[]", texts(some), numbers(more))
        )


async def test_documents_come_back_whatever_is_in_them(road):
    sent = [orjson.dumps({"a": '\n\r\u2028\\n,"{}'}).decode(), None, "[]", None]

    held = await road.connection.fetchval("SELECT string_to_array($1::text, E'\\n', '')", documents(sent))

    assert sent == held


async def test_words_and_ids_come_back(road):
    ids = [uuid.uuid4(), uuid.uuid4()]
    plain, hexadecimal = words(["webhook", "pull"]), words([one.hex for one in ids])

    held = await road.connection.fetchrow("SELECT $1::text::text[], $2::text::uuid[]", plain, hexadecimal)

    assert [["webhook", "pull"], ids] == list(held)
