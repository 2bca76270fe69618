"""The API with the road behind it."""

import pytest


@pytest.fixture
def amqp_url(two_shards):
    """Two shards are enough here, and quicker to take than four; they stand already."""
    return two_shards


@pytest.fixture
def settings(settings):
    """They are told of; a worker of a test replies, however busy the machine is."""
    return settings.model_copy(update={"shards": 2, "reply_timeout_ms": 120_000})


@pytest.fixture
async def goods(api, worker):
    """The API with a feed that a worker serves."""
    api.feed = await api.new_feed()
    return api
