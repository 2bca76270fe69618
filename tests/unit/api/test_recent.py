"""A memory that stays small."""

from ingest.api.framework.recent import Recent


def test_what_was_set_longest_ago_goes_first():
    recent = Recent(2)
    for key in ("a", "b", "a", "c"):
        recent[key] = key.upper()

    assert {"a": "A", "c": "C"} == dict(recent)
