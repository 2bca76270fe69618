"""Filters of lists: what is asked for is looked for, or refused; it never finds everything."""

import pytest
from aiohttp.test_utils import make_mocked_request

from ingest.api.framework.validation import read_query
from ingest.api.routes import OPERATIONS
from ingest.http.problems import ProblemError

FILTERS = [
    (operation, field.alias or name, name)
    for operation in OPERATIONS
    for name, field in operation.query.model_fields.items()
]
REQUEST = make_mocked_request("GET", "/")
NOTHING = ["none", "N/A", "null", "0", "", "%20", "%E2%80%8B", "%EF%BB%BF"]


@pytest.mark.parametrize(
    ("operation", "parameter", "name"), FILTERS, ids=lambda value: getattr(value, "name", value if str(value) else "")
)
def test_a_filter_that_says_nothing_is_refused_or_looked_for_but_never_dropped(operation, parameter, name):
    looked_for = [asked_for(operation, f"/?{parameter}={value}", parameter, name) for value in NOTHING]

    assert None not in looked_for


def asked_for(operation, target, parameter, name):
    """Return what is looked for, or how it is refused."""
    try:
        query, _ = read_query(REQUEST.clone(rel_url=target), operation)
    except ProblemError as problem:
        return problem if [parameter] == list(problem.details) else None
    return getattr(query, name)


@pytest.mark.parametrize("spelled", ["barcode", "where[barcode]"])
def test_no_barcode_is_refused_with_its_reason(spelled):
    operation = next(one for one in OPERATIONS if one.name == "variants.list")

    with pytest.raises(ProblemError, match="there is none") as refused:
        read_query(REQUEST.clone(rel_url=f"/?{spelled}=N/A"), operation)

    assert {"barcode"} == set(refused.value.details)
