"""The API with the road behind it."""

import pytest


@pytest.fixture
def settings(settings):
    """Two shards are enough here, and quicker to declare and to take than eight."""
    return settings.model_copy(update={"shards": 2})


@pytest.fixture
async def goods(api, worker):
    """The API with a feed that a worker serves."""
    api.feed = await api.new_feed()
    return api
