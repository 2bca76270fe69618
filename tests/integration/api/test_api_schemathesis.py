"""Schemathesis finds nothing: at the edges of what the document allows, by random requests, nor by random ways from one
operation to the next."""

import pytest

from tests.integration.api.schemathesis_run import findings


@pytest.fixture
def settings(settings):
    """A worker answers, and who asks for what never comes is not kept waiting."""
    return settings.model_copy(update={"reply_timeout_ms": 1_000})


@pytest.mark.usefixtures("worker")
async def test_requests_made_of_the_document_find_nothing(api, tmp_path):
    found = await findings(api, tmp_path)
    assert not found, found  # all of it, which a comparison would cut short
