"""Every refusal over HTTP is a problem document."""

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from ingest.http.problems import CONTENT_TYPE, ProblemError, middleware


async def answered(failure):
    async def handler(_):
        raise failure

    return await middleware("edge")(make_mocked_request("POST", "/somewhere"), handler)


async def test_a_problem_has_type_title_status_detail_and_details():
    response = await answered(ProblemError(409, "api.feeds.taken", "Taken.", {"id": 5}, {"Retry-After": "1"}))

    assert (409, CONTENT_TYPE, "1") == (response.status, response.content_type, response.headers["Retry-After"])
    assert {
        "type": "/api/problems/api.feeds.taken",
        "title": "api.feeds.taken",
        "status": 409,
        "detail": "Taken.",
        "details": {"id": 5},
    } == orjson.loads(response.body)


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (web.HTTPNotFound(), 404, "edge.not_found"),
        (web.HTTPMethodNotAllowed("POST", ["GET"]), 405, "edge.method_not_allowed"),
        (web.HTTPRequestEntityTooLarge(5, 6), 413, "edge.body.too_large"),
        (web.HTTPBadRequest(), 400, "edge.bad_request"),
    ],
)
async def test_aiohttps_own_refusals_are_problems_too(failure, status, code):
    response = await answered(failure)

    assert (status, code) == (response.status, orjson.loads(response.body)["title"])


async def test_a_refused_method_names_the_allowed_ones():
    response = await answered(web.HTTPMethodNotAllowed("POST", ["GET", "DELETE"]))

    assert "DELETE,GET" == response.headers["Allow"]


async def test_what_nobody_foresaw_is_500_and_says_nothing_of_its_inside():
    response = await answered(RuntimeError("password=hunter2"))

    assert 500 == response.status
    assert b"hunter2" not in response.body


async def test_a_redirect_is_no_refusal():
    with pytest.raises(web.HTTPFound):
        await answered(web.HTTPFound("/elsewhere"))
