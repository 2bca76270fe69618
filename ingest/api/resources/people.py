"""People who may sign in to the dashboard: invited by a link that works once, given a role, shut out.

Passwords are theirs alone: whoever has a link sets one, and no operation knows it.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, StrictBool

from ingest.api.framework.call import Answer, Call
from ingest.api.framework.caller import Scope
from ingest.api.framework.collection import Collection
from ingest.api.framework.models import Body, Changes, Page, Query, Resource
from schemas import queries
from schemas.attributes import Name
from schemas.secrets import token_digest

PEOPLE = queries.load("people", beside=__file__)
LINK_HOURS = 48
RoleName = Literal["viewer", "editor", "admin", "operator"]


class PersonCreate(Body):
    """A new person."""

    name: Name = Field(max_length=100, description="to sign in with; unique among all accounts, in any case")
    role: RoleName = Field("viewer", description="viewer reads, editor changes, admin administers the account")


class PersonUpdate(Changes):
    """Changes of a person; what is omitted stays."""

    role: RoleName = "viewer"
    disabled: StrictBool = Field(False, description="ends their sessions, and lets them in no more")


class Person(Resource):
    """A person."""

    id: int
    name: str
    role: RoleName
    invited: bool = Field(description="has not set a password yet")
    created_at: datetime
    signed_in_at: datetime | None
    disabled_at: datetime | None


class Invitation(Person):
    """A person with a link that lets them in once: the one time that it is shown."""

    link: str
    expires_at: datetime


async def list_people(call: Call[Page, None]) -> Answer:
    """Return a page."""
    rows = await call.db.all(PEOPLE.person_list, after=call.query.after, limit=call.query.rows)
    return call.page(rows, [Person.of(row) for row in rows])


async def get_person(call: Call[Query, None]) -> Answer:
    """Return one."""
    return Answer(Person.of(await _person(call)))


async def create_person(call: Call[Query, PersonCreate]) -> Answer:
    """Make one and invite them."""
    body = call.body
    _check(call, body.role)
    row = await call.db.one(PEOPLE.person_create, name=body.name.strip(), role=body.role)
    if row is None:
        raise call.problem(409, "taken", f"name: somebody is called {body.name} already")
    return await _invited(call, row)


async def update_person(call: Call[Query, PersonUpdate]) -> Answer:
    """Give one another role, shut them out, or let them in again."""
    row = await _person(call)
    known = {"role": row["role"], "disabled": row["disabled_at"] is not None, **call.body.sent()}
    _check(call, row["role"])
    _check(call, known["role"])
    return Answer(Person.of(await call.db.one(PEOPLE.person_update, id=call.id, **known)))


async def link_person(call: Call[Query, None]) -> Answer:
    """Make a link that lets one in once to set a password; links before it are void."""
    row = await _person(call)
    _check(call, row["role"])
    return await _invited(call, row)


async def _invited(call: Call[Any, Any], row: Any) -> Answer:
    secret = secrets.token_urlsafe(32)
    expires_at = await call.db.one(PEOPLE.person_link, id=row["id"], digest=token_digest(secret), hours=LINK_HOURS)
    if expires_at is None:
        raise call.problem(409, "disabled", f"{row['name']} is shut out: let them in first")
    known = {**row, "link": f"{call.origin}/sign-in/{secret}", "expires_at": expires_at}
    return Answer(Invitation.of(known), headers={"Cache-Control": "no-store"})


async def _person(call: Call[Any, Any]) -> Any:
    return call.found(await call.db.one(PEOPLE.person_get, id=call.id), "person")


def _check(call: Call[Any, Any], role: str) -> None:
    if role == "operator" and not call.caller.scope.includes(Scope.OPERATOR):
        raise call.invalid("role", "operator", "operators are made and changed by operators alone")


_SHUT_OUT = {409: "the person is shut out"}
_COLLECTION = Collection("people", "/api/people", Person, "person", Scope.ADMIN, versioned=False)

OPERATIONS = (
    _COLLECTION.list(list_people, summary="List the people who may sign in to the dashboard", query=Page),
    _COLLECTION.create(
        create_person,
        summary="Invite a person",
        description=f"The answer holds a link that lets them in once, within {LINK_HOURS} hours, to set a password.",
        body=PersonCreate,
        example={"name": "ada", "role": "editor"},
        response=Invitation,
        problems={409: "somebody has this name already"},
    ),
    _COLLECTION.get(get_person),
    _COLLECTION.update(
        update_person,
        summary="Change a person's role, shut them out or let them in again",
        body=PersonUpdate,
        example={"role": "viewer"},
    ),
    _COLLECTION.act(
        "link",
        link_person,
        "Make a link that lets a person in once, to set a password",
        description="An invitation again, or a reset. The links before it are void.",
        response=Invitation,
        status=201,
        problems=_SHUT_OUT,
    ),
)
