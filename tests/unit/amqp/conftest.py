"""A wire with no socket behind it, and time in the hands of the test."""

import asyncio

import pytest

from ingest.amqp.wire import Wire


class Clock:
    """As much of an event loop as a wire needs, with time in the hands of the test."""

    def __init__(self):
        self.now, self.soon, self.later = 100.0, [], []

    def time(self):
        return self.now

    def create_future(self):
        return asyncio.get_running_loop().create_future()

    def call_soon(self, function):
        self.soon.append(function)

    def call_later(self, delay, function, *arguments):
        self.later.append((self.now + delay, function, arguments))
        return asyncio.get_running_loop().call_later(1_000, lambda: None)

    def turn(self):
        """End one turn of the loop."""
        soon, self.soon = self.soon, []
        for function in soon:
            function()

    def pass_time(self, seconds):
        """Let time pass in steps of 50 ms."""
        end = self.now + seconds
        while self.now < end:
            self.now += 0.05
            due = [entry for entry in self.later if entry[0] <= self.now]
            self.later = [entry for entry in self.later if entry[0] > self.now]
            for _, function, arguments in due:
                function(*arguments)
            self.turn()


class Transport:
    """Keeps what is written; stands for the tap too, which says whether the socket takes bytes."""

    def __init__(self):
        self.transport, self.written, self.paused, self.aborted = self, [], False, False

    def write(self, data):
        self.written.append(data)

    def set_write_buffer_limits(self, high):
        self.high = high

    def abort(self):
        self.aborted = True


@pytest.fixture
async def rig():
    clock, transport = Clock(), Transport()
    wire = Wire(clock, transport, channel=1, frame_max=4_096, confirm_timeout_s=5)
    yield wire, clock, transport
    wire.over("the test is over")
