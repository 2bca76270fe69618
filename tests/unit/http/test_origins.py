"""Addresses in answers are absolute in every deployment."""

import pytest
from aiohttp.test_utils import make_mocked_request

from ingest.http.origins import origin

FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example, inner"}


@pytest.mark.parametrize(
    ("public", "trusted", "headers", "expected"),
    [
        ("https://api.example/", True, FORWARDED, "https://api.example"),
        ("", False, {}, "http://edge:8080"),
        ("", False, FORWARDED, "http://edge:8080"),
        ("", True, FORWARDED, "https://shop.example"),
        ("", True, {"X-Forwarded-Proto": "javascript"}, "http://edge:8080"),
        ("", True, {"X-Forwarded-Host": 'a"><b'}, ""),
    ],
)
def test_an_address_is_configured_or_the_requests(public, trusted, headers, expected):
    request = make_mocked_request("POST", "/x", headers={"Host": "edge:8080", **headers})

    assert expected == origin(request, public, trust_forwarded=trusted)
