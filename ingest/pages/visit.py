"""What a page's handler is given: the session, the form, and the API's operations to ask and to change things by.

Every look at data goes through an operation, so accounts are kept apart, scopes are checked and values are validated at
the one place where the API does it. Every change is written to the audit log with what it changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from ingest.api.framework.call import SERVICES, Answer, Call, Services
from ingest.api.framework.caller import Caller, Scope
from ingest.api.framework.dispatch import plain
from ingest.api.framework.etags import etag_of
from ingest.api.framework.operation import Operation
from ingest.api.framework.validation import adapter, entries, problem
from ingest.api.routes import OPERATIONS
from ingest.http.problems import ProblemError
from ingest.pages import audit
from ingest.pages.sessions.store import Session
from schemas.logs import structlog

_log = structlog.get_logger()
_VERSION_HEADERS = ("If-Match", "If-None-Match")
_CHANGED = 412
_DIGITS = 10
"""As many and more are no int32."""


class ConflictError(ProblemError):
    """Somebody changed what a form was about: `both` has (attribute, as it is stored now, as it was sent)."""

    def __init__(self, problem: ProblemError, stored: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        super().__init__(problem.status, problem.code, problem.detail, problem.details, problem.headers)
        self.both = [(name, stored.get(name), sent[name]) for name in sent if stored.get(name) != sent[name]]


@cache
def _operations() -> dict[str, Operation]:
    return {operation.name: operation for operation in OPERATIONS}


@dataclass(slots=True)
class Asked:
    """One question to the API: what the page's "as JSON" and "as curl" show."""

    operation: Operation
    path: str
    body: Any = None
    answer: Answer | None = None


