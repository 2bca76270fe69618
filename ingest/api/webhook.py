"""The webhook in the OpenAPI document: another server takes it, with the feed's hash instead of a token."""

from __future__ import annotations

from typing import Any, Final

from ingest.http.problem_codes import EDGE
from ingest.http.problems import CONTENT_TYPE as PROBLEM_JSON
from schemas.items import MAX_ITEMS

PATH: Final = "/webhooks/inventory-feeds/parse-webhooks.json"
SECURITY: Final = "feedHash"
_TAG: Final = "Webhook"
_JSON: Final = "application/json"
_PROBLEMS: Final = {
    400: "the body is not JSON, or not an array of items",
    401: "no hash, or one that no feed has any more",
    403: "the feed is disabled, or pulled from a file",
    408: "the body arrives too slowly",
    411: "the body has no length",
    413: f"the body is too large, or has more than {MAX_ITEMS} items",
    415: "the body is of another media type or encoding",
    422: "no item is valid: `details.rejected` has each reason",
    429: "too many unknown hashes at the moment",
    500: "something went wrong on our side",
    501: "a transfer coding that is not known",
    503: "nothing was accepted: try again after `Retry-After` seconds",
}
_HASH: Final = {
    "type": "apiKey",
    "in": "header",
    "name": "jetti-webhook-hash",
    "description": "the `hash` of the feed; `onport-webhook-hash` is the same",
}
_ITEM: Final = {"$ref": "#/components/schemas/Item"}
_ANSWER: Final = {
    "type": "object",
    "properties": {
        "batchId": {"type": "string", "format": "uuid"},
        "accepted": {"type": "integer", "description": "items on the queue, confirmed by the broker"},
        "rejected": {
            "type": "array",
            "items": {"type": "object"},
            "description": "items that were refused, and why",
            "examples": [[]],
        },
        "warnings": {"type": "array", "items": {"type": "object"}, "description": "what was taken otherwise than sent"},
        "receiptUrl": {"type": "string", "description": "tells what became of each item"},
    },
    "required": ["batchId", "accepted", "rejected", "warnings", "receiptUrl"],
}


def with_webhook(document: dict[str, Any], edge_url: str) -> dict[str, Any]:
    """Return the API's document with the webhook in it; `edge_url` is its address ("" where nobody has said it)."""
    components = document["components"]
    return {
        **document,
        "tags": [{"name": _TAG}, *document["tags"]],
        "paths": {PATH: {"post": _operation(edge_url.rstrip("/"))}, **document["paths"]},
        "components": {**components, "securitySchemes": {**components["securitySchemes"], SECURITY: _HASH}},
    }


def _operation(edge_url: str) -> dict[str, Any]:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    refused = {
        str(status): {"description": why, "content": {PROBLEM_JSON: problem}} for status, why in _PROBLEMS.items()
    }
    refused["503"]["headers"] = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "string"}}}
    many = {"type": "array", "items": _ITEM, "minItems": 1, "maxItems": MAX_ITEMS}
    example = [{"externalId": "1234", "vendorSku": "1234", "inventoryQuantity": 10}]
    return {
        "operationId": "webhook.post",
        "tags": [_TAG],
        "summary": f"Send up to {MAX_ITEMS} items",
        "description": "202 once the broker has confirmed them; the receipt tells what became of each. "
        f"Codes of refusals begin with `edge.` ({len(EDGE)} of them, each with its page). No rate limit.",
        "servers": [{"url": edge_url or "/", "description": "the webhook's own address"}],
        "security": [{SECURITY: []}],
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "the same key and body again are the same batch, applied once",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": {"oneOf": [many, _ITEM]}, "example": example}},
        },
        "responses": {"202": {"description": "Accepted", "content": {_JSON: {"schema": _ANSWER}}}, **refused},
    }
