"""Up to 50 variants changed or deleted at once, in one transaction; each has its own outcome."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from ingest.api.framework.call import Answer, Call, Scoped
from ingest.api.framework.caller import Scope
from ingest.api.framework.models import Id, Query, Resource
from ingest.api.framework.operation import Operation
from ingest.api.framework.validation import adapter, drop_unknown, entries
from ingest.api.shared import road
from ingest.api.shared.bulk import BulkReject, elements_of, reject, whole_id
from ingest.api.shared.variants import CONNECT, SETTABLE, VARIANTS, VariantUpdate
from schemas.items import MAX_ITEMS


class ListedVariant(VariantUpdate):
    """Changes of one variant."""

    id: Id


class Done(Resource):
    """What became of one element."""

    index: int = Field(description="position in the body, from 0")
    id: int
    outcome: Literal["updated", "unchanged", "deleted"]


class BulkDone(Resource):
    """What became of all."""

    done: list[Done]
    rejected: list[BulkReject]


async def change_variants(call: Call[Query, Any]) -> Answer:
    """Change up to 50, and connect what waits for their new SKUs or barcodes."""
    done: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    async with call.db.transaction() as db:
        await db.one(CONNECT.own_variants)
        for index, element in enumerate(elements_of(call)):
            result = await _change(call, db, index, element)
            (done if "outcome" in result else rejected).append(result)
        ids = [one["id"] for one in done if one["outcome"] == "updated"]
        await road.reconnect(call, db, await db.all(CONNECT.waiting_for, variant_ids=ids))
    await road.send(call)
    return Answer({"done": done, "rejected": rejected})


async def _change(call: Call[Any, Any], db: Scoped, index: int, element: Any) -> dict[str, Any]:
    """Change one; return its outcome, or why it was refused."""
    try:
        change: ListedVariant = adapter(ListedVariant).validate_python(element)
    except ValidationError as error:
        field, first = next(iter(entries(error).items()))
        return reject(index, field, first["code"], first["message"], first.get("value"))
    call.warnings += drop_unknown(change, f"{index}.")
    row = await db.one(VARIANTS.variant_lock, id=change.id)
    if row is None:
        return reject(index, "id", "unknown", "the account has no variant with this id", change.id)
    known = {name: row[name] for name in SETTABLE}
    sent = {name: value for name, value in change.sent().items() if name in SETTABLE}
    if known | sent == known:
        return {"index": index, "id": change.id, "outcome": "unchanged"}
    sku = sent.get("sku", row["sku"])
    if sku != row["sku"] and await db.all(VARIANTS.variant_skus, skus=[sku]):
        return reject(index, "sku", "sku_taken", "the account has a variant with this SKU", sku)
    await db.one(VARIANTS.variant_update, id=change.id, **(known | sent))
    return {"index": index, "id": change.id, "outcome": "updated"}


async def delete_variants(call: Call[Query, Any]) -> Answer:
    """Delete up to 50; their feed variants are disconnected, or connect to other variants by their feeds' rules."""
    done: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    async with call.db.transaction() as db:
        await db.one(CONNECT.own_variants)
        for index, element in enumerate(elements_of(call)):
            number = whole_id(element)
            if number is None or await db.one(VARIANTS.variant_lock, id=number) is None:
                rejected.append(reject(index, "id", "unknown", "the account has no variant with this id", element))
                continue
            await db.one(VARIANTS.variant_delete, id=number)
            done.append({"index": index, "id": number, "outcome": "deleted"})
        ids = [one["id"] for one in done]
        await road.reconnect(call, db, await db.all(VARIANTS.connected_to, variant_ids=ids))
    await road.send(call)
    return Answer({"done": done, "rejected": rejected})


_PATH = "/api/variants.json"
_ABOUT = "Each has its own outcome: what is wrong with one costs none of the others. The same again changes nothing."

OPERATIONS = (
    Operation(
        name="variants.update_many",
        method="PUT",
        path=_PATH,
        summary=f"Change up to {MAX_ITEMS} variants",
        description=_ABOUT,
        scope=Scope.WRITE,
        body=Annotated[list[ListedVariant], Field(min_length=1, max_length=MAX_ITEMS)],
        validated=False,
        example=[{"id": 1, "name": "Oak side table"}, {"id": 2, "barcode": None}],
        response=BulkDone,
        handler=change_variants,
    ),
    Operation(
        name="variants.delete_many",
        method="DELETE",
        path=_PATH,
        summary=f"Delete up to {MAX_ITEMS} variants",
        description=f"By their ids. {_ABOUT}",
        scope=Scope.WRITE,
        body=Annotated[list[Id], Field(min_length=1, max_length=MAX_ITEMS)],
        validated=False,
        example=[1, 2],
        response=BulkDone,
        handler=delete_variants,
    ),
)
