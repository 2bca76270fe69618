"""What an operator reads when a live queue is not as it should be."""

import pytest
from aiormq.exceptions import ChannelClosed, ChannelNotFoundEntity, ChannelPreconditionFailed

from schemas.declare import bind, declare, queue_trouble, with_live_limit
from schemas.errors import Permanent
from schemas.settings import Settings
from schemas.topology import Queue

IN_QUEUE = (
    "PRECONDITION_FAILED - inequivalent arg '{}' for queue 'feedline.shard.000' in vhost '/': "
    "received {} but current is {}"
)
QUEUE = Queue("feedline.shard.000", {"x-max-length": 200_000, "x-overflow": "reject-publish"})


@pytest.mark.parametrize(
    ("broker_says", "expected"),
    [
        (
            IN_QUEUE.format("x-max-length", "the value '200000' of type 'long'", "the value '100' of type 'signedint'"),
            "the live queue feedline.shard.000 has x-max-length = 100, but x-max-length = 200000 is expected",
        ),
        (
            IN_QUEUE.format("x-overflow", "the value 'reject-publish' of type 'longstr'", "none"),
            "the live queue feedline.shard.000 has x-overflow = (not set), but x-overflow = reject-publish is expected",
        ),
        (
            IN_QUEUE.format("durable", "'true'", "'false'"),
            "the live queue feedline.shard.000 has durable = false, but durable = true is expected",
        ),
    ],
)
def test_a_message_names_queue_argument_found_and_expected(broker_says, expected):
    assert expected == queue_trouble(QUEUE, broker_says).partition(". ")[0]


def test_a_length_that_a_setting_can_follow_is_said_to_do_so():
    says = IN_QUEUE.format("x-max-length", "'x'", "the value '7' of type 'long'")

    assert "set QUEUE_MAX_LENGTH=7" in queue_trouble(QUEUE, says)


def test_what_the_broker_says_in_other_words_is_passed_on():
    assert "RESOURCE_LOCKED - elsewhere" in queue_trouble(QUEUE, "RESOURCE_LOCKED - elsewhere")


def test_a_live_queue_with_another_delivery_limit_is_used_with_that():
    fenced = Queue(QUEUE.name, QUEUE.arguments | {"x-delivery-limit": 1_000_000})
    says = IN_QUEUE.format("x-delivery-limit", "the value '1000000' of type 'signedint'", "{}")

    assert Queue(QUEUE.name, QUEUE.arguments | {"x-delivery-limit": 20}) == with_live_limit(
        fenced, says.format("the value '20' of type 'signedint'")
    )
    assert QUEUE == with_live_limit(fenced, says.format("none"))


@pytest.mark.parametrize("limit", ["x-max-length", "x-max-length-bytes"])
def test_a_live_queue_with_another_length_is_used_with_that_but_none_without(limit):
    queue = Queue(QUEUE.name, QUEUE.arguments | {limit: 200_000})
    says = IN_QUEUE.format(limit, "the value '200000' of type 'signedint'", "{}")

    assert Queue(QUEUE.name, queue.arguments | {limit: 100}) == with_live_limit(
        queue, says.format("the value '100' of type 'signedint'")
    )
    assert with_live_limit(queue, says.format("none")) is None


def test_a_live_queue_that_differs_in_more_is_not_used():
    says = IN_QUEUE.format("x-overflow", "the value 'reject-publish' of type 'longstr'", "none")

    assert with_live_limit(QUEUE, says) is None


class Connection:
    """A connection to a broker on which some queues cannot be declared."""

    def __init__(self, troubles):
        self.troubles, self.declared, self.channels = troubles, [], []

    async def channel(self, **_):
        self.channels.append(Channel(self))
        return self.channels[-1]


class Channel:
    """A channel that a refusal closes; a time-out leaves it open."""

    def __init__(self, connection):
        self.connection, self.closed = connection, False

    async def exchange_declare(self, *_, **__):
        assert not self.closed

    async def queue_declare(self, name, **_):
        assert not self.closed
        trouble = self.connection.troubles.get(name)
        if trouble is not None:
            self.closed = isinstance(trouble, ChannelClosed)
            raise trouble
        self.connection.declared.append(name)

    async def queue_bind(self, queue, *_, **__):
        assert not self.closed
        if queue not in self.connection.declared:
            self.closed = True
            raise ChannelNotFoundEntity("no queue")

    async def close(self):
        self.closed = True


@pytest.fixture
def settings():
    return Settings(database_url="postgresql://h/x", amqp_url="amqp://h/x", secret_key="k" * 32, shards=3)


@pytest.mark.parametrize("trouble", [TimeoutError(), ChannelNotFoundEntity("home node is down")])
async def test_one_sick_queue_stops_no_other_and_leaves_no_channel_open(settings, trouble):
    connection = Connection({"feedline.shard.001": trouble})

    sick = await declare(connection, settings)

    assert ["feedline.dead", "feedline.shard.000", "feedline.shard.002"] == connection.declared
    assert ["feedline.shard.001"] == [told.partition(":")[0] for told in sick]
    assert [True, True] == [channel.closed for channel in connection.channels]


async def test_a_slot_whose_queue_is_gone_is_bound_to_a_new_one_and_no_channel_stays_open(settings):
    connection = Connection({})

    await bind(connection, settings, 5, 2)

    assert "feedline.shard.002" in connection.declared
    assert [True, True, True] == [channel.closed for channel in connection.channels]


async def test_a_live_queue_that_differs_is_refused_and_no_channel_stays_open(settings):
    differs = ChannelPreconditionFailed(IN_QUEUE.format("x-overflow", "the value 'reject-publish'", "none"))
    connection = Connection({"feedline.dead": differs})

    with pytest.raises(Permanent, match="x-overflow"):
        await declare(connection, settings)
    assert [True] == [channel.closed for channel in connection.channels]