@dataclass(slots=True)
class Visit:
    """One request of a session. `form` holds the posted fields (a file as aiohttp's `FileField`)."""

    request: web.Request
    session: Session
    form: Mapping[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    executor: Any = None
    """The connection whose transaction holds all that an action does; None: each operation is one of its own."""
    later: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What is done once that transaction has committed."""

    @property
    def services(self) -> Services:
        """Return what all requests of the process share."""
        return self.request.app[SERVICES]

    @property
    def id(self) -> int:
        """Return the path's `{id}`; one that no resource can have is told as not found."""
        return self.number("id")

    def number(self, name: str) -> int:
        """Return a number of the path."""
        value = int(self.request.match_info[name])
        return value if value < 2**63 else 0

    def may(self, scope: Scope | str) -> bool:
        """Return whether the session's role includes a scope."""
        return self.session.role.scope.includes(Scope(scope))

    @staticmethod
    def offers(name: str) -> bool:
        """Return whether the API has an operation."""
        return name in _operations()

    def text(self, name: str) -> str:
        """Return a posted text, "" when there is none."""
        value = self.form.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    @staticmethod
    def asking(name: str, body: Any = None) -> Asked:
        """Return an operation without parameters as something to ask: for a line that people may send themselves."""
        operation = _operations()[name]
        return Asked(operation, operation.template, body)

    def whole(self, name: str, label: str) -> int:
        """Return a posted whole number, 0 when there is none; raises 422 with its label."""
        text = self.text(name) or "0"
        if not (text.isascii() and text.isdecimal() and len(text) < _DIGITS):
            raise ProblemError(422, "pages.settings.number", f"{label}: expected a whole number")
        return int(text)

    async def ask(
        self,
        name: str,
        path: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Any:
        """Return what an operation answers (a resource, or a list of them); raises its problem."""
        answer = await self.answer(name, path, query, body)
        return answer.body if isinstance(answer, Answer) else answer

    async def change(
        self,
        name: str,
        path: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        version: str | None = None,
    ) -> Any:
        """Change something by an operation and write it to the audit log; `version` is the ETag that was looked at."""
        path = dict(path or {})
        before = await self._state(name, path)
        try:
            answer = await self.answer(name, path, None, body, version)
        except ProblemError as problem:
            if problem.status == _CHANGED and isinstance(body, dict):
                raise ConflictError(problem, before or {}, body) from None
            raise
        result = answer.body if isinstance(answer, Answer) else answer
        after = await self._state(name, path) if before is not None else plain(result) if result is not None else None
        line = audit.line(name, _operations()[name].template.format(**path), before, after)
        await audit.record(self.executor or self.services.pool, self.session, self.request.remote, line)
        return result

    async def answer(
        self,
        name: str,
        path: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        version: str | None = None,
    ) -> Any:
        """Return an operation's whole answer, with its `Link` header."""
        operation = _operations()[name]
        path = dict(path or {})
        self._check(operation, path)
        query = {to_camel(key): value for key, value in (query or {}).items() if value not in (None, "")}
        asked = Asked(operation, operation.template.format(**path), body)
        url = self.request.rel_url.with_path(asked.path).with_query({key: str(value) for key, value in query.items()})
        asked.path = str(url)
        headers = {key: value for key, value in self.request.headers.items() if key not in _VERSION_HEADERS}
        if version:
            headers["If-Match"] = version
        inner = self.request.clone(method=operation.method, rel_url=url, headers=headers)
        session = self.session
        caller = Caller(
            session.token_id or 0, session.account_id, session.role.scope, None, session.feeds, who=session.who
        )
        call: Call[Any, Any] = Call(inner, name, caller, path, _query(operation, query), _body(operation, body))
        call.executor, call.later = self.executor, self.later
        self.asked.append(asked)
        answer = await self._handled(operation, call)
        if isinstance(answer, Answer):
            asked.answer = answer
        if operation.method != "GET":
            who = {"account_id": self.session.account_id, "session_id": self.session.id}
            _log.info("page_change", operation=operation.name, path=asked.path, **who)
        return answer

    async def _handled(self, operation: Operation, call: Call[Any, Any]) -> Any:
        if self.executor is None:
            return await operation.handler(call)
        async with self.executor.transaction():  # an action may go on after one that was refused
            return await operation.handler(call)

    def _check(self, operation: Operation, path: Mapping[str, Any]) -> None:
        """Refuse what the session may not: the API checks a token as it comes in, and a page calls its operations."""
        session = self.session
        if not self.may(operation.scope):
            detail = f"this needs the role of an {operation.scope} token; yours is {session.role}"
            raise ProblemError(403, "pages.role", detail)
        within = session.feeds is None or (path["id"] in session.feeds if operation.about_feed else operation.bound)
        if not within:
            raise ProblemError(403, "pages.bound", "this is about more than the one feed")
        if session.suspended and operation.method != "GET" and session.role.scope != Scope.OPERATOR:
            raise ProblemError(403, "pages.suspended", "the account is suspended: it can only be read")

    async def _state(self, name: str, path: Mapping[str, Any]) -> Any:
        """Return the resource that an operation changes, as JSON; None when it is none that can be read by itself."""
        reader = _operations().get(f"{name.partition('.')[0]}.get")
        if reader is None or set(reader.path_parameters) != set(path):
            return None
        try:
            return plain(await self.ask(reader.name, path))
        except ProblemError:
            return None


def version_of(resource: Any) -> str:
    """Return the ETag of a resource, to be sent back when it is changed."""
    return etag_of(resource.updated_at)


def _query(operation: Operation, given: Mapping[str, Any]) -> Any:
    try:
        return operation.query.model_validate(dict(given))
    except ValidationError as error:
        details = entries(error)
        raise problem(
            operation, 400, "query", f"{next(iter(details))}: {next(iter(details.values()))['message']}"
        ) from None


def _body(operation: Operation, given: Any) -> Any:
    if operation.body is None or not operation.validated or isinstance(given, BaseModel | bytes):
        return given
    if given is None and operation.body_optional:
        return None
    try:
        return adapter(operation.body).validate_python(given or {})
    except ValidationError as error:
        details = entries(error)
        field_name, first = next(iter(details.items()))
        raise problem(operation, 422, "invalid", f"{field_name}: {first['message']}", details) from None
