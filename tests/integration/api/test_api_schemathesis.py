"""Schemathesis finds nothing at the edges of what the document allows; a file of its own, since it takes long."""

import pytest

from tests.integration.api.schemathesis_run import findings


@pytest.fixture
def settings(settings):
    """A worker answers, and who asks for what never comes is not kept waiting."""
    return settings.model_copy(update={"reply_timeout_ms": 1_000})


@pytest.mark.usefixtures("worker")
async def test_the_edges_of_the_document_find_nothing(api, tmp_path):
    found = await findings(api, tmp_path, "coverage", 1)
    assert not found, found  # all of it, which a comparison would cut short
