"""The API with the road behind it."""

import pytest


@pytest.fixture
async def goods(api, worker):
    """The API with a feed that a worker serves."""
    api.feed = await api.new_feed()
    return api
