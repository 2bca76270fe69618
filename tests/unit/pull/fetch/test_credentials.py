"""What a request shows, and how its credentials are sent."""

import pytest

from ingest.pull.fetch import FetchError, FetchRequest
from ingest.pull.fetch.http_rules import headers_for


def test_the_representation_of_a_request_holds_no_credential():
    request = FetchRequest("https://user:hunter2@h/f?key=hunter2", "hunter2", "hunter2")

    assert "FetchRequest(https://********@h/f?key=********)" == repr(request)


def test_a_request_for_what_is_no_address_is_refused_without_its_credentials():
    with pytest.raises(FetchError) as caught:
        FetchRequest("gopher://user:hunter2@h/").place()

    assert "location" == caught.value.code
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "token", "secret", "headers"),
    [
        ("https://h/f", None, None, {}),
        ("https://us%65r:p%40ss@h/f", None, None, {"Authorization": "Basic dXNlcjpwQHNz"}),
        ("https://key@h/f", None, None, {"Authorization": "Basic a2V5Og=="}),
        ("https://h/f", "abc", None, {"Authorization": "Bearer abc"}),
        ("https://user:pass@h/f", "abc", None, {"Authorization": "Bearer abc"}),
        ("https://h/f", "X-Api-Key:", "abc", {"X-Api-Key": "abc"}),
        ("https://u:p@h/f", "X-Api-Key:", "abc", {"Authorization": "Basic dTpw", "X-Api-Key": "abc"}),
        ("https://h/f", "authorization:", "Token abc", {"Authorization": "Token abc"}),
        ("https://h/f", "user", "pass", {"Authorization": "Basic dXNlcjpwYXNz"}),
    ],
)
def test_credentials_become_headers(address, token, secret, headers):
    assert headers == headers_for(FetchRequest(address, token, secret))


@pytest.mark.parametrize(
    ("address", "token", "secret"),
    [
        ("https://h/f", None, "hunter2"),
        ("https://h/f", "Host:", "hunter2"),
        ("https://h/f", "Range:", "hunter2"),
        ("https://h/f", "X-Key:", "hunter2\r\nHost: inside"),
        ("https://h/f", "hunter2\n", None),
        ("https://hunter%3A2:x@h/f", None, None),
    ],
)
def test_credentials_that_cannot_be_sent_are_refused_and_not_quoted(address, token, secret):
    with pytest.raises(FetchError) as caught:
        headers_for(FetchRequest(address, token, secret))

    assert "credentials" == caught.value.code
    assert "hunter" not in str(caught.value)
