"""The pure rules of sessions: tries, whose page a form comes from, what the audit log tells."""

from ingest.pages.audit import line
from ingest.pages.layout import is_local
from ingest.pages.security import from_own_page
from ingest.pages.sessions.tries import MOST, WITHIN_S, Tries


def test_ten_failures_a_minute_are_enough_and_each_address_has_its_own():
    tries = Tries()
    for second in range(MOST):
        tries.clock = lambda now=second: now
        assert 0 == tries.wait_s("a")
        tries.count("a")
    tries.clock = lambda: MOST
    assert WITHIN_S - MOST == tries.wait_s("a")
    assert 0 == tries.wait_s("b")
    tries.clock = lambda: WITHIN_S + 1
    assert 0 == tries.wait_s("a")


def test_a_form_counts_as_ours_only_when_the_browser_says_so():
    own, host = "https://feeds.example", "feeds.example"
    assert from_own_page({"Sec-Fetch-Site": "same-origin"}, host)
    assert from_own_page({"Origin": own}, host)
    for headers in (
        {}, {"Sec-Fetch-Site": "same-site", "Origin": own}, {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://feeds.example.evil.example"}, {"Origin": "null"},
    ):  # fmt: skip
        assert not from_own_page(headers, host), headers
    assert not from_own_page({"Origin": "null"}, "")


def test_the_audit_log_tells_what_changed_and_no_secret():
    before = {"id": 7, "name": "Acme", "hash": "old", "enabled": True, "updatedAt": "1"}
    told = line("inventory_feeds.update", "/x", before, {**before, "hash": "new", "enabled": False, "updatedAt": "2"})
    assert {"hash": "********", "enabled": True} == told.before
    assert {"hash": "********", "enabled": False} == told.after
    assert (None, {"id": 7}) == (line("a", "/x", None, {"id": 7}).before, line("a", "/x", None, {"id": 7}).after)


def test_after_signing_in_nobody_is_led_to_another_site():
    assert [True, True] == [is_local(path) for path in ("/", "/feeds?after=1")]
    assert [False] * 4 == [is_local(path) for path in ("//evil.example", "https://evil.example", "/\\evil.example", "")]
