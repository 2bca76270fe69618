"""Whether the API's own parsers refuse a request of Schemathesis: what they refuse reaches no operation."""

from types import SimpleNamespace

from multidict import CIMultiDict
from requests import Request
from yarl import URL

from ingest.api.framework.operation import JSON
from ingest.api.framework.validation import parse_body, read_query
from ingest.api.routes import OPERATIONS
from ingest.http.problems import ProblemError
from ingest.http.sent import validate_sent
from schemas.items import Item

BY_LABEL = {f"{one.method} {one.template}": one for one in OPERATIONS}
ITEMS = Item | list[Item]
ANYWHERE = "http://localhost"


def is_refused(case):
    """Return whether the query or the body of a case is refused, in an answer that can be written; None: nobody looked.

    The bytes are those that would be sent. What else a parser raises is a finding: the server would answer 500.
    """
    operation = BY_LABEL[case.operation.label]
    sent = case.as_transport_kwargs(ANYWHERE)
    options = {name: sent.get(name) for name in ("params", "data", "json")}
    request = Request(sent["method"], sent["url"], **options).prepare()
    try:
        read_query(SimpleNamespace(query=URL(request.url, encoded=True).query, headers=CIMultiDict()), operation)
        if operation.body is None or case.media_type != JSON or not request.body:
            return False
        body, _ = parse_body(_bytes(request.body), operation)
    except ProblemError as problem:
        return bool(problem.response().body)
    if operation.body == ITEMS:
        return not validate_sent(body if isinstance(body, list) else [body]).items
    return False if operation.validated else None


def _bytes(body):
    return body.encode() if isinstance(body, str) else body
