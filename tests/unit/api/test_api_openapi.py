"""The OpenAPI document and the table of operations that it is made from."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from pydantic import TypeAdapter

import ingest.accounts
import ingest.api
from ingest.api.framework.openapi import document
from ingest.api.framework.validation import adapter
from ingest.api.routes import OPERATIONS
from ingest.api.webhook import PATH, SECURITY, with_webhook
from ingest.edge import post as edge
from schemas import queries

STATIC = Path(ingest.api.__file__).parent / "static"


@cache
def whole():
    """The document: to make it takes a second, which processes that run other files need not spend."""
    return with_webhook(document(OPERATIONS, ""), "https://edge.example/")


def test_every_operation_is_described_once():
    described = [one["operationId"] for path in whole()["paths"].values() for one in path.values()]

    names = ["webhook.post", *(operation.name for operation in OPERATIONS)]
    assert names == sorted(described, key=names.index)
    assert len(described) == len(set(described))


def test_every_reference_leads_somewhere():
    names = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(whole()))

    assert names
    assert set(names) <= set(whole()["components"]["schemas"])


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.example is not None], ids=lambda operation: operation.name
)
def test_every_example_is_valid(operation):
    adapter(operation.body).validate_python(operation.example)


def test_every_body_that_json_is_sent_to_has_an_example():
    assert [] == [one.name for one in OPERATIONS if one.body is not None and one.example is None]


def test_what_a_body_takes_but_ignores_is_not_documented():
    provider = whole()["components"]["schemas"]["ProviderCreate"]

    assert ("name", ["name"]) == (next(iter(provider["properties"])), provider["required"])
    assert {"id", "createdAt", "updatedAt", "warnings"}.isdisjoint(provider["properties"])


def test_a_change_requires_nothing_and_promises_no_defaults():
    update = whole()["components"]["schemas"]["FeedUpdate"]

    assert "required" not in update
    assert not [name for name, schema in update["properties"].items() if "default" in schema]


def test_the_page_loads_nothing_from_outside():
    for file in STATIC.iterdir():
        assert [] == re.findall(r"""(?:src|href|url|import|fetch)\W{1,3}(?:https?:)?//[^'"\s)]*""", file.read_text())


API_SQL = [path for room in (ingest.api, ingest.accounts) for path in Path(room.__file__).parent.rglob("*.sql")]


@pytest.mark.parametrize("path", sorted(API_SQL), ids=lambda path: path.stem)
def test_every_query_of_the_api_is_scoped_by_account(path):
    loaded = queries.load(path.stem, beside=path)
    public = {
        "token_owner",
        "hash_owner",
        "token_used",
        "account_create",
        "account_page",
        "trace_account",
        "waiting_accounts",
    }  # whose a token is; operators, over the API and the command line

    assert (
        set()
        == {
            query
            for query in loaded._blocks.available_queries
            if not query.endswith("_cursor") and "account_id" not in (getattr(loaded, query).parameters or ())
        }
        - public
    )


def test_the_types_that_validate_are_the_ones_that_describe():
    operation = next(one for one in OPERATIONS if one.name == "dropship_providers.create")

    assert TypeAdapter(operation.body).json_schema() == whole()["components"]["schemas"]["ProviderCreate"]


def test_the_webhook_is_described_at_its_own_address_with_its_own_credential():
    described = whole()["paths"][PATH]["post"]

    assert (edge.PATH, "https://edge.example") == (PATH, described["servers"][0]["url"])
    assert ([{SECURITY: []}], edge.HASH_HEADERS[0]) == (
        described["security"],
        whole()["components"]["securitySchemes"][SECURITY]["name"],
    )
    assert {202, 400, 401, 403, 408, 411, 413, 415, 422, 429, 500, 501, 503} == set(map(int, described["responses"]))


def test_schemas_have_names_of_their_own_and_their_titles_are_these():
    """Two models of one name would be told apart by their modules' paths; generators take titles for names."""
    schemas = whole()["components"]["schemas"]
    assert [] == [name for name in schemas if "__" in name]
    assert {name: name for name in schemas} == {name: schema["title"] for name, schema in schemas.items()}
